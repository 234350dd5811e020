//! Accepting connections: nothing a client does (slow handshakes, floods, half requests) stops the loop, and a
//! stop lets what is running end within a limit.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ledger::Ledger;
use crate::linger::{Lingering, Replay, recognise};
use crate::metrics::Metrics;
use crate::metrics_listen;
use crate::options::Options;
use crate::serve::{App, serve};
use crate::tls::{Certificate, TlsError, server_config};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The certificate files cannot be used.
    #[error("cannot serve TLS")]
    Certificate(#[from] TlsError),
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// Bound sockets, before anything is served: the addresses are known, the registry need not exist yet.
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    certificate: Option<Arc<Certificate>>,
    options: Options,
}

impl Listener {
    /// Binds the sockets and reads the certificate.
    pub async fn bind(options: Options) -> Result<Self, ListenError> {
        let (tcp, address) = bind(options.listen).await?;
        let metrics = match options.metrics_listen {
            Some(address) => Some(bind(address).await?.0),
            None => None,
        };
        let certificate = options.tls.as_ref().map(Certificate::load).transpose()?;
        Ok(Self { tcp, address, metrics, certificate, options })
    }

    /// Where requests are served, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |source| ListenError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
}

/// A server about to run.
pub struct Server {
    listener: Listener,
    app: Arc<App>,
}

impl Server {
    /// Joins the sockets and the rules.
    pub fn new(listener: Listener, registry: Arc<Registry>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let ledger = Ledger::new(listener.options.limits.memory_budget, metrics.memory.clone());
        let app = Arc::new(App {
            registry,
            options: listener.options.clone(),
            metrics,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ledger,
        });
        Self { listener, app }
    }

    /// Serves until `shutdown` is ready, then stops accepting and lets running requests end within the drain
    /// limit. True if all of them did.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<bool, ListenError> {
        let Self { listener, app } = self;
        let acceptor = match &listener.certificate {
            Some(certificate) => {
                let config = server_config(Arc::clone(certificate))?;
                Some(TlsAcceptor::from(Arc::new(config)))
            }
            None => None,
        };
        let aside = asides(listener.certificate.as_ref(), listener.metrics, &app);
        accept(listener.tcp, acceptor, &app, shutdown).await;
        app.stop.cancel();
        app.tasks.close();
        let drained = timeout(app.options.drain, app.tasks.wait()).await.is_ok();
        if !drained {
            tracing::warn!(left = app.tasks.len(), "requests were cut off at the end of the drain time");
        }
        drop(aside);
        Ok(drained)
    }
}

/// Tasks beside the accept loop, which end with the set.
fn asides(
    certificate: Option<&Arc<Certificate>>,
    metrics: Option<TcpListener>,
    app: &Arc<App>,
) -> tokio::task::JoinSet<()> {
    let mut aside = tokio::task::JoinSet::new();
    if let (Some(certificate), Some(files)) = (certificate, &app.options.tls) {
        aside.spawn(Arc::clone(certificate).watch(files.clone(), app.options.tls_poll));
    }
    if let Some(metrics) = metrics {
        // Not stopped by the drain: what the drain waits for is worth watching.
        aside.spawn(metrics_listen::serve(metrics, Arc::clone(&app.metrics), CancellationToken::new()));
    }
    aside
}

async fn accept(
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    app: &Arc<App>,
    shutdown: impl Future<Output = ()>,
) {
    let slots = Arc::new(Semaphore::new(app.options.limits.max_connections));
    let mut shutdown = pin!(shutdown);
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = &mut shutdown => return,
        };
        let Ok(slot) = slot else { return };
        let accepted = tokio::select! {
            accepted = tcp.accept() => accepted,
            () = &mut shutdown => return,
        };
        match accepted {
            Ok((stream, remote)) => {
                app.metrics.accepted.inc();
                let connection = connection(stream, remote.ip(), tls.clone(), Arc::clone(app), slot);
                app.tasks.spawn(connection);
            }
            // A connection reset in the queue, or no file descriptor left: neither ends the listener.
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Counts a connection for as long as it lives.
struct Open(
    Arc<Metrics>,
    #[expect(dead_code, reason = "held until the connection ends")] OwnedSemaphorePermit,
);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

async fn connection(
    stream: TcpStream,
    address: IpAddr,
    tls: Option<TlsAcceptor>,
    app: Arc<App>,
    slot: OwnedSemaphorePermit,
) {
    app.metrics.connections.inc();
    let _open = Open(Arc::clone(&app.metrics), slot);
    // Without it the second segment of an answer waits for the client's delayed acknowledgement, some 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY refused");
    }
    let limits = &app.options.limits;
    let mut socket = Lingering::new(stream, limits.body_idle);
    let client = Client { address, tls: tls.is_some() };
    let stop = app.stop.clone();
    if let Some(tls) = tls {
        let handshake = tokio::select! {
            handshake = timeout(limits.handshake, tls.accept(socket)) => handshake,
            () = stop.cancelled() => return,
        };
        let Ok(Ok(stream)) = handshake else { return };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        return speak(stream, is_http2, client, app).await;
    }
    let recognised = tokio::select! {
        recognised = timeout(limits.handshake, recognise(&mut socket)) => recognised,
        () = stop.cancelled() => return,
    };
    let Ok(Ok((is_http2, read))) = recognised else { return };
    speak(Replay::new(read, socket), is_http2, client, app).await;
}

async fn speak<S>(stream: S, is_http2: bool, client: Client, app: Arc<App>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shared = Arc::clone(&app);
    let service = service_fn(move |request| {
        let app = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(serve(app, client, request).await) }
    });
    let stream = TokioIo::new(stream);
    if is_http2 {
        let connection = pin!(http2_builder(&app.options).serve_connection(stream, service));
        until_stopped(connection, &app.stop, http2::Connection::graceful_shutdown).await;
    } else {
        let connection = pin!(http1_builder(&app.options).serve_connection(stream, service));
        until_stopped(connection, &app.stop, http1::Connection::graceful_shutdown).await;
    }
}

async fn until_stopped<C>(
    mut connection: Pin<&mut C>,
    stop: &CancellationToken,
    finish: impl FnOnce(Pin<&mut C>),
) where
    C: Future<Output = hyper::Result<()>>,
{
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            finish(connection.as_mut());
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// How much of a connection of HTTP/1.1 is read before anybody asks for it, and written before the kernel takes it.
const CONNECTION_BUFFER: usize = 64 * 1024;

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

fn http2_builder(options: &Options) -> http2::Builder<TokioExecutor> {
    const KIB: u32 = 1024;
    let limits = &options.limits;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_http2_streams)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        // What a client may send before anybody reads it is memory beside the budget.
        .initial_stream_window_size(256 * KIB)
        .initial_connection_window_size(512 * KIB)
        .max_frame_size(64 * KIB)
        .max_send_buf_size(256 * 1024)
        .keep_alive_interval(limits.header_read)
        .keep_alive_timeout(limits.handshake);
    builder
}
