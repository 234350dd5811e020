//! Mounts a blob: links it from one repository to another one of the same registry, without an upload.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::storage_quota::More;
use access::store::{FindLinks, LinkBlob, LinkBlobRefusal, OpError, RepositoryKey, Target, store_error};
use fault::Fault;
use oci::digest::Digest;
use oci::name::RepositoryName;

use super::availability::renew;
use super::readable;
use crate::Registry;
use crate::registry_settings::account_setting::{BLOB_MOUNTING, of_repository};

/// How many repositories an anonymous mount checks for one that the caller may read.
const CANDIDATES: usize = 20;

impl Registry {
    /// Links a blob of another repository of the same registry, if the caller may read it there. Without `from`, any
    /// repository with the blob that the caller may read is used. False: nothing was mounted, and the client must
    /// upload.
    pub async fn mount_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool> {
        type Mount = (Permit<ecr::CompleteLayerUpload>, Permit<ecr::InitiateLayerUpload>);
        let (permit, _) = self.permits_to_push::<Mount>(ctx, repository, Target::Blob(*digest)).await?;
        if !may_mount(&permit).await? {
            return Ok(false);
        }
        if let Ok(row) = readable(permit.blob()) {
            let collection = &self.access.settings.limits.collection;
            // The caller may push here, and an existing blob needs no source.
            if !renew(ctx, collection, &permit, std::slice::from_ref(row)).await?.is_empty() {
                return Ok(true);
            }
        }
        let candidates = match from {
            Some(name) => vec![name.clone()],
            None => repositories_with(ctx, &permit, digest).await?,
        };
        for name in candidates {
            let source = RepositoryRef { name, ..repository.clone() };
            let source = self.access.gate(ctx, &source, Target::Blob(*digest)).await?;
            let Ok(source) = source.permit::<ecr::GetDownloadUrlForLayer>() else { continue };
            let Ok(row) = readable(source.blob()) else { continue };
            let _hold = self.access.hold_storage(repository, More::Linked(row.size)).await?;
            if link(ctx, &permit, &source, digest).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether the registry's setting allows mounts. Without it, ECR starts an upload, whether or not the blob is there.
async fn may_mount(permit: &Permit<ecr::CompleteLayerUpload>) -> Result<bool> {
    Ok(permit.read(of_repository(BLOB_MOUNTING)).await?.as_deref() != Some("DISABLED"))
}

/// Links the blob. False: the source no longer has it.
async fn link(
    ctx: &Ctx,
    permit: &Permit<ecr::CompleteLayerUpload>,
    source: &Permit<ecr::GetDownloadUrlForLayer>,
    digest: &Digest,
) -> Result<bool> {
    let from = source.repository();
    fault::hit(Fault::BeforeLink);
    let peer = ctx.of_peer.as_deref().map(str::to_owned);
    let linked =
        permit.write(|repository| LinkBlob { repository, from, digest: *digest, peer, at: ctx.at() });
    match linked.await {
        Ok(_) => {
            fault::hit(Fault::AfterLink);
            Ok(true)
        }
        Err(OpError::Refused(LinkBlobRefusal::SourceMissing)) => Ok(false),
        Err(OpError::Refused(LinkBlobRefusal::RepositoryGone)) => Err(permit.repository_not_found()),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

/// Repositories that have the blob. For a peer only those to which it sent the blob: a digest alone proves nothing.
async fn repositories_with(
    ctx: &Ctx,
    permit: &Permit<ecr::CompleteLayerUpload>,
    digest: &Digest,
) -> Result<Vec<RepositoryName>> {
    let find = |repository: RepositoryKey| FindLinks {
        registry: repository.registry,
        digest: *digest,
        peer: ctx.of_peer.as_deref().map(str::to_owned),
        limit: CANDIDATES,
    };
    let names = permit.read(find).await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}
