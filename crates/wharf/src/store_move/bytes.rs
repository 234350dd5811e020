//! Copies the objects that the rows name from one store of blobs to another, a few at a time.

use anyhow::Context as _;
use blob::{AppendError, ObjectKey, OpenError, Store};
use meta::{Meta, ObjectRow};

use super::{Blobs, Progress};
use crate::object_copies::{Copied, copy_each_object, each_object, problem_of};

/// Copies the objects that the destination does not have. Returns the objects whose bytes are missing or damaged.
pub(crate) async fn copy_bytes(
    rows: &Meta,
    (from, to): (&Store, &Blobs),
    progress: &Progress,
) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let ended = |row: &ObjectRow, copied| match copied {
        Copied::Now => progress.object(row.size, true),
        Copied::Present => progress.object(row.size, false),
        Copied::Problem(problem) => problems.push(problem_of(row, &problem)),
    };
    copy_each_object(rows, |_| {}, async |row: &ObjectRow| copy(from, to, row).await, ended).await?;
    Ok(problems)
}

/// The number of objects and of their bytes.
pub(crate) async fn count(rows: &Meta) -> anyhow::Result<(u64, u64)> {
    let (mut objects, mut bytes) = (0, 0);
    let see = |row: &ObjectRow| {
        objects += 1;
        bytes += row.size;
    };
    each_object(rows, see).await?;
    Ok((objects, bytes))
}

async fn copy(from: &Store, to: &Blobs, row: &ObjectRow) -> anyhow::Result<Copied> {
    let key: ObjectKey = row.object_key.parse()?;
    if to.is_resumed {
        if is_there(&to.store, &key, row).await? {
            return Ok(Copied::Present);
        }
        // What an interrupted copy has left.
        to.store.delete(&key).await?;
    }
    let content = match from.open(&key, 0, row.size).await {
        Ok(content) => content,
        Err(OpenError::Io(error)) => return Err(error.into()),
        Err(error) => return Ok(Copied::Problem(error.to_string())),
    };
    let mut stream = content.into_stream();
    let begun = to.store.begin(row.digest.algorithm());
    let stage = match to.store.append(&key, begun, &mut stream, Some(row.size)).await {
        Ok(appended) => appended.stage,
        Err(AppendError::Body { source, .. }) => return Err(source).context("the source could not be read"),
        Err(AppendError::DiskFull(error) | AppendError::Io(error)) => return Err(error.into()),
        Err(error) => anyhow::bail!("{error}"),
    };
    let found = stage.digest();
    if found != row.digest {
        to.store.delete(&key).await?;
        return Ok(Copied::Problem(format!("its bytes have the digest {found}")));
    }
    to.store.finish(&key, &stage).await?;
    Ok(Copied::Now)
}

/// Whether the store has the object. Its length alone says so only if nothing else can have it: an interrupted copy leaves a
/// small object in a bucket before its digest is compared, and a power cut leaves the length of a file without its bytes.
async fn is_there(store: &Store, key: &ObjectKey, row: &ObjectRow) -> anyhow::Result<bool> {
    if store.len(key).await? != Some(row.size) {
        return Ok(false);
    }
    Ok(store.shows_only_finished(row.size)
        || store.rehash(key, row.digest.algorithm(), row.size).await? == row.digest)
}

#[cfg(test)]
mod tests {
    use blob::{Credentials, S3Options};
    use bytes::Bytes;
    use oci::digest::{Algorithm, Digest};
    use testkit::s3_server::{self, BUCKET, KEY_ID, SECRET};

    use super::*;

    #[tokio::test]
    #[expect(clippy::print_stdout, reason = "a test that did not run must say why")]
    async fn other_bytes_of_the_same_length_are_copied_again() {
        let Ok(address) = s3_server::address().inspect_err(|reason| println!("not tested: {reason}")) else {
            return;
        };
        let (place, key) = (ObjectKey::random(), ObjectKey::random());
        let mut options = S3Options::new(format!("s3://{BUCKET}/{place}").parse().unwrap(), "us-east-1");
        options.path_style = true;
        options.endpoint = Some(format!("http://{address}"));
        options.credentials = Credentials::Key { id: KEY_ID.to_owned(), secret: SECRET.to_owned() };
        let store = Store::s3(&options).unwrap();
        // What a copy leaves that ends before it compares the digest of a damaged source.
        let mut body = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"bytes"))]);
        store.append(&key, store.begin(Algorithm::Sha256), &mut body, Some(5)).await.unwrap();
        let row = |content: &[u8]| ObjectRow {
            id: 1,
            digest: Digest::of(Algorithm::Sha256, content),
            object_key: key.to_string(),
            size: 5,
        };
        assert!(!is_there(&store, &key, &row(b"other")).await.unwrap());
        assert!(is_there(&store, &key, &row(b"bytes")).await.unwrap());
    }
}
