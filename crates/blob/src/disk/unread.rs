//! Parts of files that nobody reads: the kernel sends them from the page cache (`sendfile`).
//!
//! What sends an answer passes bytes on, so such a part is bytes too: memory that stands for it, and whose content means
//! nothing. Only a stream that was asked for such parts has them. Who writes them to the socket asks here for the file.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;

use super::stream::CHUNK_BYTES;

/// The number of parts at one time. Any other part is read.
const PLACES: usize = 256;

/// The memory that stands for parts. It is never read or written, so the kernel gives it no pages.
static MEMORY: OnceLock<Box<[u8]>> = OnceLock::new();

static PLACED: Mutex<Placed> = Mutex::new(Placed { parts: Vec::new(), free: Vec::new() });

struct Placed {
    parts: Vec<Option<UnreadPart>>,
    free: Vec<usize>,
}

/// A part of a file, until its end is sent. It does not keep the file open: a stream that is dropped closes it.
#[derive(Clone, Debug)]
pub struct UnreadPart {
    file: Weak<File>,
    position: u64,
}

impl UnreadPart {
    /// The file. An error if its stream was dropped.
    pub fn file(&self) -> io::Result<Arc<File>> {
        self.file.upgrade().ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    /// The offset in the file of the first byte.
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// What these bytes stand for; None if they are bytes that were read.
pub fn unread_part(bytes: &[u8]) -> Option<UnreadPart> {
    let memory = MEMORY.get()?;
    let offset = bytes.as_ptr().addr().checked_sub(memory.as_ptr().addr())?;
    if offset >= memory.len() {
        return None;
    }
    // A place without a part has no bytes that stand for it.
    let part = placed().parts.get(offset / CHUNK_BYTES)?.clone()?;
    Some(UnreadPart { position: part.position + (offset % CHUNK_BYTES) as u64, ..part })
}

/// Bytes that stand for a part of a file, at most [`CHUNK_BYTES`]; None if there are too many such parts.
pub(super) fn leave_unread(file: &Arc<File>, position: u64, len: usize) -> Option<Bytes> {
    MEMORY.get_or_init(|| vec![0; PLACES * CHUNK_BYTES].into());
    let part = UnreadPart { file: Arc::downgrade(file), position };
    let mut placed = placed();
    let index = if let Some(index) = placed.free.pop() {
        *placed.parts.get_mut(index)? = Some(part);
        index
    } else if placed.parts.len() < PLACES {
        placed.parts.push(Some(part));
        placed.parts.len() - 1
    } else {
        return None;
    };
    drop(placed);
    Some(Bytes::from_owner(Place { index, len: len.min(CHUNK_BYTES) }))
}

fn placed() -> MutexGuard<'static, Placed> {
    PLACED.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Place {
    index: usize,
    len: usize,
}

impl AsRef<[u8]> for Place {
    fn as_ref(&self) -> &[u8] {
        let start = self.index * CHUNK_BYTES;
        MEMORY.get().and_then(|memory| memory.get(start..start + self.len)).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut placed = placed();
        if let Some(part) = placed.parts.get_mut(self.index) {
            *part = None;
            placed.free.push(self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_by_its_bytes_until_it_is_sent() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let bytes = leave_unread(&file, 1000, 300).unwrap();
        assert_eq!(bytes.len(), 300);
        let view = bytes.slice(7..9);
        drop(bytes);
        assert_eq!(unread_part(&view).unwrap().position(), 1007);
        assert!(unread_part(&[0; 9]).is_none());
        let part = unread_part(&view).unwrap();
        assert!(part.file().is_ok());
        drop(file);
        assert_eq!(part.file().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn too_many_parts_are_read() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let parts: Vec<_> = (0..=PLACES as u64).map_while(|at| leave_unread(&file, at, 1)).collect();
        assert!(parts.len() <= PLACES);
        assert!(leave_unread(&file, 0, 1).is_none());
        for part in &parts {
            assert!(unread_part(part).is_some());
        }
        drop(parts);
        assert!(leave_unread(&file, 0, 1).is_some());
    }
}
