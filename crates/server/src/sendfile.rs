//! Writes bytes to a socket. For bytes that stand for a part of a file, the kernel sends the file from its page cache.
//!
//! This saves two copies of each byte. It needs a socket that nothing encrypts or frames: HTTP/1.1 without TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use registry::layer::download::unread_part;
use tokio::io::AsyncWrite as _;
use tokio::net::TcpStream;

/// Writes what the kernel accepts of the first buffers: bytes up to a part of a file, or bytes of one such part.
pub(crate) fn poll_write(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let is_file = |buffer: &IoSlice<'_>| !buffer.is_empty() && unread_part(buffer).is_some();
    let bytes = buffers.iter().position(is_file).unwrap_or(buffers.len());
    let (bytes, files) = buffers.split_at(bytes);
    match files.first() {
        None => stream.poll_write_vectored(cx, buffers),
        Some(file) if bytes.iter().all(|buffer| buffer.is_empty()) => poll_send_part(&stream, cx, file),
        Some(_) => poll_send_head(&stream, cx, bytes),
    }
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

#[cfg(target_os = "linux")]
fn poll_send_part(stream: &TcpStream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let Some(part) = unread_part(bytes) else { return Poll::Ready(Ok(0)) };
    let file = part.file()?;
    poll_try(stream, cx, || {
        let mut position = part.position();
        match rustix::fs::sendfile(stream, &file, Some(&mut position), bytes.len())? {
            // The file is shorter than its row says.
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            sent => Ok(sent),
        }
    })
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
fn poll_send_part(_stream: &TcpStream, _cx: &mut Context<'_>, _bytes: &[u8]) -> Poll<io::Result<usize>> {
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
