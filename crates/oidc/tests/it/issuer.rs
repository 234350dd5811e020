//! An issuer: an HTTPS server on loopback with its own certificate authority.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use oidc::{Claims, OidcError, Provider, Verifier};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as Signer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The answer of a path.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) status: &'static str,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

impl From<Value> for Page {
    fn from(body: Value) -> Self {
        Self { status: "200 OK", body: body.to_string(), delay: Duration::ZERO }
    }
}

/// Verifies a token against an issuer at a URL, which an account registered with its own certificate authority.
pub(crate) async fn verify(
    verifier: &Verifier,
    (issuer_url, authority): (&str, &str),
    token: &str,
    at: i64,
) -> Result<Claims, OidcError> {
    let provider = Provider {
        account: "111122223333",
        issuer_url,
        client_ids: &["sts.amazonaws.com".to_owned()],
        certificate_authority: Some(authority),
        key_set: None,
    };
    verifier.verify(&provider, token, Timestamp::from_second(at).unwrap()).await
}

#[derive(Clone)]
pub(crate) struct Issuer {
    /// With `https://`.
    pub(crate) url: String,
    /// PEM of its certificate authority.
    pub(crate) authority: String,
    pages: Arc<Mutex<HashMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    /// Verifies a token of this issuer.
    pub(crate) async fn check(&self, verifier: &Verifier, token: &str, at: i64) -> Result<Claims, OidcError> {
        verify(verifier, (&self.url, &self.authority), token, at).await
    }

    /// An issuer that publishes a key set at `/keys`.
    pub(crate) async fn start(keys: Value) -> Self {
        let (tls, authority) = certificate();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let issuer = Self { url, authority, pages: Arc::default(), asked: Arc::default() };
        let jwks_uri = format!("{}/keys", issuer.url);
        issuer.publish(DISCOVERY, json!({"issuer": issuer.url, "jwks_uri": jwks_uri}).into());
        issuer.publish("/keys", keys.into());
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let served = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, issuer) = (acceptor.clone(), served.clone());
                tokio::spawn(async move { issuer.serve(acceptor, stream).await });
            }
        });
        issuer
    }

    pub(crate) fn publish(&self, path: &str, page: Page) {
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// How often a path was requested.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    async fn serve(&self, acceptor: TlsAcceptor, stream: TcpStream) {
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let page = self.pages.lock().unwrap().get(&path).cloned();
        self.asked.lock().unwrap().push(path);
        let missing = || Page { status: "404 Not Found", body: String::new(), delay: Duration::ZERO };
        let Page { status, body, delay } = page.unwrap_or_else(missing);
        tokio::time::sleep(delay).await;
        let length = body.len();
        let location = format!("{}/moved", self.url);
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: {location}\r\n\r\n");
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

fn certificate() -> (ServerConfig, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let signer = Signer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &signer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    (builder.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap(), authority_pem)
}
