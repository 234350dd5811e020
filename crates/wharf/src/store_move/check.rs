//! The final verification of a move: the check of the store (`wharf fsck`) on the new rows and bytes, and digests of objects
//! that are read again.

use anyhow::{Context as _, bail};
use blob::{ObjectKey, Store};
use meta::{ListObjects, Meta};
use registry::fsck::{Options, Report};

use super::Side;
use crate::cmd::store;

/// Rows that are read at once.
const PAGE: usize = 1_000;
/// How many objects a sample has.
const SAMPLE: u64 = 100;

/// Checks rows and bytes. Reads all bytes again, or those of a sample. Returns the report, and how many objects were read.
pub(crate) async fn check(
    rows: &Meta,
    (side, blobs): (&Side, &Store),
    objects: u64,
    reads_all: bool,
) -> anyhow::Result<(Report, u64)> {
    let deployment = store::of_parts(rows.clone(), &side.master_key, blobs.clone()).await?;
    let report = deployment.registry.fsck(Options { repair: false, quick: !reads_all }).await?;
    let read = if reads_all { report.objects } else { sample(rows, blobs, objects).await? };
    Ok((report, read))
}

/// Reads some objects, spread over all, and compares their digests.
async fn sample(rows: &Meta, blobs: &Store, objects: u64) -> anyhow::Result<u64> {
    let step = objects.div_ceil(SAMPLE).max(1);
    let (mut after, mut at, mut read) = (None, 0_u64, 0);
    loop {
        let page = rows.read(ListObjects { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(read) };
        after = Some(last.id);
        for row in &page {
            at += 1;
            if !at.is_multiple_of(step) {
                continue;
            }
            let key: ObjectKey = row.object_key.parse()?;
            let found = blobs.rehash(&key, row.digest.algorithm(), row.size).await;
            let found = found.with_context(|| format!("cannot read {} ({key})", row.digest))?;
            if found != row.digest {
                bail!("the copy of {} has the digest {found} ({key})", row.digest);
            }
            read += 1;
        }
    }
}
