//! Files of a machine that are copied to a backup or from it, with their digests.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};
use oci::digest::{Algorithm, Digest, Hasher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CHUNK_BYTES: usize = 1 << 20;

/// The length and the digest of bytes that pass by.
#[derive(Clone)]
pub(crate) struct Sum(Arc<Mutex<(u64, Hasher)>>);

impl Sum {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new((0, Hasher::new(Algorithm::Sha256)))))
    }

    pub(crate) fn add(&self, bytes: &[u8]) {
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.0 += bytes.len() as u64;
        sum.1.update(bytes);
    }

    pub(crate) fn finish(&self) -> (u64, Digest) {
        let sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (sum.0, sum.1.clone().finish())
    }
}

/// The content of a file.
pub(crate) async fn read_file(path: &Path, sum: Sum) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    let file = tokio::fs::File::open(path).await?;
    let chunks = stream::try_unfold((file, sum), |(mut file, sum)| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        let len = file.read(&mut chunk).await?;
        chunk.truncate(len);
        sum.add(&chunk);
        Ok((len > 0).then(|| (Bytes::from(chunk), (file, sum))))
    });
    Ok(chunks.boxed())
}

/// Writes a file, which is new, private and durable. Returns its digest.
pub(crate) async fn write_file(
    path: &Path,
    mut body: impl Stream<Item = io::Result<Bytes>> + Unpin,
) -> io::Result<Digest> {
    let created = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let (mut file, sum) = (tokio::fs::File::from_std(created), Sum::new());
    while let Some(bytes) = body.next().await {
        let bytes = bytes?;
        sum.add(&bytes);
        file.write_all(&bytes).await?;
    }
    file.flush().await?;
    file.sync_all().await?;
    Ok(sum.finish().1)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> anyhow::Result<()> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot sync {}", path.display()))
}

/// Refuses a folder that contains something. The root of a file system contains lost+found.
pub(crate) fn check_empty(path: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read {}", path.display()))?,
    };
    for entry in entries {
        if entry?.file_name() != "lost+found" {
            bail!("{} is not empty: a restore needs a new folder", path.display());
        }
    }
    Ok(())
}
