//! Whether layers exist. A client that is told that a layer exists may soon push a manifest with it, so the grace of a
//! layer without a manifest is renewed before the answer.

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::settings::Collection;
use access::store::{
    BlobRow, FindBlobs, FindLayerImages, LoadManifest, RenewBlobs, StoreResultExt as _, Target,
};
use oci::digest::Digest;

use super::{blob_unknown, readable};
use crate::Registry;

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
        let collection = &self.access.settings.limits.collection;
        let denied = match gate.permit::<ecr::BatchCheckLayerAvailability>() {
            Ok(permit) if permit.blob().is_some() => return stat(ctx, collection, &permit).await,
            Ok(permit) => return self.upstream_stat(ctx, (repository, &gate), &permit, digest).await,
            Err(denied) => denied,
        };
        let permit = gate.permit::<ecr::GetDownloadUrlForLayer>().map_err(|_| denied)?;
        match permit.blob() {
            Some(_) => stat(ctx, collection, &permit).await,
            None => self.upstream_stat(ctx, (repository, &gate), &permit, digest).await,
        }
    }

    /// The same for a blob that only an upstream registry has.
    async fn upstream_stat<G>(
        &self,
        ctx: &Ctx,
        of: (&RepositoryRef, &Gate),
        permit: &Permit<G>,
        digest: &Digest,
    ) -> Result<BlobStat>
    where
        G: Opens<FindLayerImages, On = OnRepository> + Opens<LoadManifest>,
    {
        self.head_upstream_blob(ctx, of, permit, digest).await?.ok_or_else(blob_unknown)
    }
}

async fn stat<G>(ctx: &Ctx, collection: &Collection, permit: &Permit<G>) -> Result<BlobStat>
where
    G: Opens<RenewBlobs, On = OnRepository>,
{
    let row = readable(permit.blob())?;
    let there = renew(ctx, collection, permit, std::slice::from_ref(row)).await?;
    if there.is_empty() { Err(blob_unknown()) } else { Ok(row.into()) }
}

/// Renews the grace of blobs before a client is told that they exist, unless that was done recently. Returns those that
/// still exist.
pub(super) async fn renew<G>(
    ctx: &Ctx,
    collection: &Collection,
    permit: &Permit<G>,
    rows: &[BlobRow],
) -> Result<Vec<Digest>>
where
    G: Opens<RenewBlobs, On = OnRepository>,
{
    let lately = ctx.at().minus(collection.renewed_lately());
    let is_recent = |row: &&BlobRow| row.renewed_at > lately;
    let (recent, old): (Vec<_>, Vec<_>) = rows.iter().partition(is_recent);
    let mut there: Vec<Digest> = recent.iter().map(|row| row.digest).collect();
    if !old.is_empty() {
        let digests = old.iter().map(|row| row.digest).collect();
        let renew = permit.write(|repository| RenewBlobs { repository, digests, at: ctx.at() });
        there.extend(renew.await.or_store_error()?);
    }
    Ok(there)
}

/// Which of these layers exist.
pub(crate) async fn check<G>(
    ctx: &Ctx,
    collection: &Collection,
    permit: &Permit<G>,
    digests: Vec<Digest>,
) -> Result<Vec<(Digest, Option<BlobRow>)>>
where
    G: Opens<RenewBlobs, On = OnRepository> + Opens<FindBlobs>,
{
    let mut found = permit.read(|repository| FindBlobs { repository, digests }).await?;
    let rows: Vec<BlobRow> = found.iter().filter_map(|(_, row)| row.clone()).collect();
    let there = renew(ctx, collection, permit, &rows).await?;
    for (digest, row) in &mut found {
        if !there.contains(digest) {
            *row = None;
        }
    }
    Ok(found)
}

/// The first of these layers that exists already and can be read. A layer in the archive comes back with its upload.
pub(crate) async fn first_of(
    ctx: &Ctx,
    collection: &Collection,
    permit: &Permit<ecr::CompleteLayerUpload>,
    digests: Vec<Digest>,
) -> Result<Option<Digest>> {
    let found = check(ctx, collection, permit, digests).await?;
    Ok(found
        .into_iter()
        .find(|(_, blob)| blob.as_ref().is_some_and(|row| !row.is_archived))
        .map(|(digest, _)| digest))
}
