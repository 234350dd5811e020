//! An object's bytes as the server sends them, in chunks of a bounded size.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};

/// The maximum size of a chunk.
const CHUNK_BYTES: usize = 512 * 1024;

/// A stream of exactly the requested number of bytes. It ends with an error if the server sends fewer.
pub(crate) struct S3Stream {
    /// Never locked: the lock lets several threads have a reference to this stream.
    received: Mutex<BoxStream<'static, io::Result<Bytes>>>,
    /// What was received and is not passed on yet.
    ready: Bytes,
    /// The number of bytes that the reader has not received.
    remaining: u64,
    /// The maximum size of a chunk.
    most: usize,
}

impl fmt::Debug for S3Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Stream").field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

impl S3Stream {
    pub(super) fn new(received: BoxStream<'static, io::Result<Bytes>>, len: u64) -> Self {
        Self { received: Mutex::new(received), ready: Bytes::new(), remaining: len, most: CHUNK_BYTES }
    }

    pub(super) fn empty() -> Self {
        Self::new(futures::stream::empty().boxed(), 0)
    }

    pub(crate) fn limit_chunk(&mut self, bytes: usize) {
        self.most = bytes.clamp(1, CHUNK_BYTES);
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Waits until the first bytes are in memory.
    pub(crate) async fn prepare(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// Waits for bytes that can be passed on.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ready.is_empty() && self.remaining > 0 {
            let received = self.received.get_mut().unwrap_or_else(PoisonError::into_inner);
            match ready!(received.poll_next_unpin(cx)) {
                Some(Ok(chunk)) => self.ready = chunk,
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            }
        }
        Poll::Ready(Ok(()))
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
        Poll::Ready(Some(Ok(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(chunks: &[&'static str], len: u64) -> S3Stream {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        S3Stream::new(futures::stream::iter(chunks).boxed(), len)
    }

    #[tokio::test]
    async fn chunks_are_limited_and_more_bytes_are_not_sent() {
        let mut stream = stream(&["abcdef", "", "ghij"], 8);
        stream.limit_chunk(4);
        stream.prepare().await.unwrap();
        let all: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert_eq!(all, ["abcd", "ef", "gh"]);
    }

    #[tokio::test]
    async fn too_few_bytes_are_an_error() {
        let mut stream = stream(&["abc"], 5);
        assert_eq!(stream.next().await.unwrap().unwrap(), "abc");
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(stream.next().await.is_none());
    }
}
