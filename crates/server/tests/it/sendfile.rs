//! Large blobs: the kernel sends them from the page cache, where nothing encrypts or frames the bytes. Every way gets the
//! same bytes.

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{Client, over_http1, over_http2};
use crate::image::{at, push_blob, sha256};
use crate::node::Node;
use crate::tls;

/// Bytes of which no two chunks are alike.
fn bytes(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

async fn pushed(client: &Client) -> (Vec<u8>, String) {
    let bytes = bytes(5 << 20);
    let digest = push_blob(client, &bytes).await;
    (bytes, at(&format!("blobs/{digest}")))
}

#[tokio::test]
async fn a_large_blob_and_its_ranges_have_their_bytes() {
    let node = Node::start().await;
    let (bytes, path) = pushed(&node.client()).await;
    assert!(node.client().get(&path).await.expect(200).body == bytes);
    for (first, last) in [(0, 0), (1, 700_000), (524_287, 1_600_001), (1_000_001, bytes.len() - 1)] {
        let client = node.client().with("range", &format!("bytes={first}-{last}"));
        assert!(client.get(&path).await.expect(206).body == bytes[first..=last], "{first}-{last}");
    }
}

#[tokio::test]
async fn a_large_blob_over_tls_and_http2_has_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files = tls::files(folder.path());
    let certificate = tls::certify(&files);
    let node = tls::start(&files).await;
    let bytes = bytes(5 << 20);
    let digest = sha256(&bytes);
    let stream = tls::connect(&node, &certificate, "http/1.1").await.unwrap();
    let post = at(&format!("blobs/uploads/?digest={digest}"));
    let pushed = over_http1(stream, node.client().request(Method::POST, &post, bytes.clone())).await;
    assert_eq!(pushed.status, 201);
    let get = at(&format!("blobs/{digest}"));
    let stream = tls::connect(&node, &certificate, "http/1.1").await.unwrap();
    assert!(over_http1(stream, node.client().request(Method::GET, &get, "")).await.body == bytes);
    let stream = tls::connect(&node, &certificate, "h2").await.unwrap();
    let client = node.client().with("host", "registry.test");
    let request = client.request(Method::GET, &format!("https://registry.test{get}"), "");
    assert!(over_http2(stream, request).await.body == bytes);
}

#[tokio::test]
async fn a_large_blob_over_plain_http2_has_its_bytes() {
    let node = Node::start().await;
    let (bytes, path) = pushed(&node.client()).await;
    let stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
    let url = format!("http://{}{path}", node.address);
    assert!(over_http2(stream, node.client().request(Method::GET, &url, "")).await.body == bytes);
}

/// The end of the first answer is not sent when the second is ready.
#[tokio::test]
async fn answers_to_pipelined_requests_have_their_bytes() {
    let node = Node::start().await;
    let (bytes, path) = pushed(&node.client()).await;
    let head = format!("GET {path}");
    let mut stream = node.client().raw(&head, "").await;
    let again = node.client().head_of(&head, "");
    for _ in 0..3 {
        stream.write_all(again.as_bytes()).await.unwrap();
    }
    stream.write_all(node.client().head_of(&head, "connection: close\r\n").as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await.unwrap();
    let bodies: Vec<_> = all
        .windows(4)
        .enumerate()
        .filter(|(_, end)| end == b"\r\n\r\n")
        .map(|(at, _)| all.get(at + 4..at + 4 + bytes.len()).unwrap_or_default() == bytes)
        .collect();
    assert_eq!(bodies, [true; 5]);
    assert_eq!(node.open_files(), 0);
}
