//! A pull of a layer that an image from an upstream registry needs and the repository does not have yet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::{Error, Result};
use access::op::{Effect as _, ecr};
use access::permit::{OnRepository, Opens, Permit};
use access::store::{FindLayerImages, FindUpstream, ImportedFrom, LoadManifest, RegistryKey, RepositoryKey};
use futures::future::BoxFuture;
use oci::digest::Digest;
use oci::manifest::Manifest;
use upstream::UpstreamError;

use super::Arrival;
use super::import::{Of, Source, ended};
use super::receive::Receive;
use super::{layer_refusal, too_many};
use crate::Registry;
use crate::layer::availability::BlobStat;
use crate::layer::bytes::LayerBytes;

/// The memory for each byte of a manifest that is parsed.
const TIMES: u64 = 4;

/// How long a client waits for its layer to begin, while others are received.
const OPENING: Duration = Duration::from_mins(1);

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
        let size = self.size_upstream(&wanted.source, *digest).await?;
        if size != wanted.size {
            let host = wanted.source.upstream.endpoint().host();
            let why = "the blob does not have the size that its manifest says";
            return Err(layer_refusal(&UpstreamError::invalid(host, why)));
        }
        Ok(Some(BlobStat { digest: *digest, size }))
    }

    /// The size of a layer, as the upstream registry says. It is asked once for all who ask at the same time.
    async fn size_upstream(&self, source: &Source, digest: Digest) -> Result<u64> {
        let key = source.layer_key(digest);
        let known = |of| self.pull_through.layer_failures.get(&(of, key.clone()), Instant::now());
        if let Some(error) = known(Of::Bytes).or_else(|| known(Of::Size)) {
            return Err(error);
        }
        let registry = self.this.upgrade().ok_or_else(ended)?;
        let work = || -> BoxFuture<'static, Result<u64>> {
            let source = source.clone();
            Box::pin(async move { registry.ask_size(&source, digest).await })
        };
        self.pull_through.sizes.join(key.clone(), work, Result::is_ok).await.ok_or_else(ended)?
    }

    async fn ask_size(&self, source: &Source, digest: Digest) -> Result<u64> {
        let _slot = self.pull_through.shared.fetches.take(&source.account).await.ok_or_else(too_many)?;
        let size = source.upstream.head_blob(&source.name, &digest).await.and_then(|size| {
            let why = "it does not say the size of the blob";
            size.ok_or_else(|| UpstreamError::invalid(source.upstream.endpoint().host(), why))
        });
        size.map_err(|error| self.layer_failed(source, (Of::Size, digest), &error, None))
    }

    /// Counts and remembers that an upstream registry did not deliver a layer.
    pub(super) fn layer_failed(
        &self,
        source: &Source,
        (of, digest): (Of, Digest),
        error: &UpstreamError,
        remember: Option<Duration>,
    ) -> Error {
        self.pull_through.failed(source, error);
        let for_time = match error {
            UpstreamError::TooManyRequests { retry_after, .. } => *retry_after,
            _ => remember,
        };
        let refusal = layer_refusal(error);
        let key = (of, source.layer_key(digest));
        self.pull_through.layer_failures.put(key, refusal.clone(), for_time, Instant::now());
        refusal
    }

    /// Only layers of images that the repository has are fetched: their manifests say how long the layers are. For an image
    /// that was imported from there, under this name and rule, the permission was decided when it was imported; for another
    /// one, it is decided for this caller.
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
        let from = ImportedFrom { name: repository.name.to_string(), since: found.rule.created_at };
        let find = |repository| FindLayerImages { repository, digests, upstream: Some(from) };
        let images = permit.read(find).await?;
        let Some(image) = images.into_iter().next() else { return Ok(None) };
        if !image.is_imported {
            // Who pushed this image needed no permission to import, and can have named any layer.
            gate.allow(ecr::BatchImportUpstreamImage::OP)?;
        }
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
        let layer = source.layer_key(digest);
        let failure = (Of::Bytes, layer.clone());
        if let Some(error) = self.pull_through.layer_failures.get(&failure, Instant::now()) {
            return Arrival::failed(digest, size, error);
        }
        let new = || Arrival::new(digest, size, LayerBytes::new_key());
        let (arrival, is_new) = self.pull_through.arrivals.join((key, layer), new);
        if let (true, Some(registry)) = (is_new, self.this.upgrade()) {
            let (repository, source) = (repository.clone(), source.clone());
            let job = Receive { key, repository, source, arrival: Arc::clone(&arrival) };
            tokio::spawn(async move { registry.receive(job).await });
        }
        arrival
    }
}
