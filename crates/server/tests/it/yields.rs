//! More clients than slots: which connection is closed, and that a new client is served at once.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Client, over_http1, rest};
use crate::image::{at, sha256};
use crate::node::Node;

const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);

/// A connection that was answered once and is kept open.
async fn kept_alive(node: &Node) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut seen = [0; 512];
    assert!(timeout(LONG, stream.read(&mut seen)).await.unwrap().unwrap() > 0, "it was not answered");
    stream
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_millis(300), async { stream.read(&mut [0; 64]).await });
    matches!(read.await, Ok(Ok(0) | Err(_)))
}

/// A connection that was started and sends no more: each kind in turn.
async fn unfinished(node: &Node, kind: usize) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let said: &[u8] = match kind % 4 {
        0 => b"",
        1 => b"GET /v2/ HTTP/1.1\r\nhost: test\r\nx-slow: ",
        2 => {
            b"POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-www-form-urlencoded\r\n\
               content-length: 4000\r\n\r\nA"
        }
        _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    };
    stream.write_all(said).await.unwrap();
    stream
}

async fn is_served_soon(node: &Node) {
    for path in ["/healthz", "/v2/"] {
        let reply = timeout(SOON, node.client().get(path)).await;
        reply.unwrap_or_else(|_| panic!("{path} was not served in time")).expect(200);
    }
}

#[tokio::test]
async fn the_longest_idle_connection_is_closed_first() {
    let node = Node::start_with(|options| options.limits.max_connections = 8).await;
    let mut kept = Vec::new();
    for _ in 0..200 {
        kept.push(timeout(SOON, kept_alive(&node)).await.expect("a new connection is served at once"));
    }
    let mut last = kept.split_off(192);
    for stream in &mut kept {
        assert!(is_closed(stream).await, "an older one was kept");
    }
    for stream in &mut last {
        assert!(!is_closed(stream).await, "a younger one was closed");
    }
    is_served_soon(&node).await;
}

#[tokio::test]
async fn a_running_request_outlives_idle_connections() {
    let node = Node::start_with(|options| options.limits.max_connections = 8).await;
    let digest = sha256(b"01234567");
    let line = format!("POST {}", at(&format!("blobs/uploads/?digest={digest}")));
    let mut upload = node.client().raw(&line, "content-length: 8\r\n").await;
    upload.write_all(b"0123").await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..7 {
        idle.push(kept_alive(&node).await);
    }
    sleep(SOON + Duration::from_millis(200)).await;
    for _ in 0..7 {
        idle.push(timeout(SOON, kept_alive(&node)).await.unwrap());
    }
    upload.write_all(b"4567").await.unwrap();
    let mut said = [0; 12];
    timeout(LONG, upload.read_exact(&mut said)).await.unwrap().unwrap();
    assert_eq!(&said, b"HTTP/1.1 201");
}

#[tokio::test]
async fn requests_that_never_end_do_not_block_others() {
    let node = Node::start_with(|options| options.limits.max_connections = 40).await;
    let mut hostile = Vec::new();
    for kind in 0..240 {
        hostile.push(unfinished(&node, kind).await);
        if kind % 20 == 0 {
            is_served_soon(&node).await;
        }
    }
    is_served_soon(&node).await;
}

#[tokio::test]
async fn stalled_requests_are_ended_too() {
    let node = Node::start_with(|options| options.limits.max_connections = 40).await;
    let mut hostile = Vec::new();
    for _ in 0..200 {
        hostile.push(unfinished(&node, 2).await);
    }
    sleep(Duration::from_millis(200)).await;
    is_served_soon(&node).await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    let request = Client::new(node.address).request(Method::GET, "/readyz", "");
    timeout(SOON, over_http1(stream, request)).await.unwrap().expect(200);
}

#[tokio::test]
async fn metrics_are_answered_next_to_silent_connections() {
    let node = Node::start_with(|options| {
        options.limits.max_connections = 4;
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let metrics = node.metrics.unwrap();
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(metrics).await.unwrap());
    }
    timeout(SOON, Client::new(metrics).get("/metrics")).await.unwrap().expect(200);
    let first = silent.swap_remove(0);
    assert_eq!(timeout(SOON, rest(first)).await.expect("the oldest gave way"), "");
}
