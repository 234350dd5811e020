//! A pull of a layer that an image from an upstream registry needs and the repository does not have yet.

use std::sync::Arc;
use std::time::Duration;

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{FindLayerImages, FindUpstream, LoadManifest, RegistryKey, RepositoryKey};
use oci::digest::Digest;
use oci::manifest::Manifest;

use super::Arrival;
use super::import::Source;
use super::receive::Receive;
use super::refusal;
use crate::Registry;
use crate::layer::availability::BlobStat;
use crate::layer::bytes::LayerBytes;

/// The memory for each byte of a manifest that is parsed.
const TIMES: u64 = 4;

/// How long a client waits for its layer to begin, while others are received.
const OPENING: Duration = Duration::from_mins(1);

fn too_many() -> Error {
    Error::new(Code::UpstreamUnavailable, "Too many layers are arriving from upstream registries. Try again.")
}

/// A layer that the upstream registry has.
struct Wanted {
    source: Source,
    size: u64,
}

impl Registry {
    /// A layer on its way, after the upstream registry has answered with it. None: no rule applies, no image of the
    /// repository needs the layer, or the repository has it now.
    pub(crate) async fn arriving(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        permit: &Permit<ecr::GetDownloadUrlForLayer>,
        digest: &Digest,
    ) -> Result<Option<Arc<Arrival>>> {
        let Some(registry) = gate.registry_with_cache() else { return Ok(None) };
        let Some(wanted) = self.wanted(ctx, (repository, gate, registry), permit, digest).await? else {
            return Ok(None);
        };
        let arrival = self.start(permit.repository(), repository, &wanted.source, (*digest, wanted.size));
        let opened = tokio::time::timeout(OPENING, arrival.opened()).await.map_err(|_| too_many())??;
        Ok(if opened { Some(arrival) } else { None })
    }

    /// What the upstream registry says about a layer, without fetching it.
    pub(crate) async fn head_upstream_blob<G>(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        permit: &Permit<G>,
        digest: &Digest,
    ) -> Result<Option<BlobStat>>
    where
        G: Opens<FindLayerImages, On = OnRepository> + Opens<LoadManifest>,
    {
        let Some(registry) = gate.registry_with_cache() else { return Ok(None) };
        let Some(wanted) = self.wanted(ctx, (repository, gate, registry), permit, digest).await? else {
            return Ok(None);
        };
        let _slot = self.pull_through.fetches.take(&wanted.source.account).await;
        wanted
            .source
            .upstream
            .head_blob(&wanted.source.name, digest)
            .await
            .map_err(|error| refusal(&error))?;
        Ok(Some(BlobStat { digest: *digest, size: wanted.size }))
    }

    /// Only layers of images that the repository has are fetched: their manifests were imported by a caller with the
    /// permission to do so, and say how long the layers are.
    async fn wanted<G>(
        &self,
        ctx: &Ctx,
        (repository, gate, registry): (&RepositoryRef, &Gate, RegistryKey),
        permit: &Permit<G>,
        digest: &Digest,
    ) -> Result<Option<Wanted>>
    where
        G: Opens<FindLayerImages, On = OnRepository> + Opens<LoadManifest>,
    {
        let find = FindUpstream { registry, name: repository.name.to_string(), tag: None };
        let Some(found) = gate.read(find).await? else { return Ok(None) };
        let digests = vec![*digest];
        let images = permit.read(|repository| FindLayerImages { repository, digests }).await?;
        let Some(image) = images.into_iter().next() else { return Ok(None) };
        ctx.hold(image.manifest_size * TIMES).await?;
        let body = self.manifest_bytes(permit, (image.image, &image.manifest)).await?;
        let Ok(manifest) = Manifest::parse(&body, None) else { return Ok(None) };
        let size = manifest.blobs().find(|blob| blob.digest == *digest).map(|blob| blob.size);
        let Some(size) = size else { return Ok(None) };
        let source = self.source_of(registry, repository, &found).await?;
        Ok(Some(Wanted { source, size }))
    }

    /// Has a layer received, unless it is on its way already.
    pub(super) fn start(
        &self,
        key: RepositoryKey,
        repository: &RepositoryRef,
        source: &Source,
        (digest, size): (Digest, u64),
    ) -> Arc<Arrival> {
        let new = || Arrival::new(digest, size, LayerBytes::new_key());
        let (arrival, is_new) = self.pull_through.arrivals.join((key, digest), new);
        if let (true, Some(registry)) = (is_new, self.this.upgrade()) {
            let (repository, source) = (repository.clone(), source.clone());
            let job = Receive { key, repository, source, arrival: Arc::clone(&arrival) };
            tokio::spawn(async move { registry.receive(job).await });
        }
        arrival
    }
}
