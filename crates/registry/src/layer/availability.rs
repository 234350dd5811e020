//! Whether layers exist. A client that is told that a layer exists may soon push a manifest with it, so the grace of a
//! layer without a manifest is renewed before the answer.

use std::time::Duration;

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{BlobRow, FindBlobs, RenewBlobs, StoreResultExt as _, Target};
use oci::digest::Digest;

use super::blob_unknown;
use crate::Registry;

/// A grace that was renewed this recently is not renewed again.
const RENEWED_LATELY: Duration = Duration::from_hours(1);

/// The result of a HEAD of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobStat {
    /// The blob's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl From<&BlobRow> for BlobStat {
    fn from(row: &BlobRow) -> Self {
        Self { digest: row.digest, size: row.size }
    }
}

impl Registry {
    /// Whether the repository has a blob, and its size. The permission to check availability or to download is
    /// sufficient: a caller that may download a layer may know that it exists.
    pub async fn head_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<BlobStat> {
        let gate = self.access.gate(ctx, repository, Target::Blob(*digest)).await?;
        match gate.permit::<ecr::BatchCheckLayerAvailability>() {
            Ok(permit) => stat(ctx, &permit).await,
            Err(denied) => {
                stat(ctx, &gate.permit::<ecr::GetDownloadUrlForLayer>().map_err(|_| denied)?).await
            }
        }
    }
}

async fn stat<G>(ctx: &Ctx, permit: &Permit<G>) -> Result<BlobStat>
where
    G: Opens<RenewBlobs, On = OnRepository>,
{
    let row = permit.blob().ok_or_else(blob_unknown)?;
    renew(ctx, permit, row).await?;
    Ok(row.into())
}

/// Renews the grace of the blob, unless that was done recently.
pub(super) async fn renew<G>(ctx: &Ctx, permit: &Permit<G>, row: &BlobRow) -> Result<()>
where
    G: Opens<RenewBlobs, On = OnRepository>,
{
    let age = ctx.at().0.saturating_sub(row.renewed_at.0);
    if i128::from(age) < RENEWED_LATELY.as_micros().cast_signed() {
        return Ok(());
    }
    let digests = vec![row.digest];
    permit.write(|repository| RenewBlobs { repository, digests, at: ctx.at() }).await.or_store_error()
}

/// Which of these layers exist.
pub(crate) async fn check(
    ctx: &Ctx,
    permit: &Permit<ecr::BatchCheckLayerAvailability>,
    digests: Vec<Digest>,
) -> Result<Vec<(Digest, Option<BlobRow>)>> {
    let renewed = digests.clone();
    let renew = permit.write(|repository| RenewBlobs { repository, digests: renewed, at: ctx.at() });
    renew.await.or_store_error()?;
    permit.read(|repository| FindBlobs { repository, digests }).await
}

/// The first of these layers that exists already.
pub(crate) async fn first_of(
    permit: &Permit<ecr::CompleteLayerUpload>,
    digests: Vec<Digest>,
) -> Result<Option<Digest>> {
    let found = permit.read(|repository| FindBlobs { repository, digests }).await?;
    Ok(found.into_iter().find(|(_, blob)| blob.is_some()).map(|(digest, _)| digest))
}
