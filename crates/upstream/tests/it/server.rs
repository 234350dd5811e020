//! A registry whose answers a test writes. It answers one request on each connection, and records the requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::digest::{Algorithm, Digest};
use oci::name::RepositoryName;
use outbound::{Client, Dialler, Roots, Waits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use upstream::{Credentials, Endpoint, Rules, Upstream};

/// A request: its first line, and its `Authorization`.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
}

/// What is sent, and then whether the connection stays open without more bytes.
pub(crate) struct Reply {
    bytes: Vec<u8>,
    stall: Duration,
    /// Sent again and again.
    endless: Option<Vec<u8>>,
    /// The time between two parts of it.
    pause: Duration,
}

/// A listening server. It ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Listens on an address of loopback.
    pub(crate) async fn start(ip: &str, reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (kept, reply) = (Arc::clone(&seen), Arc::new(reply));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (seen, reply) = (Arc::clone(&kept), Arc::clone(&reply));
                connections.spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    let line = head.lines().next().unwrap().to_owned();
                    let length = head.lines().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
                    });
                    // A connection that is closed with bytes unread is reset.
                    let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]).await;
                    let authorization = head.lines().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
                    });
                    let one = Seen { line, authorization };
                    let answer = reply(&one);
                    seen.lock().unwrap().push(one);
                    let _ = stream.write_all(&answer.bytes).await;
                    while let Some(more) = &answer.endless {
                        if stream.write_all(more).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(answer.pause).await;
                    }
                    tokio::time::sleep(answer.stall).await;
                });
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// A client of this registry.
    pub(crate) fn client(&self, credentials: Option<(&str, &str)>, rules: Rules) -> Upstream {
        let dialler = Dialler::new(|address| address.is_loopback());
        let http = Client::guarded(&dialler, Roots::System).unwrap();
        let endpoint = Endpoint::parse(&self.address.to_string(), &rules).unwrap();
        let credentials = credentials
            .map(|(user, secret)| Credentials { username: user.to_owned(), password: secret.to_owned() });
        Upstream::new(http.into(), endpoint, credentials.as_ref(), Arc::new(rules))
    }
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::of_length(status, headers, body, body.len())
    }

    /// An answer whose `Content-Length` is another one.
    pub(crate) fn of_length(status: u16, headers: &[(&str, &str)], body: &[u8], length: usize) -> Self {
        let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let lines: String = lines.collect();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{lines}\r\n");
        let bytes = [head.as_bytes(), body].concat();
        Self { bytes, stall: Duration::ZERO, endless: None, pause: Duration::ZERO }
    }

    /// A body that ends with the connection.
    pub(crate) fn until_close(body: &[u8]) -> Self {
        let bytes = [b"HTTP/1.1 200 X\r\n\r\n", body].concat();
        Self { bytes, stall: Duration::ZERO, endless: None, pause: Duration::ZERO }
    }

    pub(crate) fn endless(self, more: Vec<u8>) -> Self {
        Self { endless: Some(more), ..self }
    }

    /// Never ends, and sends little at a time.
    pub(crate) fn trickling(self, more: &[u8]) -> Self {
        Self { endless: Some(more.to_vec()), pause: Duration::from_millis(50), ..self }
    }

    pub(crate) fn stalled(self) -> Self {
        Self { stall: Duration::from_mins(1), ..self }
    }
}

/// Rules that allow plain HTTP to two addresses of loopback, with short waits.
pub(crate) fn rules() -> Rules {
    Rules {
        insecure_hosts: vec!["127.0.0.1".to_owned(), "127.0.0.2".to_owned(), "169.254.169.254".to_owned()],
        waits: Waits { head: Duration::from_secs(2), idle: Duration::from_millis(300) },
        ..Rules::default()
    }
}

pub(crate) fn name() -> RepositoryName {
    "team/app".parse().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A manifest without layers.
pub(crate) const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
