//! What the binary decides for the server: addresses, certificate files, limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use registry::settings::Cidr;

/// Certificate chain and private key, both PEM. They are read again when they change.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key, PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Bounds on what one client may hold or send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections served at a time; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Bytes of a request's line and headers.
    pub max_header_bytes: usize,
    /// Number of header fields.
    pub max_headers: usize,
    /// Streams at a time on one HTTP/2 connection.
    pub max_http2_streams: u32,
    /// Time for a TLS handshake, and for the first bytes of a connection.
    pub handshake: Duration,
    /// Time between two requests of a connection, and for a request's headers to arrive whole.
    pub header_read: Duration,
    /// Longest pause in the middle of a body, in either direction.
    pub body_idle: Duration,
    /// Bytes of a JSON body of the control plane (a 20 MiB layer part in base64, and the rest).
    pub max_control_body_bytes: usize,
    /// Bytes of memory that all clients together may make the server hold.
    pub memory_budget: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_http2_streams: 200,
            handshake: Duration::from_secs(15),
            header_read: Duration::from_secs(75),
            body_idle: Duration::from_mins(1),
            max_control_body_bytes: 30 * 1024 * 1024,
            memory_budget: 256 * 1024 * 1024,
        }
    }
}

/// Everything the server is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Certificate files; None serves plain HTTP.
    pub tls: Option<TlsFiles>,
    /// How often the certificate files are looked at.
    pub tls_poll: Duration,
    /// Where Prometheus asks; None turns metrics off.
    pub metrics_listen: Option<SocketAddr>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// How long running requests may go on after the signal to stop.
    pub drain: Duration,
    /// Bounds on clients.
    pub limits: Limits,
}

impl Options {
    /// Plain HTTP on one address, everything else at its default.
    pub fn plain(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            tls_poll: Duration::from_secs(5),
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}
