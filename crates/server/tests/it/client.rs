//! A small HTTP client: one connection for each request, no redirects, no retries.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    authorization: Option<String>,
    headers: HeaderMap,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error in the specification's form.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_else(|| panic!("no error in {self:?}")).to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON in {self:?}"))
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{self:?}");
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, authorization: None, headers: HeaderMap::new() }
    }

    pub(crate) fn authorization(mut self, authorization: Option<String>) -> Self {
        self.authorization = authorization;
        self
    }

    /// The same client with one more header in every request.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert(self.address.to_string().parse().unwrap());
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        request
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Reply {
        let stream = TcpStream::connect(self.address).await.unwrap();
        over_http1(stream, self.request(method, path, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Reply {
        self.send(Method::HEAD, path, "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, "").await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(Method::PUT, path, body).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.send(Method::PATCH, path, body).await
    }

    /// A connection on which a test writes any bytes. The head of a request with credentials has been sent.
    pub(crate) async fn raw(&self, line: &str, headers: &str) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        self.raw_over(stream, line, headers).await
    }

    /// The same over a connection that is open already.
    pub(crate) async fn raw_over(&self, mut stream: TcpStream, line: &str, headers: &str) -> TcpStream {
        stream.write_all(self.head_of(line, headers).as_bytes()).await.unwrap();
        stream
    }

    /// The head of a request with credentials.
    pub(crate) fn head_of(&self, line: &str, headers: &str) -> String {
        let authorization = self.authorization.as_deref().unwrap_or("none");
        format!("{line} HTTP/1.1\r\nhost: test\r\nauthorization: {authorization}\r\n{headers}\r\n")
    }
}

/// What a raw connection receives until it is closed.
pub(crate) async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut all = Vec::new();
    // A reset after the answer counts as a close.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

pub(crate) async fn over_http1<S>(stream: S, request: Request<Full<Bytes>>) -> Reply
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let reply = read(sender.send_request(request).await.unwrap()).await;
    connection.abort();
    reply
}

pub(crate) async fn over_http2<S>(stream: S, request: Request<Full<Bytes>>) -> Reply
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let reply = read(sender.send_request(request).await.unwrap()).await;
    connection.abort();
    reply
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Reply {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status, headers: parts.headers, body }
}
