//! Reading, mounting and deleting blobs. A blob is there only through a repository that links it.

use access::op::ecr;
use std::sync::Arc;
use std::time::Duration;

pub use ::blob::ContentStream;
use ::blob::{Content, ObjectKey};
use aws::ids::AccountId;
use fault::Fault;
use meta::{BlobRow, Target};
use meta::{FindLinks, LinkBlob, LinkBlobRefusal, RenewBlobs, RepositoryKey, UnlinkBlob, UnlinkBlobRefusal};
use oci::digest::Digest;
use oci::name::RepositoryName;

use crate::Registry;
use crate::blob_error::open_error;
use access::context::{Caller, Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::{RefusedExt as _, StoreResultExt as _, store_error};

/// How many repositories an anonymous mount looks at for one that the caller may read.
const MOUNT_CANDIDATES: usize = 20;

/// A grace that was renewed so short a time ago is not renewed again.
const RENEWED_LATELY: Duration = Duration::from_hours(1);

/// What a HEAD of a blob tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobStat {
    /// The blob's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Leave to read one blob's bytes.
pub struct BlobHandle {
    /// What the blob is.
    pub stat: BlobStat,
    /// The unique id of the principal who reads it.
    pub reader: String,
    /// The account of that principal.
    pub account_id: AccountId,
    key: ObjectKey,
    registry: Arc<Registry>,
}

impl BlobHandle {
    pub(crate) fn new(registry: &Arc<Registry>, row: &BlobRow, reader: &Caller) -> Result<Self> {
        let key = row.object_key.parse().map_err(Error::internal)?;
        Ok(Self {
            stat: BlobStat { digest: row.digest, size: row.size },
            reader: reader.unique_id.clone(),
            account_id: reader.account_id.clone(),
            key,
            registry: Arc::clone(registry),
        })
    }

    /// The bytes `[start, start + len)`. The caller has checked them against the size.
    pub async fn open(&self, start: u64, len: u64) -> Result<Content> {
        self.registry.blobs.open(&self.key, start, len).await.map_err(open_error)
    }
}

impl Registry {
    /// Whether the repository holds a blob, and its size. Leave to check availability or to download
    /// suffices: who may download a layer may know that it is there.
    pub async fn head_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<BlobStat> {
        let gate = self.access.gate(ctx, repository, Target::Blob(*digest)).await?;
        let repository = match gate.permit::<ecr::BatchCheckLayerAvailability>() {
            Ok(permit) => permit.repository(),
            Err(denied) => gate.permit::<ecr::GetDownloadUrlForLayer>().map_err(|_| denied)?.repository(),
        };
        let row = gate.resolved().blob.as_ref().ok_or_else(blob_unknown)?;
        self.renew(ctx, repository, row).await?;
        Ok(BlobStat { digest: row.digest, size: row.size })
    }

    /// Leave to read a blob.
    pub async fn get_blob(
        self: &Arc<Self>,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<BlobHandle> {
        let gate = self.access.gate(ctx, repository, Target::Blob(*digest)).await?;
        gate.permit::<ecr::GetDownloadUrlForLayer>()?;
        let row = gate.resolved().blob.as_ref().ok_or_else(blob_unknown)?;
        BlobHandle::new(self, row, &ctx.caller)
    }

    /// Links a blob that another repository of the same registry holds, if the caller may read it there.
    /// Without `from`, any repository that holds it and that the caller may read will do. False: nothing was
    /// mounted, and the client uploads.
    pub async fn mount_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool> {
        let gate = self.access.gate(ctx, repository, Target::Blob(*digest)).await?;
        gate.allow(ecr::CompleteLayerUpload::OP)?;
        let permit = gate.permit::<ecr::InitiateLayerUpload>()?;
        if let Some(row) = &gate.resolved().blob {
            self.renew(ctx, permit.repository(), row).await?;
            // The caller may push here, and what is here already needs no source.
            return Ok(true);
        }
        let candidates = match from {
            Some(name) => vec![name.clone()],
            None => self.repositories_with(permit.repository().registry, digest).await?,
        };
        for name in candidates {
            let source = RepositoryRef { name, ..repository.clone() };
            let source_gate = self.access.gate(ctx, &source, Target::Blob(*digest)).await?;
            let Ok(read) = source_gate.permit::<ecr::GetDownloadUrlForLayer>() else { continue };
            if source_gate.resolved().blob.is_none() {
                continue;
            }
            let link = LinkBlob {
                repository: permit.repository(),
                from: read.repository(),
                digest: *digest,
                at: ctx.at(),
            };
            fault::hit(Fault::BeforeLink);
            match self.access.meta.write(link).await {
                Ok(_) => {
                    fault::hit(Fault::AfterLink);
                    return Ok(true);
                }
                Err(meta::OpError::Refused(LinkBlobRefusal::SourceMissing)) => {}
                Err(meta::OpError::Refused(LinkBlobRefusal::RepositoryGone)) => {
                    return Err(gate.repository_not_found());
                }
                Err(meta::OpError::Store(error)) => return Err(store_error(error)),
            }
        }
        Ok(false)
    }

    /// Who is told that a blob is there may name it in a manifest soon: its grace begins again before the answer
    /// goes out, unless it did lately.
    async fn renew(&self, ctx: &Ctx, repository: RepositoryKey, row: &BlobRow) -> Result<()> {
        let age = ctx.at().0.saturating_sub(row.renewed_at.0);
        if i128::from(age) < RENEWED_LATELY.as_micros().cast_signed() {
            return Ok(());
        }
        let renew = RenewBlobs { repository, digests: vec![row.digest], at: ctx.at() };
        self.access.meta.write(renew).await.or_store_error()
    }

    async fn repositories_with(
        &self,
        registry: meta::RegistryKey,
        digest: &Digest,
    ) -> Result<Vec<RepositoryName>> {
        let find = FindLinks { registry, digest: *digest, limit: MOUNT_CANDIDATES };
        let names = self.access.meta.read(find).await.or_store_error()?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Takes a blob out of the repository. One that a manifest needs stays.
    pub async fn delete_blob(&self, ctx: &Ctx, repository: &RepositoryRef, digest: &Digest) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let unlink = UnlinkBlob { repository: permit.repository(), digest: *digest, at: ctx.at() };
        self.access.meta.write(unlink).await.or_refused(|refusal| match refusal {
            UnlinkBlobRefusal::NotFound => blob_unknown(),
            UnlinkBlobRefusal::InUse => Error::new(
                Code::BlobInUse,
                "A manifest of this repository needs the blob. Delete the manifest first.",
            ),
        })
    }
}

pub(crate) fn blob_unknown() -> Error {
    Error::new(Code::BlobUnknown, "The repository holds no such blob.")
}
