//! An object's bytes as a stream of large chunks.
//!
//! A chunk in the page cache is read at once: passing it to another thread costs more than copying it. Any other chunk
//! is read on a blocking thread. While the reader sends it, the next one is read. If the kernel can send it, a chunk in
//! the page cache is not read at all.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{FutureExt as _, Stream};
use tokio::task::JoinHandle;

use super::pool::Buffer;
use super::unread::leave_unread;

/// The maximum size of a chunk. Each chunk costs the server one write: with 256 KiB a download of 1 MiB took 40 % more
/// processor time.
pub(crate) const CHUNK_BYTES: usize = 512 * 1024;

/// A smaller chunk is read: passing it to the kernel would cost as much.
const LEAST_UNREAD_BYTES: usize = 64 * 1024;

/// A stream of a file's bytes. It ends with an error if the file is shorter than its recorded length.
pub(crate) struct FileStream {
    file: Arc<File>,
    /// The offset of the first byte that is not being read yet.
    position: u64,
    /// The number of bytes that are not being read yet.
    unread: u64,
    /// The number of bytes that the reader has not received.
    remaining: u64,
    read: Option<JoinHandle<io::Result<Bytes>>>,
    prepared: VecDeque<Bytes>,
    /// The maximum size of a chunk.
    most: usize,
    /// The kernel can send chunks that are not read.
    unread_allowed: bool,
}

impl fmt::Debug for FileStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStream").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl FileStream {
    pub(crate) fn new(file: File, start: u64, len: u64) -> Self {
        Self {
            file: Arc::new(file),
            position: start,
            unread: len,
            remaining: len,
            read: None,
            prepared: VecDeque::new(),
            most: CHUNK_BYTES,
            unread_allowed: false,
        }
    }

    /// Limits the size of chunks that are not being read yet. Only chunks of the maximum size are read ahead.
    pub(crate) fn limit_chunk(&mut self, bytes: usize) {
        self.most = bytes.clamp(1, CHUNK_BYTES);
    }

    /// Leaves chunks in the page cache unread. The stream must live until they are sent: it keeps the file open. A stream
    /// of one chunk has none, because nobody keeps it when the chunk was taken.
    pub(crate) fn allow_unread(&mut self) {
        self.unread_allowed = cfg!(target_os = "linux") && self.remaining > CHUNK_BYTES as u64;
    }

    /// The number of remaining bytes.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Waits until the first chunk is in memory, so it can be sent in one packet with the headers.
    pub(crate) async fn prepare(&mut self) -> io::Result<()> {
        if self.prepared.is_empty() && self.remaining > 0 {
            let chunk = std::future::poll_fn(|cx| self.poll_read(cx)).await?;
            self.prepared.push_back(chunk);
        }
        Ok(())
    }

    /// Takes the next part of the file to read.
    fn next_part(&mut self) -> Option<(Arc<File>, u64, usize)> {
        if self.unread == 0 {
            return None;
        }
        let len = usize::try_from(self.unread).unwrap_or(CHUNK_BYTES).min(self.most);
        let part = (Arc::clone(&self.file), self.position, len);
        self.position += len as u64;
        self.unread -= len as u64;
        Some(part)
    }

    /// Reads the next chunk. Must not be called at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.read.is_none() {
            let Some((file, position, len)) = self.next_part() else {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            };
            if self.unread_allowed
                && len >= LEAST_UNREAD_BYTES
                && is_cached(&file, position, len)
                && let Some(bytes) = leave_unread(&file, position, len)
            {
                return Poll::Ready(Ok(bytes));
            }
            let mut buffer = Buffer::of(len);
            if read_cached(&file, buffer.bytes(), position) == len {
                return Poll::Ready(Ok(buffer.into_bytes()));
            }
            self.read = Some(tokio::task::spawn_blocking(move || read(&file, buffer, position)));
        }
        let Some(read_ahead) = &mut self.read else { return Poll::Pending };
        let outcome = ready!(read_ahead.poll_unpin(cx)).map_err(io::Error::other).flatten();
        // This file is not in the page cache: the next chunk is read while the reader uses this one.
        let ahead = if self.most == CHUNK_BYTES { self.next_part() } else { None };
        self.read = ahead.map(|(file, position, len)| {
            tokio::task::spawn_blocking(move || read(&file, Buffer::of(len), position))
        });
        Poll::Ready(outcome)
    }
}

impl Stream for FileStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let outcome = match self.prepared.pop_front() {
            Some(chunk) => Ok(chunk),
            None => ready!(self.poll_read(cx)),
        };
        match &outcome {
            Ok(chunk) => self.remaining -= chunk.len() as u64,
            Err(_) => self.remaining = 0,
        }
        Poll::Ready(Some(outcome))
    }
}

fn read(file: &File, mut buffer: Buffer, position: u64) -> io::Result<Bytes> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer.bytes(), position)?;
    Ok(buffer.into_bytes())
}

/// Whether the page cache has the first, the middle and the last byte. If it lacks others, the kernel waits for the disk
/// when it sends them: at most the time to read one chunk.
fn is_cached(file: &File, position: u64, len: usize) -> bool {
    [0, len / 2, len - 1].iter().all(|at| read_cached(file, &mut [0], position + *at as u64) == 1)
}

/// Reads what the page cache contains, and never waits for the disk. Returns the number of bytes. An error counts as
/// zero bytes: the blocking read that follows meets it again.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, bytes: &mut [u8], position: u64) -> usize {
    use rustix::io::{ReadWriteFlags, preadv2};
    preadv2(file, &mut [io::IoSliceMut::new(bytes)], position, ReadWriteFlags::NOWAIT).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &File, _bytes: &mut [u8], _position: u64) -> usize {
    0
}
