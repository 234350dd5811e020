//! The result of reading an object: a local file that the server can pass to the kernel, or a stream of another server.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use oci::digest::Digest;

use crate::disk::FileStream;
use crate::s3::S3Stream;

/// The bytes of an object, or of a part of it.
#[derive(Debug)]
pub enum Content {
    /// `len` bytes of a local file, from `start`. Only here does a caller get a file.
    File {
        /// The file, open for reading.
        file: File,
        /// The first byte.
        start: u64,
        /// The number of bytes. The file contains them.
        len: u64,
    },
    /// Bytes that another server sends.
    Remote(Box<Remote>),
}

/// Bytes that another server sends.
#[derive(Debug)]
pub struct Remote(pub(crate) S3Stream);

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such object.
    #[error("the object is missing")]
    Missing,
    /// The object ends before the requested part: bytes that a row records are lost.
    #[error("the object has {len} bytes, but at least {wanted} are recorded")]
    Truncated {
        /// The end of the requested part.
        wanted: u64,
        /// The stored length.
        len: u64,
    },
    /// The store failed.
    #[error("the object could not be read")]
    Io(#[source] io::Error),
}

impl Content {
    /// Compares the digest of all bytes of an object that another server sends. If it is another one, the stream ends with
    /// an error instead of its last chunk. Local files are compared by the consistency check.
    #[must_use]
    pub fn expect(mut self, digest: Digest) -> Self {
        if let Self::Remote(remote) = &mut self {
            remote.0.expect(digest);
        }
        self
    }

    /// The bytes in chunks of a bounded size, read ahead by one chunk.
    pub fn into_stream(self) -> ContentStream {
        ContentStream(match self {
            Self::File { file, start, len } => Source::File(FileStream::new(file, start, len)),
            Self::Remote(remote) => Source::S3(remote.0),
        })
    }
}

/// A stream of an object's bytes. It ends with an error if the object is shorter than its recorded length.
#[derive(Debug)]
pub struct ContentStream(Source);

#[derive(Debug)]
enum Source {
    File(FileStream),
    S3(S3Stream),
}

impl ContentStream {
    /// Limits the size of chunks that are not being read yet. Only chunks of the maximum size are read ahead.
    pub fn limit_chunk(&mut self, bytes: usize) {
        match &mut self.0 {
            Source::File(file) => file.limit_chunk(bytes),
            Source::S3(stream) => stream.limit_chunk(bytes),
        }
    }

    /// Leaves chunks unread that the kernel can send from the page cache. Their bytes mean nothing: the caller writes them
    /// to a socket by [`unread_part`](crate::unread_part), and keeps the stream until then.
    pub fn allow_unread(&mut self) {
        if let Source::File(file) = &mut self.0 {
            file.allow_unread();
        }
    }

    /// The memory that the connection to another server holds in addition to the last chunk, unless the stream is narrow.
    pub fn ahead(&self) -> u64 {
        match &self.0 {
            Source::File(_) => 0,
            Source::S3(stream) => stream.ahead(),
        }
    }

    /// In a narrow stream of another server each chunk is a request of its own, and nothing is read ahead.
    pub fn set_narrow(&mut self, narrow: bool) {
        if let Source::S3(stream) = &mut self.0 {
            stream.set_narrow(narrow);
        }
    }

    /// The number of remaining bytes.
    pub fn remaining(&self) -> u64 {
        match &self.0 {
            Source::File(file) => file.remaining(),
            Source::S3(stream) => stream.remaining(),
        }
    }

    /// Waits until the first chunk is in memory, so it can be sent in one packet with the headers.
    pub async fn prepare(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Source::File(file) => file.prepare().await,
            Source::S3(stream) => stream.prepare().await,
        }
    }
}

impl Stream for ContentStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Source::File(file) => Pin::new(file).poll_next(cx),
            Source::S3(stream) => Pin::new(stream).poll_next(cx),
        }
    }
}
