//! The bytes of a blob from a source, verified as they are read.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use oci::digest::{Digest, Hasher};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use upstream::BlobDownload;

use super::CopyError;

/// Bytes that are read from a file at once.
const READ: usize = 1024 * 1024;

/// A blob that is being read. After the last bytes, its digest and size are right.
pub(crate) enum Reader {
    Download(BlobDownload),
    File(FileReader),
}

/// A blob in a file.
pub(crate) struct FileReader {
    file: File,
    path: PathBuf,
    digest: Digest,
    hasher: Option<Hasher>,
    left: u64,
}

impl Reader {
    /// Opens a file whose content must have this digest and size.
    pub(crate) async fn open(path: PathBuf, digest: &Digest, size: u64) -> Result<Self, CopyError> {
        let file = File::open(&path).await.map_err(CopyError::file(&path))?;
        let length = file.metadata().await.map_err(CopyError::file(&path))?.len();
        if length != size {
            return Err(CopyError::content(path, format!("{length} bytes, but the manifest says {size}")));
        }
        let hasher = Some(Hasher::new(digest.algorithm()));
        Ok(Self::File(FileReader { file, path, digest: *digest, hasher, left: size }))
    }

    /// The next bytes; None at the end, when all of them are verified.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, CopyError> {
        match self {
            Self::Download(download) => Ok(download.chunk().await?),
            Self::File(file) => file.chunk().await,
        }
    }

    /// Bytes until there are at least `least` of them, or until the end.
    pub(crate) async fn part(&mut self, least: usize) -> Result<Bytes, CopyError> {
        let mut part = BytesMut::new();
        while part.len() < least {
            match self.chunk().await? {
                Some(bytes) => part.extend_from_slice(&bytes),
                None => break,
            }
        }
        Ok(part.freeze())
    }
}

impl FileReader {
    async fn chunk(&mut self) -> Result<Option<Bytes>, CopyError> {
        let mut bytes = BytesMut::with_capacity(READ);
        let mut limited = (&mut self.file).take(self.left.min(READ as u64));
        let read = limited.read_buf(&mut bytes).await.map_err(CopyError::file(&self.path))?;
        self.left = self.left.saturating_sub(read as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        if self.left > 0 && read == 0 {
            return Err(CopyError::content(&self.path, "the file became shorter while it was read"));
        }
        // The last bytes are returned only if all are right.
        if self.left == 0
            && let Some(hasher) = self.hasher.take()
            && hasher.finish() != self.digest
        {
            let why = format!("the bytes do not have the digest {}", self.digest);
            return Err(CopyError::content(&self.path, why));
        }
        Ok((read > 0).then(|| bytes.freeze()))
    }
}
