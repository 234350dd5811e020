//! The socket of a connection. It replays the bytes that were read to detect the protocol, ends writes that the client
//! does not read, and waits a little at the close for what the client still sends: closing a socket with unread bytes
//! makes the kernel send a reset that can overtake the answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::alarm::Alarm;
use crate::connection::{Connection, Cut};
use crate::sendfile;
use crate::unsent::Drains;

/// The first bytes of HTTP/2 with prior knowledge (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const LINGER_TIME: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// This many bytes in either direction are progress. Fewer bytes are not.
const PROGRESS_BYTES: usize = 4096;

/// Reads enough of a new connection to distinguish HTTP/2 from HTTP/1. Returns the bytes, to be replayed.
pub(crate) async fn recognise<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<(bool, Bytes)> {
    let mut buffer = Vec::with_capacity(PREFACE.len());
    while buffer.len() < PREFACE.len() {
        let mut limited = (&mut *stream).take((PREFACE.len() - buffer.len()) as u64);
        if limited.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !PREFACE.starts_with(&buffer) {
            return Ok((false, buffer.into()));
        }
    }
    Ok((true, buffer.into()))
}

/// A stream whose first bytes have been read.
pub(crate) struct Replay<S> {
    read: Bytes,
    inner: S,
    is_closing: bool,
}

impl<S> Replay<S> {
    pub(crate) fn new(read: Bytes, inner: S) -> Self {
        Self { read, inner, is_closing: false }
    }

    /// The same stream, after bytes that were read from it and not used. They are copied, because even an empty `Bytes`
    /// can hold the buffer that they were read into.
    pub(crate) fn again(self, unused: &[u8]) -> Self {
        Self { read: [unused, &self.read].concat().into(), ..self }
    }

    /// Whether its close has begun: what the client sends now is no request (RFC 9112 §9.6).
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Whether the next read has bytes without asking the inner stream.
    pub(crate) fn has_read(&self) -> bool {
        !self.read.is_empty()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replay<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let length = self.read.len().min(buf.remaining());
        let part = self.read.copy_to_bytes(length);
        buf.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replay<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_closing = true;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The raw socket. It waits at its end only.
pub(crate) struct Lingering<S> {
    inner: S,
    write_idle: Duration,
    stalled_since: Option<Instant>,
    alarm: Alarm,
    closing: Option<Pin<Box<Sleep>>>,
    discarded: usize,
    connection: Arc<Connection>,
    moved: usize,
}

impl<S: Drains> Lingering<S> {
    pub(crate) fn new(inner: S, write_idle: Duration, connection: Arc<Connection>) -> Self {
        Self {
            inner,
            write_idle,
            stalled_since: None,
            alarm: Alarm::default(),
            closing: None,
            discarded: 0,
            connection,
            moved: 0,
        }
    }

    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.inner.take_drained() {
            self.connection.moved();
            self.stalled_since = None;
        }
        if written.is_ready() {
            self.stalled_since = None;
            return written;
        }
        let deadline = *self.stalled_since.get_or_insert_with(Instant::now) + self.write_idle;
        match self.alarm.poll(cx, deadline) {
            Poll::Ready(()) => {
                self.connection.end(Cut::Stalled);
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.count(*bytes),
            Poll::Ready(Err(error)) if sendfile::is_of_the_file(error) => self.connection.end(Cut::Store),
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        self.unless_stalled(cx, written)
    }

    fn count(&mut self, bytes: usize) {
        self.moved += bytes;
        if self.moved >= PROGRESS_BYTES {
            self.moved = 0;
            self.connection.moved();
        }
    }
}

impl<S: Drains + AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.count(buf.filled().len() - before);
        read
    }
}

impl<S: Drains + AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if let Poll::Ready(Ok(())) = flushed {
            self.connection.flushed();
        }
        self.unless_stalled(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            std::task::ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.closing = Some(Box::pin(tokio::time::sleep(LINGER_TIME)));
        }
        let mut scratch = [0_u8; 8192];
        loop {
            if let Some(closing) = &mut this.closing
                && closing.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut this.inner).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {
                    this.discarded += buf.filled().len();
                    if buf.filled().is_empty() || this.discarded > LINGER_BYTES {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream};

    use super::*;

    impl Drains for DuplexStream {
        fn take_drained(&mut self) -> bool {
            false
        }
    }

    fn lingering<S: Drains>(inner: S) -> Lingering<S> {
        Lingering::new(inner, Duration::from_mins(1), Connection::new([127, 0, 0, 1].into(), false))
    }

    #[tokio::test]
    async fn http2_is_detected_and_every_byte_is_kept() {
        for (sent, is_http2) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], false),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrest", true),
            (b"PRI * HTTP/1.1\r\nHost: a.example\r\n\r\n", false),
        ] {
            let (mut client, mut server) = tokio::io::duplex(64);
            client.write_all(sent).await.unwrap();
            drop(client);
            let (seen, read) = recognise(&mut server).await.unwrap();
            assert_eq!(seen, is_http2);
            let mut all = Vec::new();
            Replay::new(read, server).read_to_end(&mut all).await.unwrap();
            assert_eq!(all, sent);
        }
    }

    #[tokio::test]
    async fn a_connection_closed_before_its_first_byte_is_an_error() {
        let (client, mut server) = tokio::io::duplex(64);
        drop(client);
        assert!(recognise(&mut server).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_disconnected() {
        let (_client, server) = tokio::io::duplex(16);
        let mut server = lingering(server);
        let error = server.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(server.connection.cut(), Some(Cut::Stalled));
    }

    #[tokio::test(start_paused = true)]
    async fn the_close_reads_what_the_client_still_sends_for_a_while() {
        let (mut client, server) = tokio::io::duplex(16);
        let mut server = lingering(server);
        let closing = tokio::spawn(async move { server.shutdown().await });
        client.write_all(&[0; 4096]).await.unwrap();
        closing.await.unwrap().unwrap();
    }
}
