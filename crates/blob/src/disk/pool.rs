//! Reused buffers for chunks of objects. A new buffer of 512 KiB would cost a page fault for each of its pages.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::stream::CHUNK_BYTES;

/// The number of idle buffers (16 MiB).
const IDLE_BUFFERS: usize = 32;

/// A buffer of at least this size comes from the pool. A smaller one is allocated in the exact size, so a small object
/// does not hold a large buffer while it waits to be sent.
const POOLED_FROM_BYTES: usize = CHUNK_BYTES / 2;

static IDLE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer. A pooled one returns to the pool when its last view is dropped.
pub(crate) struct Buffer {
    memory: Box<[u8]>,
    len: usize,
}

impl Buffer {
    /// A buffer of `len` bytes, at most [`CHUNK_BYTES`]. Its content is undefined.
    pub(crate) fn of(len: usize) -> Self {
        if len < POOLED_FROM_BYTES {
            return Self { memory: vec![0; len].into(), len };
        }
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = idle.unwrap_or_else(|| vec![0; CHUNK_BYTES].into());
        let len = len.min(memory.len());
        Self { memory, len }
    }

    /// The bytes, for writing.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.memory.get_mut(..self.len).unwrap_or_default()
    }

    /// The bytes, for sending. All of them must have been written.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.memory.len() != CHUNK_BYTES {
            return;
        }
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_BUFFERS {
            idle.push(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_buffer_is_reused_and_old_bytes_are_not_readable() {
        let mut first = Buffer::of(CHUNK_BYTES);
        first.bytes().fill(7);
        let bytes = first.into_bytes();
        let view = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(&view[..], [7; 10]);
        drop(view);
        let mut second = Buffer::of(POOLED_FROM_BYTES);
        assert_eq!(second.bytes().len(), POOLED_FROM_BYTES);
        assert_eq!(second.into_bytes().len(), POOLED_FROM_BYTES);
    }

    #[test]
    fn a_small_buffer_has_the_exact_size() {
        let mut small = Buffer::of(3);
        small.bytes().copy_from_slice(b"abc");
        assert_eq!(small.memory.len(), 3);
        assert_eq!(&small.into_bytes()[..], b"abc");
        assert_eq!(Buffer::of(0).into_bytes().len(), 0);
    }
}
