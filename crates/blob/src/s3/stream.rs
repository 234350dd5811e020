//! An object's bytes as the server sends them, in chunks of a bounded size.
//!
//! A body that ends early, fails or stalls is continued by another GET from there. If there is no memory for what a
//! connection reads ahead, each chunk is a GET of its own.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use oci::digest::{Digest, Hasher};
use tokio::time::{Instant, Sleep};

use crate::content::OpenError;
use crate::unavailable::unavailable;

/// The maximum size of a chunk.
const CHUNK_BYTES: usize = 512 * 1024;
/// What the client of one GET holds in addition to the last chunk: its buffer, and a chunk that waits (hyper's limit for a
/// buffer is 408 KiB).
const AHEAD_BYTES: u64 = 2 * 408 * 1024;
/// A body that sends nothing for so long is continued by another GET.
const STALL: Duration = Duration::from_secs(10);
/// How often a body is continued.
const MOST_RESUMED: u32 = 5;

/// The beginning of an answer to GET.
pub(super) struct Received {
    pub(super) etag: Option<String>,
    pub(super) chunks: BoxStream<'static, io::Result<Bytes>>,
}

/// An object that can be read again and again.
pub(super) trait Object: Send + Sync {
    /// Reads `len` bytes from `start`, of this version if it is known.
    fn get(
        &self,
        start: u64,
        len: u64,
        etag: Option<String>,
    ) -> BoxFuture<'static, Result<Received, OpenError>>;
}

/// A stream of exactly the requested number of bytes. It ends with an error if the server sends fewer.
pub(crate) struct S3Stream {
    object: Box<dyn Object>,
    /// Never locked: the lock lets several threads have a reference to this stream.
    state: Mutex<State>,
    etag: Option<String>,
    /// The position of the next byte that the server sends.
    at: u64,
    /// What was received of a chunk that is a GET of its own.
    gathered: BytesMut,
    /// What was received and is not passed on yet.
    ready: Bytes,
    /// The number of bytes that the reader has not received.
    remaining: u64,
    /// The maximum size of a chunk.
    most: usize,
    /// Each chunk is a GET of its own.
    narrow: bool,
    resumed: u32,
    /// The hash of the bytes so far, and the digest of the whole.
    check: Option<(Box<Hasher>, Digest)>,
}

enum State {
    Idle,
    Opening(BoxFuture<'static, Result<Received, OpenError>>, u64),
    Receiving(Receiving),
}

struct Receiving {
    chunks: BoxStream<'static, io::Result<Bytes>>,
    /// The number of bytes that this GET still owes.
    left: u64,
    stall: Pin<Box<Sleep>>,
    /// Whether bytes are waited for. The time that the reader takes does not count.
    waits: bool,
}

impl Receiving {
    fn new(chunks: BoxStream<'static, io::Result<Bytes>>, left: u64) -> Self {
        Self { chunks, left, stall: Box::pin(tokio::time::sleep(STALL)), waits: false }
    }

    /// The next bytes; none if the body ended.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if let Poll::Ready(chunk) = self.chunks.poll_next_unpin(cx) {
            self.waits = false;
            return Poll::Ready(chunk.transpose());
        }
        if !std::mem::replace(&mut self.waits, true) {
            self.stall.as_mut().reset(Instant::now() + STALL);
        }
        ready!(self.stall.poll_unpin(cx));
        Poll::Ready(Err(unavailable(format!("the bucket has sent nothing for {STALL:?}"))))
    }
}

impl fmt::Debug for S3Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Stream").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl S3Stream {
    /// `len` bytes from `start`.
    pub(super) async fn open(object: Box<dyn Object>, start: u64, len: u64) -> Result<Self, OpenError> {
        let Received { etag, chunks } = object.get(start, len, None).await?;
        let state = State::Receiving(Receiving::new(chunks, len));
        Ok(Self { etag, state: Mutex::new(state), at: start, remaining: len, ..Self::empty(object) })
    }

    pub(super) fn empty(object: Box<dyn Object>) -> Self {
        Self {
            object,
            state: Mutex::new(State::Idle),
            etag: None,
            at: 0,
            gathered: BytesMut::new(),
            ready: Bytes::new(),
            remaining: 0,
            most: CHUNK_BYTES,
            narrow: false,
            resumed: 0,
            check: None,
        }
    }

    /// Compares the digest of all bytes. If it is another one, the last chunk is an error.
    pub(crate) fn expect(&mut self, digest: Digest) {
        self.check = Some((Box::new(Hasher::new(digest.algorithm())), digest));
    }

    pub(crate) fn limit_chunk(&mut self, bytes: usize) {
        self.most = bytes.clamp(1, CHUNK_BYTES);
    }

    /// The memory that this stream holds in addition to the last chunk, unless each chunk is a GET of its own.
    pub(crate) fn ahead(&self) -> u64 {
        self.remaining.min(AHEAD_BYTES)
    }

    /// From now on each chunk is a GET of its own, or is not.
    pub(crate) fn set_narrow(&mut self, narrow: bool) {
        if narrow && !self.narrow {
            // What this GET still sends would be read ahead.
            *self.state() = State::Idle;
        }
        self.narrow = narrow;
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Waits until the first bytes are in memory.
    pub(crate) async fn prepare(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await
    }

    fn state(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The length of the next GET.
    fn wanted(&self) -> u64 {
        let left = self.remaining.saturating_sub(self.gathered.len() as u64);
        if self.narrow { left.min(self.most.saturating_sub(self.gathered.len()).max(1) as u64) } else { left }
    }

    /// Waits for bytes that can be passed on.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ready.is_empty() && self.remaining > 0 {
            let next = match std::mem::replace(self.state(), State::Idle) {
                State::Idle => {
                    let wanted = self.wanted();
                    State::Opening(self.object.get(self.at, wanted, self.etag.clone()), wanted)
                }
                State::Opening(mut opening, wanted) => match opening.poll_unpin(cx) {
                    Poll::Pending => return self.wait(State::Opening(opening, wanted)),
                    Poll::Ready(Ok(Received { etag, chunks })) => {
                        self.etag = etag.or_else(|| self.etag.take());
                        State::Receiving(Receiving::new(chunks, wanted))
                    }
                    Poll::Ready(Err(OpenError::Io(error))) => return Poll::Ready(Err(error)),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                },
                State::Receiving(mut receiving) => match receiving.poll_next(cx) {
                    Poll::Pending => return self.wait(State::Receiving(receiving)),
                    Poll::Ready(Ok(Some(chunk))) => self.receive(chunk, receiving),
                    Poll::Ready(Ok(None)) => self.resume(io::ErrorKind::UnexpectedEof.into())?,
                    Poll::Ready(Err(error)) => self.resume(error)?,
                },
            };
            *self.state() = next;
        }
        Poll::Ready(Ok(()))
    }

    fn wait(&mut self, state: State) -> Poll<io::Result<()>> {
        *self.state() = state;
        Poll::Pending
    }

    /// Bytes that the server sent. More than it owes are not used.
    fn receive(&mut self, mut chunk: Bytes, mut receiving: Receiving) -> State {
        chunk.truncate(usize::try_from(receiving.left).unwrap_or(usize::MAX));
        receiving.left -= chunk.len() as u64;
        self.at += chunk.len() as u64;
        let is_last = receiving.left == 0;
        if self.gathered.is_empty() && (is_last || !self.narrow) {
            self.ready = chunk;
        } else {
            self.gathered.extend_from_slice(&chunk);
            if is_last || !self.narrow {
                self.ready = self.gathered.split().freeze();
            }
        }
        if is_last { State::Idle } else { State::Receiving(receiving) }
    }

    /// The next GET continues here, unless that happens too often.
    fn resume(&mut self, error: io::Error) -> io::Result<State> {
        self.resumed += 1;
        if self.resumed > MOST_RESUMED { Err(error) } else { Ok(State::Idle) }
    }

    /// An error instead of the last chunk, if the bytes are not those of the digest.
    fn check(&mut self, chunk: &Bytes) -> io::Result<()> {
        let Some((hasher, expected)) = &mut self.check else { return Ok(()) };
        hasher.update(chunk);
        if self.remaining > 0 {
            return Ok(());
        }
        let found = hasher.clone().finish();
        if found == *expected {
            return Ok(());
        }
        let text = format!("the bucket answered with bytes of the digest {found} instead of {expected}");
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }
}

impl Stream for S3Stream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        if let Err(error) = ready!(self.poll_ready(cx)) {
            self.remaining = 0;
            return Poll::Ready(Some(Err(error)));
        }
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(self.most);
        let len = self.ready.len().min(most);
        let chunk = self.ready.split_to(len);
        self.remaining -= len as u64;
        Poll::Ready(Some(self.check(&chunk).map(|()| chunk)))
    }
}

#[cfg(test)]
mod tests;
