//! How many bytes of an answer the kernel takes before the client has acknowledged the earlier ones
//! (`TCP_NOTSENT_LOWAT`).
//!
//! Without this limit a client's progress shows only when a third of the socket's buffer is free again, and the buffer
//! grows to megabytes. A fast client gets a larger limit, because each wait for room costs a wake-up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// For a client that is slow, or whose speed is unknown.
const FOR_EVERYONE: u32 = 128 * 1024;
/// For a fast client.
const FOR_THE_QUICK: u32 = 1024 * 1024;
/// The speed is measured over this many bytes. A fast client that becomes slow is detected within them.
const MEASURED_BYTES: usize = 4 * 1024 * 1024;
/// A client that reads [`MEASURED_BYTES`] within this time (32 MiB/s) is fast.
const QUICK: Duration = Duration::from_millis(125);

/// A socket that adapts the limit to its client.
pub(crate) struct Socket {
    stream: TcpStream,
    limit: u32,
    written: usize,
    since: Option<Instant>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        set_limit(&stream, FOR_EVERYONE);
        Self { stream, limit: FOR_EVERYONE, written: 0, since: None }
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.written += bytes;
            if self.written >= MEASURED_BYTES {
                self.measure();
            }
        }
        written
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
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(written)
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

    #[tokio::test]
    async fn a_fast_client_gets_a_larger_limit_until_it_is_slow() {
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
        tokio::time::sleep(2 * QUICK).await;
        for _ in 0..5 {
            socket.write_all(&part).await.unwrap();
            tokio::time::sleep(QUICK).await;
        }
        assert_eq!(limit(&socket), FOR_EVERYONE);
        drop((stop, socket));
        reading.abort();
    }
}
