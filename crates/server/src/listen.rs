//! Accepts connections. Nothing that a client does (slow handshakes, floods, incomplete requests) stops the loop. A
//! stop lets running requests finish within a time limit.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::anonymous_rate::AnonymousRate;
use crate::connection::Connection;
use crate::deployment::Deployment;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::metrics_listen;
use crate::options::Options;
use crate::serve::App;
use crate::slots::{Slot, Slots, Yielding};
use crate::speak::serve_connection;
use crate::throttle::Throttle;
use crate::tls::{Certificate, TlsError, server_config};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use, or does not belong to this machine.
    #[error("cannot listen on {address}")]
    Bind {
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A socket that was open already cannot be used.
    #[error("cannot listen on a socket of LISTEN_FDS")]
    Take(#[source] io::Error),
    /// The certificate files are invalid.
    #[error("cannot serve TLS")]
    Certificate(#[from] TlsError),
    /// The TLS library refuses its own defaults.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// Bound sockets before anything is served: the addresses are known, but the registry need not exist yet.
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    metrics: Option<TcpListener>,
    certificate: Option<Arc<Certificate>>,
    options: Options,
}

/// Sockets that listen already when the process starts. They replace the addresses of the settings.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The socket of the registry.
    pub server: Option<std::net::TcpListener>,
    /// The socket for Prometheus.
    pub metrics: Option<std::net::TcpListener>,
}

impl Listener {
    /// Binds the sockets and reads the certificate.
    pub async fn bind(options: Options) -> Result<Self, ListenError> {
        Self::bind_or_take(options, Sockets::default()).await
    }

    /// The same with the given sockets, and new ones for the others.
    pub async fn bind_or_take(options: Options, sockets: Sockets) -> Result<Self, ListenError> {
        let (tcp, address) = match sockets.server {
            Some(socket) => take(socket)?,
            None => bind(options.listen).await?,
        };
        let metrics = match (sockets.metrics, options.metrics_listen) {
            (Some(socket), _) => Some(take(socket)?.0),
            (None, Some(address)) => Some(bind(address).await?.0),
            (None, None) => None,
        };
        let certificate = options.tls.as_ref().map(Certificate::load).transpose()?;
        Ok(Self { tcp, address, metrics, certificate, options })
    }

    /// The address of the server, with the chosen port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }
}

/// Connections that can wait to be accepted; `net.core.somaxconn` limits this too. If the queue is full, a client's SYN
/// is lost and sent again a second later.
const BACKLOG: i32 = 4096;

/// A listening socket in this runtime, for many clients that connect at once.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of a server that ran here before can still be closing.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

fn take(socket: std::net::TcpListener) -> Result<(TcpListener, SocketAddr), ListenError> {
    let usable = || {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    usable().map_err(ListenError::Take)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let failed = |source| ListenError::Bind { address, source };
    let listener = listen(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// A server that is ready to run.
pub struct Server {
    listener: Listener,
    app: Arc<App>,
}

impl Server {
    /// Connects the sockets with the deployment.
    pub fn new(listener: Listener, deployment: Deployment) -> Self {
        let metrics = Arc::new(Metrics::new(&listener.options.dropped_lines));
        let ledger = Ledger::new(listener.options.limits.memory_budget, metrics.memory.clone());
        let throttle = Throttle::new(deployment.access.settings.rates.clone());
        let app = Arc::new(App {
            access: deployment.access,
            identity: deployment.identity,
            events: deployment.events,
            registry: deployment.registry,
            beside: deployment.beside,
            options: listener.options.clone(),
            metrics,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            http2: Slots::new(ledger.most_windows(), Yielding::Anyone),
            ledger,
            anonymous: AnonymousRate::new(listener.options.limits.anonymous_requests_per_second),
            throttle,
            files: Slots::new(listener.options.limits.max_open_files, Yielding::Idle),
        });
        Self { listener, app }
    }

    /// Serves until `shutdown` is ready. Then it stops accepting, and lets running requests finish within the drain
    /// limit. True if all of them did.
    ///
    /// The future is on the heap, so all that it runs is compiled with this crate.
    pub fn run(self, shutdown: BoxFuture<'static, ()>) -> BoxFuture<'static, Result<bool, ListenError>> {
        Box::pin(self.serve(shutdown))
    }

    async fn serve(self, shutdown: BoxFuture<'static, ()>) -> Result<bool, ListenError> {
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

/// Tasks next to the accept loop, which end with the set.
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
        aside.spawn(metrics_listen::serve(metrics, Arc::clone(app)));
    }
    aside
}

async fn accept(
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    app: &Arc<App>,
    mut shutdown: BoxFuture<'static, ()>,
) {
    let slots = Slots::new(app.options.limits.max_connections, Yielding::Anyone);
    loop {
        let (place, accepted) = tokio::select! {
            accepted = async { (slots.place().await, tcp.accept().await) } => accepted,
            () = &mut shutdown => return,
        };
        match accepted {
            Ok((stream, remote)) => {
                app.metrics.accepted.inc();
                let connection = Connection::new(remote.ip(), tls.is_some());
                // If all slots are taken, another connection is closed for this one: no client waits.
                let slot = slots.take(Arc::clone(&connection));
                let open = Open::new(Arc::clone(&app.metrics), slot);
                let serving = serve_connection(stream, tls.clone(), Arc::clone(&connection), Arc::clone(app));
                app.tasks.spawn(async move {
                    serving.await;
                    connection.closed();
                    drop((open, place));
                });
            }
            // A connection that was reset in the queue, or a missing file descriptor, must not end the listener.
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Counts a connection for its lifetime.
struct Open {
    metrics: Arc<Metrics>,
    #[expect(dead_code, reason = "held until the connection ends")]
    slot: Option<Slot<Connection>>,
}

impl Open {
    fn new(metrics: Arc<Metrics>, slot: Option<Slot<Connection>>) -> Self {
        metrics.connections.inc();
        Self { metrics, slot }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}
