//! What reading an object gives: a file that the server may hand to the kernel, bytes from elsewhere, or an address to
//! send the client to.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use crate::disk::FileStream;

/// The bytes of an object, or of a part of it.
#[derive(Debug)]
pub enum Content {
    /// `len` bytes of a local file, from `start`. This is the one place where a caller sees a file.
    File {
        /// The file, open for reading.
        file: File,
        /// The first byte.
        start: u64,
        /// How many bytes. The file is known to hold them.
        len: u64,
    },
    /// Bytes that come from elsewhere.
    Stream(ContentStream),
    /// The client is to fetch the bytes from this URL.
    Redirect(String),
}

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such object.
    #[error("the object is missing")]
    Missing,
    /// The object ends before the part that was asked for: bytes that a row vouches for are lost.
    #[error("the object holds {len} bytes where at least {wanted} are recorded")]
    Truncated {
        /// The end of the part that was asked for.
        wanted: u64,
        /// What is there.
        len: u64,
    },
    /// The store failed.
    #[error("the object could not be read")]
    Io(#[source] io::Error),
}

impl Content {
    /// The bytes in chunks of a bounded size, read ahead by one chunk. A redirect has none.
    pub fn into_stream(self) -> ContentStream {
        match self {
            Self::File { file, start, len } => ContentStream(Source::File(FileStream::new(file, start, len))),
            Self::Stream(stream) => stream,
            Self::Redirect(_) => ContentStream(Source::Nothing),
        }
    }
}

/// A stream of an object's bytes. It ends with an error if the object turns out to be shorter than it was.
#[derive(Debug)]
pub struct ContentStream(Source);

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    File(FileStream),
    Nothing,
}

impl ContentStream {
    /// Chunks that nobody has begun to read have at most so many bytes. Ahead of the reader only the largest are read.
    pub fn limit_chunk(&mut self, bytes: usize) {
        match &mut self.0 {
            Source::File(stream) => stream.limit_chunk(bytes),
            Source::Nothing => {}
        }
    }

    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        match &self.0 {
            Source::File(stream) => stream.remaining(),
            Source::Nothing => 0,
        }
    }

    /// Waits until the first chunk is in memory, so that it can leave in one packet with the headers.
    pub async fn prepare(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Source::File(stream) => stream.prepare().await,
            Source::Nothing => Ok(()),
        }
    }
}

impl Stream for ContentStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::File(stream) => Pin::new(stream).poll_next(cx),
            Source::Nothing => Poll::Ready(None),
        }
    }
}
