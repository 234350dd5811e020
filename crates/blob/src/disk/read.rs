//! Opens files for reading, and hashes them again.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use oci::digest::{Algorithm, Digest, Hasher};

use super::missing::missing;
use super::pool::Buffer;
use super::stream::CHUNK_BYTES;
use crate::content::{Content, OpenError};

pub(crate) async fn open(path: &Path, start: u64, len: u64) -> Result<Content, OpenError> {
    let file = match open_cached(path) {
        Some(file) => file,
        None => open_blocking(path).await?,
    };
    let wanted = start.saturating_add(len);
    let there = file.metadata().map_err(OpenError::Io)?.len();
    if there < wanted {
        return Err(OpenError::Truncated { wanted, len: there });
    }
    Ok(Content::File { file, start, len })
}

/// Opens the file if the kernel can do so from memory alone. All other cases, including errors, are left to
/// [`open_blocking`]: old kernels and some sandboxes do not have `openat2`.
#[cfg(target_os = "linux")]
fn open_cached(path: &Path) -> Option<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn open_cached(_path: &Path) -> Option<File> {
    None
}

async fn open_blocking(path: &Path) -> Result<File, OpenError> {
    let path = path.to_owned();
    let opened = tokio::task::spawn_blocking(move || open_file(&path)).await;
    opened.map_err(|error| OpenError::Io(io::Error::other(error)))?
}

pub(super) fn open_file(path: &Path) -> Result<File, OpenError> {
    File::open(path).map_err(|error| missing(path, error).map_or_else(OpenError::Io, |()| OpenError::Missing))
}

pub(crate) async fn rehash(path: PathBuf, algorithm: Algorithm, size: u64) -> Result<Digest, OpenError> {
    let job = tokio::task::spawn_blocking(move || rehash_blocking(&path, algorithm, size));
    job.await.map_err(|error| OpenError::Io(io::Error::other(error)))?
}

fn rehash_blocking(path: &Path, algorithm: Algorithm, size: u64) -> Result<Digest, OpenError> {
    let mut file = open_file(path)?.take(size);
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = Buffer::of(CHUNK_BYTES);
    let mut len = 0;
    loop {
        let read = match file.read(buffer.bytes()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(OpenError::Io(error)),
        };
        hasher.update(buffer.bytes().get(..read).unwrap_or_default());
        len += read as u64;
    }
    if len < size { Err(OpenError::Truncated { wanted: size, len }) } else { Ok(hasher.finish()) }
}
