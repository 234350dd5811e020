//! One request on one connection.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, WantsVerifier};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use trace::{Kind, Open};

use crate::dialler::{Dialled, Dialler, NotDialled};
use crate::download::Download;
use crate::own_server::AnyCertificate;
use crate::roots::{Roots, RootsError};

/// The maximum length of an answer's head.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Limits on the size and time of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum length of the body.
    pub bytes: usize,
    /// The time from the name resolution to the last byte.
    pub time: Duration,
}

/// Why there is no answer. The texts name at most the server, never what it sent.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The URL is invalid or has no host.
    #[error("not an http or https URL with a host")]
    Url,
    /// The address is not allowed.
    #[error("{0} is at no address that may be called; [outbound] allow_networks could name it")]
    Refused(String),
    /// There is no connection.
    #[error("cannot connect to {host}")]
    Connect {
        /// Host and port.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
    /// TLS failed, most often because of an untrusted certificate.
    #[error("no TLS connection with {host}: {source}")]
    Tls {
        /// Host and port.
        host: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The answer is not HTTP, or ended early.
    #[error("{host} does not speak HTTP as it should")]
    Http {
        /// Host and port.
        host: String,
        /// The cause.
        source: hyper::Error,
    },
    /// The answer is longer than allowed.
    #[error("the answer of {0} is too long")]
    TooLong(String),
    /// The time limit was exceeded.
    #[error("{0} did not answer in time")]
    Slow(String),
}

/// Makes calls. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
    /// None: the user of this process chose the server.
    dialler: Option<Dialler>,
}

/// A future on the heap, so it is compiled with this crate and not again in each crate that awaits it.
pub(crate) type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Client {
    /// A client that calls the addresses that the dialler allows, and trusts these certificate authorities.
    pub fn guarded(dialler: &Dialler, roots: Roots<'_>) -> Result<Self, RootsError> {
        Self::new(Some(dialler.clone()), roots)
    }

    /// A client for commands: it calls any server that its user chooses.
    pub fn of_operator(roots: Roots<'_>) -> Result<Self, RootsError> {
        Self::new(None, roots)
    }

    /// A client for the health check of the server of this machine. It accepts any certificate: send nothing secret.
    pub fn of_own_server() -> Result<Self, RootsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = tls_versions(&provider)?.dangerous();
        let tls = builder.with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)));
        Ok(Self::with(None, tls.with_no_client_auth()))
    }

    fn new(dialler: Option<Dialler>, roots: Roots<'_>) -> Result<Self, RootsError> {
        let builder = tls_versions(&Arc::new(aws_lc_rs::default_provider()))?;
        Ok(Self::with(dialler, builder.with_root_certificates(roots.load()?).with_no_client_auth()))
    }

    fn with(dialler: Option<Dialler>, mut tls: ClientConfig) -> Self {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { tls: Arc::new(tls), dialler }
    }

    /// Sends a request with an absolute URI (`https://host/path`) and reads the whole answer.
    pub fn send(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Running<'_, Result<Response<Bytes>, OutboundError>> {
        Box::pin(self.send_within(request, limits))
    }

    async fn send_within(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Response<Bytes>, OutboundError> {
        let target = Target::of(request.uri())?;
        let host = target.authority.clone();
        let answer = tokio::time::timeout(limits.time, self.exchange(request, target, limits.bytes));
        answer.await.unwrap_or(Err(OutboundError::Slow(host)))
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        target: Target,
        most: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        let (parts, download) = self.begin(request, target).await?.into_parts();
        Ok(Response::from_parts(parts, download.collect(most).await?))
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) fn begin(
        &self,
        request: Request<Bytes>,
        target: Target,
    ) -> Running<'_, Result<Response<Download>, OutboundError>> {
        Box::pin(async move {
            let mut step = step(&request, &target);
            let answered = self.ask(request, target).await;
            match &answered {
                Ok(answer) => step.number("http.response.status_code", answer.status().as_u16().into()),
                Err(_) => step.fail(),
            }
            answered
        })
    }

    async fn ask(
        &self,
        request: Request<Bytes>,
        target: Target,
    ) -> Result<Response<Download>, OutboundError> {
        let host = target.authority.clone();
        let (stream, slot) = self.connect(&target).await?;
        // If it cannot be set, requests are slower but correct.
        let _ = stream.set_nodelay(true);
        if !target.is_tls {
            return converse(stream, request, target, slot).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| OutboundError::Url)?;
        let shaken = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = shaken.map_err(|source| OutboundError::Tls { host, source })?;
        converse(stream, request, target, slot).await
    }

    async fn connect(
        &self,
        target: &Target,
    ) -> Result<(TcpStream, Option<OwnedSemaphorePermit>), OutboundError> {
        let failed = |source| OutboundError::Connect { host: target.authority.clone(), source };
        let Some(dialler) = &self.dialler else {
            let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(failed)?;
            return Ok((stream, None));
        };
        match dialler.dial(&target.host, target.port).await {
            Ok(Dialled { stream, slot }) => Ok((stream, Some(slot))),
            Err(NotDialled::Refused) => Err(OutboundError::Refused(target.authority.clone())),
            Err(NotDialled::Failed(source)) => Err(failed(source)),
        }
    }
}

/// The span of a request to another server, until the head of its answer. Paths and queries can have secrets.
fn step(request: &Request<Bytes>, target: &Target) -> Open {
    let mut step = trace::begin("outgoing request", Kind::Client);
    step.text("http.request.method", request.method().as_str());
    step.text("server.address", &target.host);
    step.number("server.port", target.port.into());
    step
}

fn tls_versions(
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, RootsError> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(RootsError::Certificate)
}

/// The destination of a URL.
pub(crate) struct Target {
    is_tls: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// The value of the `Host` header.
    pub(crate) authority: String,
}

impl Target {
    pub(crate) fn of(uri: &Uri) -> Result<Self, OutboundError> {
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(OutboundError::Url),
        };
        let authority = uri.authority().ok_or(OutboundError::Url)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(OutboundError::Url);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { is_tls, host, port, authority: authority.as_str().to_owned() })
    }
}

async fn converse<S>(
    stream: S,
    request: Request<Bytes>,
    target: Target,
    slot: Option<OwnedSemaphorePermit>,
) -> Result<Response<Download>, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let host = target.authority;
    let broken = |source| OutboundError::Http { host: host.clone(), source };
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = path.parse().map_err(|_| OutboundError::Url)?;
    let name = HeaderValue::from_str(&host).map_err(|_| OutboundError::Url)?;
    parts.headers.entry(HOST).or_insert(name);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    // Ends with this future or with the answer, also when they are dropped.
    let mut connections = JoinSet::new();
    connections.spawn(connection);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(broken)?;
    Ok(answer.map(|body| Download::new(host.clone(), body, (connections, slot))))
}
