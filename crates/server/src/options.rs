//! The settings of the server: addresses, certificate files, limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use access::settings::Cidr;
use trace::Tracer;

use crate::log_lines::DroppedLines;
use crate::pace::Pace;

/// Certificate chain and private key, both PEM. They are read again when they change.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key, PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// Limits on clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The maximum number of connections; one more replaces the longest idle one.
    pub max_connections: usize,
    /// The maximum number of open blobs.
    pub max_open_files: usize,
    /// Bytes of the request line and headers.
    pub max_header_bytes: usize,
    /// Number of header fields.
    pub max_headers: usize,
    /// Concurrent streams on one HTTP/2 connection.
    pub max_http2_streams: u32,
    /// The time for a TLS handshake, and for the first bytes of a connection.
    pub handshake: Duration,
    /// The time between two requests of a connection, and for the complete headers of a request.
    pub header_read: Duration,
    /// How long an HTTP/2 connection may stay without a request. Answers to PING frames do not count.
    pub http2_idle: Duration,
    /// The longest pause in a body, in either direction.
    pub body_idle: Duration,
    /// The time for any body, in either direction, plus one second for each `body_bytes_per_second`.
    pub body_grace: Duration,
    /// The minimum average rate of a body.
    pub body_bytes_per_second: u64,
    /// The time for the whole body of an unsigned request.
    pub unsigned_body: Duration,
    /// The requests without credentials that one address can make in a second, on average. A burst can be ten times as
    /// large.
    pub anonymous_requests_per_second: u32,
    /// The maximum size of a JSON body on the control plane (a 20 MiB layer part in base64, and the rest).
    pub max_control_body_bytes: usize,
    /// The maximum memory that the server holds for all clients together.
    pub memory_budget: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 2048,
            max_open_files: 4096,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_http2_streams: 200,
            handshake: Duration::from_secs(15),
            header_read: Duration::from_secs(75),
            http2_idle: Duration::from_secs(75),
            body_idle: Duration::from_mins(1),
            body_grace: Duration::from_mins(1),
            body_bytes_per_second: 4096,
            unsigned_body: Duration::from_secs(20),
            anonymous_requests_per_second: 50,
            max_control_body_bytes: 30 * 1024 * 1024,
            memory_budget: 256 * 1024 * 1024,
        }
    }
}

/// Descriptors for everything except connections and blobs that are read: databases, logs, listeners, blobs that are
/// written, connections that are closing.
const OTHER_DESCRIPTORS: usize = 160;

impl Limits {
    /// The time limit of a body.
    pub(crate) fn pace(&self) -> Pace {
        Pace { grace: self.body_grace, bytes_per_second: Some(self.body_bytes_per_second) }
    }

    /// Reduces the numbers of connections and open files to this number of descriptors. True if it was necessary.
    pub fn fit(&mut self, descriptors: usize) -> bool {
        let room = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(16);
        let (connections, files) = (self.max_connections, self.max_open_files);
        self.max_connections = connections.min((room / 2).max(room.saturating_sub(files)));
        self.max_open_files = files.min(room - self.max_connections);
        (self.max_connections, self.max_open_files) != (connections, files)
    }
}

/// All settings of the server.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 means any free port.
    pub listen: SocketAddr,
    /// Certificate files; None means HTTP without TLS.
    pub tls: Option<TlsFiles>,
    /// How often the certificate files are checked.
    pub tls_poll: Duration,
    /// The address for Prometheus; None disables metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// How long running requests may continue after the signal to stop.
    pub drain: Duration,
    /// The limits on clients.
    pub limits: Limits,
    /// The lines that the process's log lost, for the metrics.
    pub dropped_lines: DroppedLines,
    /// Which requests are traced, and where their spans go.
    pub tracer: Tracer,
}

impl Options {
    /// HTTP without TLS on one address, and the defaults.
    pub fn plain(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            tls_poll: Duration::from_secs(5),
            metrics_listen: None,
            trusted_proxies: Vec::new(),
            drain: Duration::from_secs(30),
            limits: Limits::default(),
            dropped_lines: DroppedLines::default(),
            tracer: Tracer::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_files_fit_the_descriptor_limit() {
        for (descriptors, connections, files) in
            [(1024, 432, 432), (20_000, 2048, 4096), (6000, 2048, 3792), (3000, 1420, 1420), (0, 8, 8)]
        {
            let mut limits = Limits::default();
            assert_eq!(limits.fit(descriptors), files < 4096);
            assert_eq!((limits.max_connections, limits.max_open_files), (connections, files));
        }
        let mut limits = Limits { max_connections: 10, ..Limits::default() };
        limits.fit(1024);
        assert_eq!((limits.max_connections, limits.max_open_files), (10, 854));
    }
}
