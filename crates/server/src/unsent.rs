//! How many bytes of an answer the kernel accepts before the client has acknowledged the earlier ones
//! (`TCP_NOTSENT_LOWAT`).
//!
//! Without this limit a client's progress is visible only when a third of the socket's buffer is free again, and the
//! buffer grows to megabytes. A fast client gets a larger limit, because each wait for room costs a wake-up. When such
//! a client stops reading, nothing more is written until the kernel holds only the small limit. Meanwhile the limit is
//! set so that the kernel reports each part that the client reads: a client that became slow has not stalled.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::alarm::Alarm;
use crate::sendfile;

/// For a client that is slow, or whose speed is unknown.
const FOR_EVERYONE: u32 = 128 * 1024;
/// For a fast client.
const FOR_THE_QUICK: u32 = 1024 * 1024;
/// The speed is measured over this many bytes. A fast client that becomes slow is detected within them.
const MEASURED_BYTES: usize = 4 * 1024 * 1024;
/// A client that reads [`MEASURED_BYTES`] within this time (32 MiB/s) is fast.
const QUICK: Duration = Duration::from_millis(125);
/// If a write to a fast client waits for this long, the client is no longer fast.
const LONG_WAIT: Duration = Duration::from_secs(1);
/// While the kernel's buffer empties, the client's progress is visible in parts of this size.
const DRAINED_PART: u32 = 64 * 1024;

/// A stream whose kernel buffer may have to empty before the next write.
pub(crate) trait Drains {
    /// Whether the client has read a part of the buffer since the last call.
    fn take_drained(&mut self) -> bool;
}

/// A socket that adapts the limit to its client.
pub(crate) struct Socket {
    stream: TcpStream,
    limit: u32,
    written: usize,
    since: Option<Instant>,
    /// Since when a write to a fast client waits, and the end of the time that it may.
    waiting_since: Option<tokio::time::Instant>,
    patience: Alarm,
    /// The maximum number of bytes in the kernel, while its buffer empties.
    held: Option<u32>,
    drained: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        set_limit(&stream, FOR_EVERYONE);
        let limit = FOR_EVERYONE;
        Self {
            stream,
            limit,
            written: 0,
            since: None,
            waiting_since: None,
            patience: Alarm::default(),
            held: None,
            drained: false,
        }
    }

    fn write_by(
        &mut self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Some(held) = self.held {
            std::task::ready!(self.stream.poll_write_ready(cx))?;
            self.drained = true;
            set_limit(&self.stream, FOR_EVERYONE);
            self.held = Some(held.saturating_sub(DRAINED_PART));
        }
        let written = write(Pin::new(&mut self.stream), cx);
        match &written {
            Poll::Ready(Ok(bytes)) => self.count(*bytes),
            Poll::Pending if self.held.is_some() => self.watch(),
            Poll::Pending if self.limit > FOR_EVERYONE => self.wait(cx),
            Poll::Ready(Err(_)) | Poll::Pending => {}
        }
        written
    }

    fn count(&mut self, bytes: usize) {
        (self.waiting_since, self.held) = (None, None);
        self.written += bytes;
        if self.written >= MEASURED_BYTES {
            self.measure();
        }
    }

    /// Waits for a client that was fast. After a long wait it counts as slow.
    fn wait(&mut self, cx: &mut Context<'_>) {
        let since = *self.waiting_since.get_or_insert_with(tokio::time::Instant::now);
        if self.patience.poll(cx, since + LONG_WAIT).is_ready() {
            self.held = Some(self.limit);
            (self.limit, self.since, self.written) = (FOR_EVERYONE, None, 0);
            self.watch();
        }
    }

    /// The socket becomes writable when the client has read the next part. The kernel wakes a writer when it holds less
    /// than half of the limit (`tcp_stream_memory_free`). Until then nothing is written.
    fn watch(&mut self) {
        let next =
            self.held.map(|held| held.saturating_sub(DRAINED_PART)).filter(|next| *next > FOR_EVERYONE / 2);
        if next.is_none() {
            self.held = None;
        }
        set_limit(&self.stream, next.map_or(FOR_EVERYONE, |next| 2 * next));
    }

    fn measure(&mut self) {
        let now = Instant::now();
        let is_quick = self.since.is_some_and(|since| now.duration_since(since) <= QUICK);
        let limit = if is_quick { FOR_THE_QUICK } else { FOR_EVERYONE };
        if limit != self.limit {
            set_limit(&self.stream, limit);
            self.limit = limit;
        }
        (self.since, self.written) = (Some(now), 0);
    }
}

impl Drains for Socket {
    fn take_drained(&mut self) -> bool {
        std::mem::take(&mut self.drained)
    }
}

#[cfg(target_os = "linux")]
fn set_limit(stream: &TcpStream, bytes: u32) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(bytes) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT refused");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_limit(_stream: &TcpStream, _bytes: u32) {}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_by(cx, |stream, cx| sendfile::poll_write(stream, cx, &[io::IoSlice::new(buf)]))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_by(cx, |stream, cx| sendfile::poll_write(stream, cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn limit(socket: &Socket) -> u32 {
        socket2::SockRef::from(&socket.stream).tcp_notsent_lowat().unwrap()
    }

    /// A socket with the larger limit, whose client has just stopped reading.
    async fn of_a_fast_client() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut socket = Socket::new(listener.accept().await.unwrap().0);
        assert_eq!(limit(&socket), FOR_EVERYONE);
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let reading = tokio::spawn(async move {
            let mut part = vec![0; 1 << 20];
            while stopped.try_recv().is_err() {
                if client.read(&mut part).await.unwrap() == 0 {
                    break;
                }
            }
            client
        });
        let part = vec![0; 1 << 20];
        // On a busy machine the first measurement can be slow.
        for _ in 0..400 {
            socket.write_all(&part).await.unwrap();
            if limit(&socket) == FOR_THE_QUICK {
                break;
            }
        }
        assert_eq!(limit(&socket), FOR_THE_QUICK);
        stop.send(()).unwrap();
        socket.write_all(&part).await.unwrap();
        (socket, reading.await.unwrap())
    }

    #[tokio::test]
    async fn a_fast_client_gets_a_larger_limit_until_it_is_slow() {
        let (mut socket, mut client) = of_a_fast_client().await;
        let reading = tokio::spawn(async move {
            let mut part = vec![0; 1 << 20];
            while client.read(&mut part).await.unwrap() > 0 {}
        });
        tokio::time::sleep(2 * QUICK).await;
        let part = vec![0; 1 << 20];
        for _ in 0..5 {
            socket.write_all(&part).await.unwrap();
            tokio::time::sleep(QUICK).await;
        }
        assert_eq!(limit(&socket), FOR_EVERYONE);
        drop(socket);
        reading.await.unwrap();
    }

    /// Writes until a write has waited for this long.
    async fn fill(socket: &mut Socket, long: Duration) {
        let part = vec![0; 1 << 20];
        while tokio::time::timeout(long, socket.write(&part)).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_stalled_client_that_was_fast_fills_no_more() {
        let (mut socket, mut client) = of_a_fast_client().await;
        fill(&mut socket, LONG_WAIT + QUICK).await;
        let mut part = vec![0; DRAINED_PART as usize];
        let mut read_until_written = 0;
        loop {
            client.read_exact(&mut part).await.unwrap();
            read_until_written += part.len();
            if tokio::time::timeout(QUICK, socket.write(&[0])).await.is_ok() {
                break;
            }
        }
        assert!(read_until_written > (FOR_THE_QUICK / 2) as usize, "after {read_until_written} bytes");
        assert_eq!(limit(&socket), FOR_EVERYONE);
    }
}
