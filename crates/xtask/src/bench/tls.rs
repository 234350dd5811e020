//! Wharf with TLS, over HTTP/1.1 and HTTP/2: a server of its own, with a certificate for this run. Only Wharf's
//! processor time is compared between runs: the client encrypts on the same processors.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::content::{Blob, KIB, MANIFEST_TYPE, REPOSITORY, TAG};
use super::load::Sample;
use crate::abuse::sign::{Key, Service};
use crate::running::Wharf;
use crate::{command, process};

/// The version of HTTP.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// The server, with one small image.
pub(crate) struct Tls {
    wharf: Wharf,
    runtime: Runtime,
    roots: Arc<RootCertStore>,
    authorization: String,
}

impl Tls {
    /// Starts the server below `folder` and pushes the image.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Result<Self> {
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"]).arg(&key);
        command::capture(openssl.arg("-out").arg(&certificate))?;
        let settings = [
            ("WHARF__SERVER__TLS__CERTIFICATE", certificate.as_os_str()),
            ("WHARF__SERVER__TLS__KEY", key.as_os_str()),
        ];
        let wharf = Wharf::start_with(binary, folder, &settings)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificate).context("cannot read the certificate")?)?;
        let runtime = Runtime::new()?;
        let mut tls = Self { wharf, runtime, roots: Arc::new(roots), authorization: String::new() };
        tls.runtime.block_on(tls.prepare()).map(|token| tls.authorization = token)?;
        Ok(tls)
    }

    /// Creates the repository and pushes an image; returns the password.
    async fn prepare(&self) -> Result<String> {
        let (address, key) = (self.wharf.address()?, self.wharf.key()?);
        let mut connection = self.connect(Version::One).await?;
        let create = format!("{{\"repositoryName\":\"{REPOSITORY}\"}}");
        connection.ask(call(&key, address, "CreateRepository", create)?, 200).await?;
        let token = connection.ask(call(&key, address, "GetAuthorizationToken", "{}".into())?, 200).await?;
        let token: serde_json::Value = serde_json::from_slice(&token)?;
        let token = token.pointer("/authorizationData/0/authorizationToken").and_then(|token| token.as_str());
        let basic = format!("Basic {}", token.context("no token")?);
        let config = Blob::random(KIB)?;
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": KIB,
            },
            "layers": [],
        });
        let send = |method, path: String, kind: &str, body: Vec<u8>| {
            let request =
                Request::builder().method(method).uri(format!("https://{address}/v2/{REPOSITORY}/{path}"));
            let request = request.header(header::HOST, address).header(header::AUTHORIZATION, &basic);
            request.header(header::CONTENT_TYPE, kind).body(Full::new(Bytes::from(body)))
        };
        let blob = format!("blobs/uploads/?digest={}", config.digest);
        connection.ask(send(Method::POST, blob, "application/octet-stream", config.bytes)?, 201).await?;
        let (path, manifest) = (format!("manifests/{TAG}"), serde_json::to_vec(&manifest)?);
        connection.ask(send(Method::PUT, path, MANIFEST_TYPE, manifest)?, 201).await?;
        Ok(basic)
    }

    /// Reads the image's manifest repeatedly on all connections.
    pub(crate) fn read(&self, version: Version, connections: usize, time: Duration) -> Result<Sample> {
        self.runtime.block_on(async {
            let mut open = Vec::new();
            for _ in 0..connections {
                open.push(self.connect(version).await?);
            }
            let request = self.get(version)?;
            let (before, start) = (process::cpu_seconds(self.wharf.pid())?, Instant::now());
            let tasks: Vec<_> = open
                .into_iter()
                .map(|connection| tokio::spawn(repeat(connection, request.clone(), start + time)))
                .collect();
            let mut operations = 0;
            for task in tasks {
                operations += task.await??;
            }
            let (elapsed, cpu) = (start.elapsed(), process::cpu_seconds(self.wharf.pid())? - before);
            Ok(Sample { operations, elapsed, cpu })
        })
    }

    fn get(&self, version: Version) -> Result<Request<Full<Bytes>>> {
        let address = self.wharf.address()?;
        let path = format!("/v2/{REPOSITORY}/manifests/{TAG}");
        let request = match version {
            Version::One => Request::get(path).header(header::HOST, address),
            Version::Two => Request::get(format!("https://{address}{path}")),
        };
        Ok(request.header(header::AUTHORIZATION, &self.authorization).body(Full::default())?)
    }

    async fn connect(&self, version: Version) -> Result<Connection> {
        let mut config =
            ClientConfig::builder().with_root_certificates(Arc::clone(&self.roots)).with_no_client_auth();
        config.alpn_protocols =
            vec![if version == Version::Two { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let address = self.wharf.address()?;
        let (_, port) = address.rsplit_once(':').context("no port")?;
        let stream = TcpStream::connect(("127.0.0.1", port.parse()?)).await?;
        stream.set_nodelay(true)?;
        let stream =
            TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
        Connection::open(version, stream).await
    }
}

enum Connection {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(version: Version, stream: TlsStream<TcpStream>) -> Result<Self> {
        let stream = TokioIo::new(stream);
        Ok(match version {
            Version::One => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                Self::One(sender)
            }
            Version::Two => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                Self::Two(sender)
            }
        })
    }

    /// Sends a request and reads the whole answer.
    async fn ask(&mut self, request: Request<Full<Bytes>>, status: u16) -> Result<Bytes> {
        let answer = match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Self::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        if answer.status() != status {
            bail!("status {} instead of {status}", answer.status());
        }
        Ok(answer.into_body().collect().await?.to_bytes())
    }
}

async fn repeat(mut connection: Connection, request: Request<Full<Bytes>>, end: Instant) -> Result<u64> {
    let mut operations = 0;
    while Instant::now() < end {
        connection.ask(request.clone(), 200).await?;
        operations += 1;
    }
    Ok(operations)
}

fn call(key: &Key, address: &str, operation: &str, body: String) -> Result<Request<Full<Bytes>>> {
    let mut request = key.json(address, Service::Ecr, operation, body.into())?.map(Full::new);
    request.headers_mut().insert(header::HOST, address.parse()?);
    Ok(request)
}
