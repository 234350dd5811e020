//! What the binary decides for the server: addresses, certificate files, limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use access::settings::Cidr;

use crate::pace::Pace;

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
    /// Connections served at a time; for one more the longest idle one is ended.
    pub max_connections: usize,
    /// Blobs open for reading at a time.
    pub max_open_files: usize,
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
    /// Time for which an HTTP/2 connection may stay without a request. Answers to PING frames do not count.
    pub http2_idle: Duration,
    /// Longest pause in the middle of a body, in either direction.
    pub body_idle: Duration,
    /// Time for any body, in either direction, and one second more for each `body_bytes_per_second` that moved.
    pub body_grace: Duration,
    /// The lowest rate of a body on average.
    pub body_bytes_per_second: u64,
    /// Time for the whole body of a request that nobody signed.
    pub unsigned_body: Duration,
    /// Bytes of a JSON body of the control plane (a 20 MiB layer part in base64, and the rest).
    pub max_control_body_bytes: usize,
    /// Bytes of memory that all clients together may make the server hold.
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
            max_control_body_bytes: 30 * 1024 * 1024,
            memory_budget: 256 * 1024 * 1024,
        }
    }
}

/// Descriptors for everything but connections and blobs that are read: databases, logs, listeners, blobs that are
/// written, connections that are being closed.
const OTHER_DESCRIPTORS: usize = 160;

impl Limits {
    /// How long a body may take.
    pub(crate) fn pace(&self) -> Pace {
        Pace { grace: self.body_grace, bytes_per_second: Some(self.body_bytes_per_second) }
    }

    /// Lowers the numbers of connections and open files to what so many descriptors allow. True if it had to.
    pub fn fit(&mut self, descriptors: usize) -> bool {
        let room = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(16);
        let (connections, files) = (self.max_connections, self.max_open_files);
        self.max_connections = connections.min((room / 2).max(room.saturating_sub(files)));
        self.max_open_files = files.min(room - self.max_connections);
        (self.max_connections, self.max_open_files) != (connections, files)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_files_fit_the_descriptors() {
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
