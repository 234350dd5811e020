//! One connection from its first byte to its end: TLS, the HTTP version, its limits.
//!
//! The task of a connection holds little itself. What one protocol needs is on the heap while it is needed, so an idle
//! connection does not use the memory of a busy one.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Interval, timeout};
use tokio_rustls::TlsAcceptor;

use crate::body::ResponseBody;
use crate::connection::Connection;
use crate::idle::next_request;
use crate::ledger::Window;
use crate::linger::{Lingering, Replay, recognise};
use crate::options::{Limits, Options};
use crate::serve::{App, serve};
use crate::unsent::Socket;

/// Serves a connection until it ends, or is ended by the owner of its slot.
pub(crate) async fn serve_connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: Arc<Connection>,
    app: Arc<App>,
) {
    // Without this the second segment of an answer waits for the client's delayed acknowledgement, about 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let handshake = app.options.limits.handshake;
    let mut socket =
        Lingering::new(Socket::new(stream), app.options.limits.body_idle, Arc::clone(&connection));
    if let Some(tls) = tls {
        let accepting = Box::pin(timeout(handshake, tls.accept(socket)));
        let Some(Ok(Ok(stream))) = unless_ended(accepting, &connection, &app).await else { return };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        return Box::pin(speak(Replay::new(Bytes::new(), stream), is_http2, connection, app)).await;
    }
    let recognised = unless_ended(timeout(handshake, recognise(&mut socket)), &connection, &app).await;
    let Some(Ok(Ok((is_http2, read)))) = recognised else { return };
    Box::pin(speak(Replay::new(read, socket), is_http2, connection, app)).await;
}

/// The result of a future, or None if the connection is ended or the server stops first.
pub(crate) async fn unless_ended<T>(
    future: impl Future<Output = T>,
    connection: &Connection,
    app: &App,
) -> Option<T> {
    tokio::select! {
        output = future => Some(output),
        () = connection.ended() => None,
        () = app.stop.cancelled() => None,
    }
}

async fn speak<S>(stream: Replay<S>, is_http2: bool, connection: Arc<Connection>, app: Arc<App>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if is_http2 {
        Box::pin(speak_http2(stream, connection, app)).await;
    } else {
        speak_http1(stream, connection, app).await;
    }
}

/// The requests of one connection, each on the heap: a connection without a request does not use the memory of one.
fn requests(
    connection: &Arc<Connection>,
    app: &Arc<App>,
) -> impl HttpService<Incoming, ResBody = ResponseBody, Error = Infallible, Future: Send> + Unpin + use<> {
    let (app, connection) = (Arc::clone(app), Arc::clone(connection));
    service_fn(move |request| {
        let answer = Box::pin(serve(Arc::clone(&app), Arc::clone(&connection), request));
        async move { Ok::<_, Infallible>(answer.await) }
    })
}

async fn speak_http2<S>(stream: Replay<S>, connection: Arc<Connection>, app: Arc<App>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let _slot = app.http2.take(Arc::clone(&connection));
    let Some(_place) = unless_ended(app.http2.place(), &connection, &app).await else { return };
    let (window, limits) = (app.ledger.window(), &app.options.limits);
    let serving = http2_builder(&app.options, &window)
        .serve_connection(TokioIo::new(stream), requests(&connection, &app));
    let mut serving = pin!(serving);
    let mut watch = Watch::every(between_checks(limits));
    while !watch.has_ended(serving.as_mut(), http2::Connection::graceful_shutdown, &connection, &app).await {
        connection.check(limits.body_idle, limits.http2_idle);
    }
}

/// How often an HTTP/1.1 connection is asked whether it is idle.
const BETWEEN_REQUESTS: Duration = Duration::from_secs(1);

async fn speak_http1<S>(mut stream: Replay<S>, connection: Arc<Connection>, app: Arc<App>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = http1_builder(&app.options);
    loop {
        let serving = builder.serve_connection(TokioIo::new(stream), requests(&connection, &app));
        let mut serving = Box::new(serving);
        let mut watch = Watch::every(BETWEEN_REQUESTS);
        // HTTP/1 does not need `Connection::check`: the socket shows the progress of its only request.
        while watch.is_stopping || !connection.rests() {
            let pinned = Pin::new(&mut *serving);
            if watch.has_ended(pinned, http1::Connection::graceful_shutdown, &connection, &app).await {
                return;
            }
        }
        let http1::Parts { io, read_buf, .. } = serving.into_parts();
        let stopped = io.into_inner().again(&read_buf);
        drop(read_buf);
        let Some(next) = next_request(stopped, &connection, &app).await else { return };
        stream = next;
    }
}

/// What happens to a connection while it is served.
struct Watch {
    checks: Interval,
    is_stopping: bool,
}

impl Watch {
    fn every(time: Duration) -> Self {
        Self { checks: tokio::time::interval(time), is_stopping: false }
    }

    /// Serves until the connection has ended (true) or the next check is due (false).
    async fn has_ended<C>(
        &mut self,
        mut serving: Pin<&mut C>,
        finish: impl Fn(Pin<&mut C>),
        connection: &Connection,
        app: &App,
    ) -> bool
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let ended = loop {
            tokio::select! {
                ended = serving.as_mut() => break ended,
                () = connection.ended() => {
                    // Polled once more, so GOAWAY and the end of the stream are sent; it does not wait.
                    finish(serving.as_mut());
                    poll_fn(|cx| Poll::Ready(serving.as_mut().poll(cx).is_ready())).await;
                    return true;
                }
                () = app.stop.cancelled(), if !self.is_stopping => {
                    self.is_stopping = true;
                    finish(serving.as_mut());
                }
                _ = self.checks.tick() => return false,
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
        true
    }
}

/// A quarter of the shortest time limit.
fn between_checks(limits: &Limits) -> Duration {
    (limits.body_idle.min(limits.http2_idle) / 4).max(Duration::from_millis(10))
}

/// How much of an HTTP/1.1 connection is read before it is needed, and buffered before the kernel takes it.
const CONNECTION_BUFFER: usize = 32 * 1024;

fn http1_builder(options: &Options) -> http1::Builder {
    let limits = &options.limits;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_header_size(limits.max_header_bytes)
        .max_buf_size(CONNECTION_BUFFER.max(limits.max_header_bytes + 8 * 1024));
    if limits.max_headers != 100 {
        builder.max_headers(limits.max_headers);
    }
    builder
}

fn http2_builder(options: &Options, window: &Window) -> http2::Builder<TokioExecutor> {
    const KIB: u32 = 1024;
    let limits = &options.limits;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_http2_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        // How much a client may send before it is read, and how much is ready for a client that reads nothing.
        .initial_stream_window_size(window.of_stream())
        .initial_connection_window_size(window.bytes())
        .max_frame_size(16 * KIB)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(limits.header_read)
        .keep_alive_timeout(limits.handshake);
    builder
}
