//! The clients of the suite. Each has one connection, opened when it is needed, and opened again if the server closed
//! it between two requests, as real clients do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The longest time that a client waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The addresses of a client and its server.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) from: Ipv4Addr,
    pub(super) to: SocketAddr,
}

impl Route {
    /// A new connection.
    pub(super) async fn connect(self) -> Result<TcpStream> {
        self.connect_with(None).await
    }

    /// A new connection with a receive buffer of this size, if one is given.
    pub(super) async fn connect_with(self, receive: Option<u32>) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((IpAddr::from(self.from), 0).into())?;
        if let Some(bytes) = receive {
            socket.set_recv_buffer_size(bytes)?;
        }
        let connecting = timeout(PATIENCE, socket.connect(self.to)).await;
        let stream = connecting.context("the connection is not accepted")?.context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// An answer with its whole body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Whether the server is busy and says when to retry.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.status, 429 | 503) && self.headers.contains_key(header::RETRY_AFTER)
    }

    /// The same answer if it has this status.
    pub(super) fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            let body = String::from_utf8_lossy(&self.body);
            bail!(
                "status {} instead of {status}: {}",
                self.status,
                body.chars().take(300).collect::<String>()
            );
        }
        Ok(self)
    }
}

/// A client of HTTP/1.1.
pub(super) struct Client {
    route: Route,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client without a connection.
    pub(super) fn new(route: Route) -> Self {
        Self { route, sender: None }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn ask(&mut self, request: Request<Bytes>) -> Result<Answer> {
        let outcome = timeout(PATIENCE, self.ask_patiently(request)).await;
        if !matches!(outcome, Ok(Ok(_))) {
            self.sender = None;
        }
        outcome.with_context(|| format!("no answer within {} s", PATIENCE.as_secs()))?
    }

    async fn ask_patiently(&mut self, request: Request<Bytes>) -> Result<Answer> {
        if let Some(sender) = &mut self.sender
            && sender.ready().await.is_ok()
            && let Ok(answer) = exchange(sender, request.clone()).await
        {
            return Ok(answer);
        }
        let mut sender = self.connect().await?;
        let answer = exchange(&mut sender, request).await?;
        self.sender = Some(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>> {
        let stream = self.route.connect().await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

async fn exchange(sender: &mut http1::SendRequest<Full<Bytes>>, request: Request<Bytes>) -> Result<Answer> {
    let response = sender.send_request(in_origin_form(request)?.map(Full::new)).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.context("the answer's body was cut off")?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

/// HTTP/1.1 has the host in a header, and path and query in the request line (RFC 9112 §3.2.1).
fn in_origin_form(request: Request<Bytes>) -> Result<Request<Bytes>> {
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        head.headers.insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
    }
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    Ok(Request::from_parts(head, body))
}
