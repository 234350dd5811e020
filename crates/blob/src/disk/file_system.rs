//! The calls of a file system that the store uses for writing. They are few, so a test can simulate a power cut.
//!
//! Reads use `std::fs` directly: a power cut cannot change the result of a read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

/// A file system. Every call blocks and must not run on the async runtime.
pub trait Disk: Send + Sync + 'static {
    /// Creates a folder; an existing one is not changed.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names inside a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for writing and keeps its content; with `create` a missing file is created.
    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an empty file for writing, which only its owner can read.
    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, in the place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// The maximum number of pieces in one call: the kernel's limit (`IOV_MAX`).
#[cfg(target_os = "linux")]
const MOST_PIECES: usize = 1024;

/// A file that is open for writing.
pub trait DiskFile: Send + Sync + 'static {
    /// The length of the file.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }
    /// Truncates the file, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Writes all pieces one after another, from `offset` on.
    fn write_pieces_at(&self, pieces: &[Bytes], mut offset: u64) -> io::Result<()> {
        for piece in pieces {
            self.write_all_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }
    /// Makes content and length durable.
    fn sync(&self) -> io::Result<()>;
}

/// The file system of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)?;
        Ok(Arc::new(file))
    }

    fn create_private(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    /// One call writes many pieces: a body arrives in small pieces, and a large write costs the kernel less.
    #[cfg(target_os = "linux")]
    fn write_pieces_at(&self, pieces: &[Bytes], mut offset: u64) -> io::Result<()> {
        for pieces in pieces.chunks(MOST_PIECES) {
            let mut slices: Vec<io::IoSlice<'_>> =
                pieces.iter().map(|piece| io::IoSlice::new(piece)).collect();
            let mut left = slices.as_mut_slice();
            io::IoSlice::advance_slices(&mut left, 0);
            while !left.is_empty() {
                let written = match rustix::io::pwritev(self, left, offset) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => written,
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                };
                offset += written as u64;
                io::IoSlice::advance_slices(&mut left, written);
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        // Not `sync_all`: the modification time is not needed, and the length is synced too.
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pieces_are_written_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = LocalDisk.open(&path, true).unwrap();
        file.write_all_at(b"head", 0).unwrap();
        let pieces: Vec<Bytes> = (0..2_500).map(|at| Bytes::from(vec![b'a'; at % 3])).collect();
        let pieces: Vec<Bytes> = pieces.into_iter().chain([Bytes::from_static(b"tail")]).collect();
        file.write_pieces_at(&pieces, 4).unwrap();
        file.write_pieces_at(&[Bytes::new()], 9_999).unwrap();
        file.write_pieces_at(&[], 9_999).unwrap();
        let whole = [b"head".as_slice(), &pieces.concat()].concat();
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}
