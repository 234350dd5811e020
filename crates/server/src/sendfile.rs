//! Writes bytes to a socket. For bytes that stand for a part of a file, the kernel sends the file from its page cache.
//!
//! This saves two copies of each byte. It needs a socket that nothing encrypts or frames: HTTP/1.1 without TLS.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use registry::layer::download::{UnreadPart, sending_is_refused, unread_part};
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

/// At most this much of a file is passed to the kernel at once. Before each piece its pages are looked for.
const MOST_AT_ONCE: usize = 128 * 1024;

/// Writes what the kernel accepts of the first buffers: bytes up to a part of a file, or bytes of one such part.
pub(crate) fn poll_write(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let mut before = 0;
    for (at, buffer) in buffers.iter().enumerate() {
        if buffer.is_empty() {
            continue;
        }
        if let Some(part) = unread_part(buffer) {
            return match buffers.get(..at) {
                Some(head) if before > 0 => poll_send_head(&stream, cx, head),
                _ => poll_send_part(&stream, cx, &part, buffer.len()),
            };
        }
        before += buffer.len();
    }
    stream.poll_write_vectored(cx, buffers)
}

/// Writes while the socket is ready.
fn poll_try(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    mut write: impl FnMut() -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        std::task::ready!(stream.poll_write_ready(cx))?;
        match stream.try_io(tokio::io::Interest::WRITABLE, &mut write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Why a file could not be sent, if the file is the cause.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("the file is shorter than its row says")]
    TooShort,
    #[error("the file could not be read")]
    Unreadable(#[source] io::Error),
}

/// Whether a write failed because of the file, not of the client.
pub(crate) fn is_of_the_file(error: &io::Error) -> bool {
    error.get_ref().and_then(|inner| inner.downcast_ref::<FileError>()).is_some()
}

#[cfg(target_os = "linux")]
fn poll_send_part(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    part: &UnreadPart,
    len: usize,
) -> Poll<io::Result<usize>> {
    let file = part.file()?;
    let len = len.min(MOST_AT_ONCE);
    poll_try(stream, cx, || {
        let sent = if part.is_cached(len)? {
            send_file(stream, &file, part.position(), len)
        } else {
            where_waiting_is_allowed(|| send_file(stream, &file, part.position(), len))
        };
        if let Err(error) = &sent
            && is_of_the_file(error)
        {
            tracing::error!(error = error as &dyn std::error::Error, "a blob was cut off");
        }
        sent
    })
}

/// The kernel has dropped these pages from its cache since they were looked for, and reads them again. The other tasks of
/// this thread go to another one.
#[cfg(target_os = "linux")]
fn where_waiting_is_allowed<T>(send: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(send),
        _ => send(),
    }
}

#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, file: &File, position: u64, len: usize) -> io::Result<usize> {
    use rustix::io::Errno;
    let mut offset = position;
    match rustix::fs::sendfile(stream, file, Some(&mut offset), len) {
        Ok(0) => Err(io::Error::other(FileError::TooShort)),
        Ok(sent) => Ok(sent),
        Err(Errno::IO) => Err(io::Error::other(FileError::Unreadable(Errno::IO.into()))),
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::OPNOTSUPP) => {
            sending_is_refused();
            send_read(stream, file, position, len)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where a filter of system calls or a file system refuses `sendfile`: this part is read, and every later one.
#[cfg(target_os = "linux")]
fn send_read(stream: &TcpStream, file: &File, position: u64, len: usize) -> io::Result<usize> {
    let mut bytes = vec![0; len.min(64 * 1024)];
    let read =
        file.read_at(&mut bytes, position).map_err(|error| io::Error::other(FileError::Unreadable(error)))?;
    match bytes.get(..read).unwrap_or_default() {
        [] => Err(io::Error::other(FileError::TooShort)),
        bytes => Ok(rustix::net::send(stream, bytes, rustix::net::SendFlags::NOSIGNAL)?),
    }
}

/// The head of an answer, and that more follows: it leaves in one segment with the first bytes of the file.
#[cfg(target_os = "linux")]
fn poll_send_head(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    poll_try(stream, cx, || {
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        Ok(sendmsg(stream, buffers, &mut SendAncillaryBuffer::default(), flags)?)
    })
}

/// Elsewhere every part is read.
#[cfg(not(target_os = "linux"))]
fn poll_send_part(
    _stream: &TcpStream,
    _cx: &mut Context<'_>,
    _part: &UnreadPart,
    _len: usize,
) -> Poll<io::Result<usize>> {
    Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
}

#[cfg(not(target_os = "linux"))]
fn poll_send_head(
    _stream: &TcpStream,
    _cx: &mut Context<'_>,
    _buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    }

    #[tokio::test]
    async fn a_part_that_must_be_read_has_the_same_bytes() {
        let (server, mut client) = pair().await;
        let file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        file.write_all_at(&bytes, 0).unwrap();
        server.writable().await.unwrap();
        let first = send_file(&server, &file, 10, 1000).unwrap();
        let second = send_read(&server, &file, 10 + first as u64, 2000).unwrap();
        let mut got = vec![0; first + second];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(got, bytes[10..10 + first + second]);
    }

    #[tokio::test]
    async fn a_file_that_is_too_short_is_no_fault_of_the_client() {
        let (server, _client) = pair().await;
        let file = tempfile::tempfile().unwrap();
        server.writable().await.unwrap();
        for sent in [send_file(&server, &file, 0, 10), send_read(&server, &file, 0, 10)] {
            assert!(is_of_the_file(&sent.unwrap_err()));
        }
    }
}
