//! HTTP/1.1 connections that gave up their buffers between two requests: nothing that the client sent is lost, and
//! nothing is taken for a request that is none.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Client, rest};
use crate::node::Node;
use crate::tls;

/// Longer than a connection is idle before it gives up its buffers.
const RESTED: Duration = Duration::from_millis(2500);
const LONG: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";

async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"ok\n") {
        let read = timeout(LONG, stream.read_buf(&mut seen)).await.expect("it is answered").unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&seen));
    }
    assert!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen));
}

async fn answered(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    stream.write_all(REQUEST).await.unwrap();
    read_answer(stream).await;
}

#[tokio::test]
async fn an_idle_connection_answers_its_next_requests() {
    let node = Node::start().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    for _ in 0..2 {
        answered(&mut stream).await;
        answered(&mut stream).await;
        sleep(RESTED).await;
    }
    answered(&mut stream).await;
}

#[tokio::test]
async fn an_idle_tls_connection_answers_its_next_request() {
    let (node, mut stream) = tls::connected().await;
    answered(&mut stream).await;
    sleep(RESTED).await;
    answered(&mut stream).await;
    drop(node);
}

#[tokio::test]
async fn a_head_that_begins_before_the_pause_is_kept() {
    let node = Node::start().await;
    for pieces in [[1, 0], [20, 0], [0, 1], [7, 9]] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        answered(&mut stream).await;
        let (mut sent, mut rest) = (0, REQUEST);
        for piece in pieces {
            let (now, later) = rest.split_at(piece);
            stream.write_all(now).await.unwrap();
            (sent, rest) = (sent + piece, later);
            sleep(RESTED).await;
        }
        stream.write_all(rest).await.unwrap();
        assert_eq!(sent + rest.len(), REQUEST.len());
        read_answer(&mut stream).await;
    }
}

#[tokio::test]
async fn an_unread_body_is_never_taken_for_a_request() {
    let node = Node::start().await;
    let body = REQUEST;
    let head = format!("content-length: {}\r\n", body.len());
    let mut stream = Client::new(node.address).raw("PUT /v2/team/app/manifests/a", &head).await;
    sleep(RESTED).await;
    // The server can have closed the connection already.
    let _ = stream.write_all(body).await;
    let said = timeout(LONG, async {
        let mut said = Vec::new();
        let wait = timeout(RESTED, stream.read_to_end(&mut said)).await;
        drop(wait);
        String::from_utf8_lossy(&said).into_owned()
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 401"), "{said}");
    assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
}

#[tokio::test]
async fn what_follows_the_last_request_is_never_run() {
    let metrics = Some("127.0.0.1:0".parse().unwrap());
    let node = Node::start_with(|options| options.metrics_listen = metrics).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
    read_answer(&mut stream).await;
    sleep(RESTED).await;
    // The server can have closed the connection already.
    let _ = stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: test\r\n\r\n").await;
    sleep(Duration::from_millis(500)).await;
    let metrics = Client::new(node.metrics.unwrap()).get("/metrics").await.expect(200).body;
    let text = String::from_utf8_lossy(&metrics);
    assert!(text.contains("operation=\"other\"") && !text.contains("operation=\"ping\""), "{text}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_its_limit() {
    let limit = Duration::from_secs(3);
    let node = Node::start_with(|options| options.limits.header_read = limit).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    answered(&mut stream).await;
    let since = Instant::now();
    assert_eq!(timeout(LONG, rest(stream)).await.expect("it is closed"), "");
    assert!(since.elapsed() >= limit, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_stop_closes_idle_connections_at_once() {
    let mut node = Node::start().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    answered(&mut stream).await;
    sleep(RESTED).await;
    let stopped = node.stop();
    assert_eq!(timeout(Duration::from_secs(1), rest(stream)).await.expect("it is closed"), "");
    assert!(timeout(LONG, stopped).await.unwrap());
}
