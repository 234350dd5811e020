//! What one client may send, and how long it may take.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{Client, rest};
use crate::image::{at, sha256};
use crate::node::Node;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn headers_that_are_too_large_or_too_many_are_refused() {
    let node = Node::start().await;
    let large = format!("x-large: {}\r\n", "a".repeat(40 * 1024));
    let many = (0..120).map(|n| format!("x-{n}: 1\r\n")).collect::<Vec<_>>().concat();
    for headers in [large, many] {
        let said = rest(node.client().raw("GET /v2/", &headers).await).await;
        assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    }
}

/// The answer to an UploadLayerPart that announces a body, sends none, and is signed with a key that nobody has.
async fn answer_to_a_stranger(node: &Node, length: usize) -> String {
    let headers = format!(
        "x-amz-target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\n\
         x-amz-date: 20261124T000000Z\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {length}\r\n"
    );
    let signature = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/ecr/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    );
    let stream = Client::new(node.address).authorization(Some(signature)).raw("POST /", &headers).await;
    timeout(LONG, rest(stream)).await.expect("it was answered without its body")
}

#[tokio::test]
async fn a_control_body_over_the_limit_is_refused_unread() {
    let node = Node::start_with(|options| options.limits.max_control_body_bytes = 1000).await;
    let said = answer_to_a_stranger(&node, 1001).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
}

#[tokio::test]
async fn the_body_of_a_stranger_is_not_read() {
    let node = Node::start().await;
    let said = answer_to_a_stranger(&node, 20 << 20).await;
    assert!(said.contains("UnrecognizedClientException"), "{said}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut() {
    let node = Node::start_with(|options| options.limits.header_read = SHORT).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: test\r\nx-slow: ").await.unwrap();
    timeout(LONG, rest(stream)).await.expect("the connection was closed");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut() {
    let node = Node::start_with(|options| options.limits.handshake = SHORT).await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    assert_eq!(timeout(LONG, rest(stream)).await.expect("the connection was closed"), "");
}

#[tokio::test]
async fn a_connection_idle_between_requests_is_closed() {
    let node = Node::start_with(|options| options.limits.header_read = SHORT).await;
    let stream = node.client().raw("GET /v2/", "").await;
    let said = timeout(LONG, rest(stream)).await.expect("the connection was closed");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn a_body_that_stands_still_is_refused_and_what_came_is_kept() {
    let node = Node::start_with(|options| options.limits.body_idle = SHORT).await;
    let client = node.client();
    let session = client.post(&at("blobs/uploads/"), "").await.expect(202).header("location").to_owned();
    let mut stream = client.raw(&format!("PATCH {session}"), "content-length: 8\r\n").await;
    stream.write_all(b"0123").await.unwrap();
    let said = timeout(LONG, rest(stream)).await.expect("the connection was closed");
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("BLOB_UPLOAD_INVALID"), "{said}");
    assert_eq!(client.get(&session).await.expect(204).header("range"), "0-3");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let node = Node::start_with(|options| {
        options.limits.body_idle = SHORT;
        options.drain = LONG;
    })
    .await;
    let mut node = node;
    let client = node.client();
    let large = vec![1_u8; 32 << 20];
    let digest = sha256(&large);
    client.post(&at(&format!("blobs/uploads/?digest={digest}")), large).await.expect(201);
    let _never_read = client.raw(&format!("GET {}", at(&format!("blobs/{digest}"))), "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(node.stop().await, "the stalled answer kept the server from stopping");
    assert!(started.elapsed() < LONG);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let node = Node::start_with(|options| options.limits.max_connections = 1).await;
    let first = TcpStream::connect(node.address).await.unwrap();
    let client = node.client();
    let second = tokio::spawn(async move { client.get("/v2/").await });
    tokio::time::sleep(SHORT).await;
    assert!(!second.is_finished());
    drop(first);
    timeout(LONG, second).await.unwrap().unwrap().expect(200);
}
