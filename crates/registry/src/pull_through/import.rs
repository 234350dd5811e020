//! Fetches a manifest from an upstream registry, once for all who ask for it, and stores it for each with its own
//! permission.

use std::sync::Arc;
use std::time::Instant;

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    FindImages, FoundImage, FoundUpstream, ImageRef, MissingContents, RecordUpstreamTag, RefusedExt as _,
    RegistryKey, SameDigestSameTag,
};
use aws::ids::AccountId;
use futures::future::BoxFuture;
use oci::digest::Digest;
use oci::name::{Reference, RepositoryName};
use upstream::{RemoteManifest, Upstream, UpstreamError};

use super::counts::Requested;
use super::upstreams::RuleKey;
use super::{refusal, too_many};
use crate::Registry;
use crate::image::push::ImagePush;

/// The largest manifest that is kept in memory for a moment. Most have a few KiB.
const LARGEST_KEPT: usize = 128 * 1024;

/// A repository of an upstream registry.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) upstream: Arc<Upstream>,
    pub(super) name: RepositoryName,
    /// The account whose work this is.
    pub(super) account: AccountId,
    rule: RuleKey,
}

/// What is fetched: the rule, the name upstream, the reference, and the image that the tag has here.
pub(super) type ImportKey = (RuleKey, RepositoryName, Reference, Option<Digest>);

/// A layer of an upstream registry.
pub(super) type LayerKey = (RuleKey, RepositoryName, Digest);

/// What of a layer was asked for. A registry that does not say a size can still have the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Size,
    Bytes,
}

impl Source {
    pub(super) fn layer_key(&self, digest: Digest) -> LayerKey {
        (self.rule.clone(), self.name.clone(), digest)
    }

    /// The version of the login that its requests have.
    pub(super) fn login_version(&self) -> Option<&str> {
        self.rule.login_version()
    }
}

/// What the upstream registry has.
#[derive(Clone)]
pub(super) enum Imported {
    /// The same image as here.
    Same,
    /// An image that is not here.
    Manifest(Arc<RemoteManifest>),
}

impl Imported {
    fn bytes(&self) -> u64 {
        match self {
            Self::Same => 0,
            Self::Manifest(remote) => remote.body.len() as u64,
        }
    }
}

impl Registry {
    /// Where a repository comes from.
    pub(super) async fn source_of(
        &self,
        registry: RegistryKey,
        repository: &RepositoryRef,
        found: &FoundUpstream,
    ) -> Result<Source> {
        let row = &found.rule;
        let name = row.rule.upstream_name(repository.name.as_str()).unwrap_or_default();
        let name = name.parse().map_err(|_| {
            let message = format!("'{name}' is not a name that an upstream registry can have.");
            Error::new(Code::NameInvalid, message)
        })?;
        let of = (&repository.account_id, &repository.region);
        let login = self.pull_through.login_of(&self.access, of, row).await?;
        let (rule, upstream) = self.pull_through.upstreams.of(registry, row, login)?;
        Ok(Source { upstream, name, account: repository.account_id.clone(), rule })
    }

    /// Fetches the manifest of a tag or digest.
    pub(super) async fn fetch(
        &self,
        source: &Source,
        reference: &Reference,
        current: Option<Digest>,
    ) -> Result<Imported> {
        let key = (source.rule.clone(), source.name.clone(), reference.clone(), current);
        if let Some(error) = self.pull_through.failures.get(&key, Instant::now()) {
            return Err(error);
        }
        let registry = self.this.upgrade().ok_or_else(ended)?;
        let work = || -> BoxFuture<'static, Result<Imported>> {
            let (source, key) = (source.clone(), key.clone());
            Box::pin(async move { registry.fetch_once(&source, key).await })
        };
        self.pull_through.imports.join(key.clone(), work, is_kept).await.ok_or_else(ended)?
    }

    /// Fetches an image that belongs to another one. None: the repository has it, or it cannot be had, which keeps nothing
    /// else away.
    pub(super) async fn fetch_missing(
        &self,
        permit: &Permit<ecr::BatchImportUpstreamImage>,
        source: &Source,
        digest: Digest,
    ) -> Result<Option<Arc<RemoteManifest>>> {
        let ids = vec![ImageRef { digest: Some(digest), tag: None }];
        let known = permit.read(|repository| FindImages { repository, ids }).await?;
        if known.iter().any(|found| matches!(found, FoundImage::Found(_))) {
            return Ok(None);
        }
        match self.fetch(source, &Reference::Digest(digest), None).await {
            Ok(Imported::Manifest(remote)) => Ok(Some(remote)),
            Ok(Imported::Same) | Err(_) => Ok(None),
        }
    }

    async fn fetch_once(&self, source: &Source, key: ImportKey) -> Result<Imported> {
        let fetches = &self.pull_through.shared.fetches;
        let _slot = fetches.take(&source.account).await.ok_or_else(too_many)?;
        let (_, name, reference, current) = &key;
        let counts = &self.pull_through.shared.counts;
        counts.requested(Requested::Manifest);
        let error = match fetch(&source.upstream, name, reference, *current).await {
            Ok(imported) => {
                counts.received(imported.bytes());
                return Ok(imported);
            }
            Err(error) => error,
        };
        self.pull_through.failed(source, &error);
        tracing::info!(upstream = %source.upstream.endpoint(), %name, %reference, %error, "not fetched");
        let retry_after = match &error {
            UpstreamError::TooManyRequests { retry_after, .. } => *retry_after,
            _ => None,
        };
        let error = refusal(&error);
        self.pull_through.failures.put(key, error.clone(), retry_after, Instant::now());
        Err(error)
    }

    /// Stores a manifest under a tag, for a caller that may import it. A repository that does not exist is created.
    pub(super) async fn store_import(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        found: &FoundUpstream,
        (remote, reference): (&RemoteManifest, &Reference),
    ) -> Result<Permit<ecr::BatchImportUpstreamImage>> {
        let permit = self.permit_or_create(ctx, (repository, gate), "PULL_THROUGH_CACHE").await?;
        let tag = reference.tag();
        let digest = match self.store_manifest(ctx, repository, &permit, remote, tag.into_iter()).await {
            // Immutable tags do not follow the upstream registry (ECR User Guide, "Pull through cache and immutable
            // tags").
            Err(error) if error.code == Code::ImageTagAlreadyExists => gate.image().map(|image| image.digest),
            stored => stored.map(|()| Some(remote.digest))?,
        };
        if let (Some(tag), Some(digest)) = (tag, digest) {
            let rule = &found.rule.rule;
            let record = |repository| RecordUpstreamTag {
                repository,
                tag: tag.clone(),
                digest,
                at: ctx.at(),
                imported_from: Some((rule.prefix.clone(), rule.upstream_url.clone())),
            };
            permit.write(record).await.or_refused(|_gone| permit.repository_not_found())?;
        }
        Ok(permit)
    }

    /// Stores a manifest whose contents come later.
    pub(super) async fn store_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        permit: &Permit<ecr::BatchImportUpstreamImage>,
        remote: &RemoteManifest,
        tags: impl Iterator<Item = &oci::name::Tag>,
    ) -> Result<()> {
        let push = ImagePush {
            digest: remote.digest,
            manifest: remote.manifest.clone(),
            body: remote.body.clone(),
            tags: tags.cloned().collect(),
            same_image: SameDigestSameTag::Accept,
            missing: MissingContents::Import { name: repository.name.to_string() },
        };
        self.push_image(ctx, repository, permit, push).await.map(|_| ())
    }
}

/// A result is kept until those who waited have stored it, if it is small: a request that looked before then finds it.
/// Failures have a memory of their own.
fn is_kept(imported: &Result<Imported>) -> bool {
    match imported {
        Ok(Imported::Manifest(remote)) => remote.body.len() <= LARGEST_KEPT,
        Ok(Imported::Same) => true,
        Err(_) => false,
    }
}

/// By tag, an image that is here is first compared by its digest: registries do not count that as a pull.
async fn fetch(
    upstream: &Upstream,
    name: &RepositoryName,
    reference: &Reference,
    current: Option<Digest>,
) -> std::result::Result<Imported, UpstreamError> {
    if current.is_some() {
        let head = upstream.head_manifest(name, reference).await?;
        if head.digest == current {
            return Ok(Imported::Same);
        }
    }
    let remote = upstream.get_manifest(name, reference).await?;
    let is_same = current == Some(remote.digest);
    Ok(if is_same { Imported::Same } else { Imported::Manifest(Arc::new(remote)) })
}

/// The server stops, or a task of the cache panicked.
pub(super) fn ended() -> Error {
    Error::new(Code::Unavailable, "The pull through cache was interrupted. Try again.")
}
