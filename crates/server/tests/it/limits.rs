//! Limits on what one client may send, and on the time it may take.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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

/// The answer to an UploadLayerPart that announces a body, sends none, and is signed with an unknown access key.
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
async fn the_body_of_an_unknown_client_is_not_read() {
    let node = Node::start().await;
    let said = answer_to_a_stranger(&node, 20 << 20).await;
    assert!(said.contains("UnrecognizedClientException"), "{said}");
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let node = Node::start_with(|options| options.limits.header_read = SHORT).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: test\r\nx-slow: ").await.unwrap();
    timeout(LONG, rest(stream)).await.expect("the connection was closed");
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
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
async fn a_stalled_body_is_refused_and_its_bytes_are_kept() {
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
async fn a_client_that_reads_nothing_is_disconnected() {
    let node = Node::start_with(|options| {
        options.limits.body_idle = Duration::from_secs(1);
        options.drain = LONG;
    })
    .await;
    let mut node = node;
    let client = node.client();
    let large = vec![1_u8; 12 << 20];
    let digest = sha256(&large);
    client.post(&at(&format!("blobs/uploads/?digest={digest}")), large).await.expect(201);
    let _never_read = client.raw(&format!("GET {}", at(&format!("blobs/{digest}"))), "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(node.stop().await, "the stalled answer kept the server from stopping");
    assert!(started.elapsed() < LONG);
}

/// Sends a byte every 50 ms until the server answers, and returns the answer.
async fn dripping(mut stream: TcpStream) -> String {
    let mut said = [0; 4096];
    for _ in 0..200 {
        let _ = stream.write_all(b"a").await;
        match timeout(Duration::from_millis(50), stream.read(&mut said)).await {
            Err(_) => {}
            Ok(read) => return String::from_utf8_lossy(&said[..read.unwrap_or(0)]).into_owned(),
        }
    }
    panic!("it was never answered");
}

#[tokio::test]
async fn a_body_of_single_bytes_is_refused() {
    let node = Node::start_with(|options| {
        options.limits.body_grace = SHORT;
        options.limits.body_bytes_per_second = 1 << 20;
    })
    .await;
    let client = node.client();
    let session = client.post(&at("blobs/uploads/"), "").await.expect(202).header("location").to_owned();
    let stream = client.raw(&format!("PATCH {session}"), "content-length: 100000\r\n").await;
    let said = dripping(stream).await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("BLOB_UPLOAD_INVALID"), "{said}");
}

#[tokio::test]
async fn an_unsigned_form_has_a_short_time_limit() {
    let node = Node::start_with(|options| options.limits.unsigned_body = SHORT).await;
    let headers = "content-type: application/x-www-form-urlencoded\r\ncontent-length: 4000\r\n";
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(format!("POST / HTTP/1.1\r\nhost: test\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let begun = Instant::now();
    let said = dripping(stream).await;
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn an_http2_connection_with_only_pings_is_closed() {
    let node = Node::start_with(|options| {
        options.limits.http2_idle = Duration::from_secs(1);
        options.limits.header_read = SHORT;
    })
    .await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(stream),
    )
    .await
    .unwrap();
    let connection = tokio::spawn(connection);
    let url = format!("http://{}/readyz", node.address);
    let answer = sender.send_request(node.client().request(Method::GET, &url, "")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let begun = Instant::now();
    let _ended = timeout(LONG, connection).await.expect("the connection was closed");
    assert!(begun.elapsed() > Duration::from_millis(500), "not before its time");
}

#[tokio::test]
async fn more_blobs_than_open_files_get_a_retry_after() {
    let node = Node::start_with(|options| options.limits.max_open_files = 1).await;
    let client = node.client();
    let large = vec![1_u8; 12 << 20];
    let digest = sha256(&large);
    client.post(&at(&format!("blobs/uploads/?digest={digest}")), large).await.expect(201);
    let get = at(&format!("blobs/{digest}"));
    let mut never_read = client.raw(&format!("GET {get}"), "").await;
    tokio::time::sleep(SHORT).await;
    let refused = client.get(&get).await.expect(503);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("UNAVAILABLE", "1"));
    // A client that has not read a byte for some seconds releases its file.
    tokio::time::sleep(Duration::from_secs(5)).await;
    client.get(&get).await.expect(200);
    let mut cut_off = Vec::new();
    // A reset counts as an end.
    let _ = never_read.read_to_end(&mut cut_off).await;
    assert!(cut_off.len() < 12 << 20, "the file that it gave up is not sent");
}
