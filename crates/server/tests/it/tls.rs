//! TLS, and certificates that change while the server runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use server::TlsFiles;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{over_http1, over_http2};
use crate::node::Node;

/// Writes a new certificate for `localhost`, and returns it.
pub(crate) fn certify(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    made.cert.der().clone()
}

pub(crate) fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") }
}

pub(crate) async fn start(files: &TlsFiles) -> Node {
    let files = files.clone();
    Node::start_with(|options| {
        options.tls = Some(files);
        options.tls_poll = Duration::from_millis(50);
    })
    .await
}

/// A connection by a client that trusts only this certificate.
pub(crate) async fn connect(
    node: &Node,
    trusted: &CertificateDer<'static>,
    alpn: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(node.address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// A server with TLS, and a connection to it. The folder of the certificate lives as long as the node.
pub(crate) async fn connected() -> ((Node, tempfile::TempDir), TlsStream<TcpStream>) {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let certificate = certify(&files);
    let node = start(&files).await;
    let stream = connect(&node, &certificate, "http/1.1").await.unwrap();
    ((node, folder), stream)
}

#[tokio::test]
async fn both_http_versions_work_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let certificate = certify(&files);
    let node = start(&files).await;
    let stream = connect(&node, &certificate, "http/1.1").await.unwrap();
    let reply = over_http1(stream, node.client().request(http::Method::GET, "/v2/", "")).await;
    assert_eq!(reply.status, 200);
    let stream = connect(&node, &certificate, "h2").await.unwrap();
    let client = node.client().with("host", "registry.test");
    let request = client.request(http::Method::GET, "https://registry.test/v2/", "");
    assert_eq!(over_http2(stream, request).await.status, 200);
    let stream = connect(&node, &certificate, "h2").await.unwrap();
    let stranger = client.authorization(None);
    let reply =
        over_http2(stream, stranger.request(http::Method::GET, "https://registry.test/v2/", "")).await;
    let challenge = reply.header("www-authenticate");
    assert_eq!(challenge, "Basic realm=\"https://registry.test/\",service=\"ecr.amazonaws.com\"");
}

#[tokio::test]
async fn a_changed_certificate_is_loaded_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let old = certify(&files);
    let node = start(&files).await;
    connect(&node, &old, "h2").await.unwrap();

    std::fs::write(&files.certificate, "not a certificate").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    connect(&node, &old, "h2").await.expect("the old certificate stays in use");

    let new = certify(&files);
    let mut taken = false;
    for _ in 0..100 {
        if connect(&node, &new, "h2").await.is_ok() {
            taken = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(taken);
    assert!(connect(&node, &old, "h2").await.is_err());
}

#[tokio::test]
async fn a_client_without_tls_does_not_block_others() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let certificate = certify(&files);
    let node = start(&files).await;
    let _silent = TcpStream::connect(node.address).await.unwrap();
    let _plain = node.client().raw("GET /v2/", "").await;
    connect(&node, &certificate, "h2").await.unwrap();
}
