//! Answers that are read slowly or not at all: a steady reader is served to the end, and a reader that reads nothing is
//! cut off.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::client::Client;
use crate::image::{at, push_blob};
use crate::node::Node;

const LONG: Duration = Duration::from_secs(15);

/// Waits until the node has no open blobs.
async fn closes_its_files(node: &Node) {
    let begun = Instant::now();
    while node.open_files() > 0 {
        assert!(begun.elapsed() < LONG, "{} files are still open", node.open_files());
        sleep(Duration::from_millis(50)).await;
    }
}

async fn large(node: &Node, bytes: usize) -> String {
    push_blob(&node.client(), &vec![b'x'; bytes]).await
}

fn blob(digest: &str) -> String {
    at(&format!("blobs/{digest}"))
}

async fn raw(node: &Node, digest: &str) -> TcpStream {
    node.client().raw(&format!("GET {}", blob(digest)), "connection: close\r\n").await
}

#[tokio::test]
async fn a_slow_but_steady_reader_gets_everything() {
    let node = Node::start_with(|options| options.limits.body_idle = Duration::from_millis(500)).await;
    let size = 8 << 20;
    let digest = large(&node, size).await;
    let mut stream = raw(&node, &digest).await;
    let (mut got, mut part) = (0, vec![0; 128 * 1024]);
    let begun = Instant::now();
    loop {
        let read = stream.read_exact(&mut part).await;
        if read.is_err() {
            break;
        }
        got += part.len();
        sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(4), "it was slower than the limit");
    assert!(got + part.len() > size, "cut off after {got} bytes");
}

#[tokio::test]
async fn a_fast_client_that_becomes_slow_is_not_cut_off() {
    // The default limits and rates, twenty times faster: 60 s and 4 KiB/s.
    let node = Node::start_with(|options| {
        options.limits.body_idle = Duration::from_secs(3);
        options.limits.body_grace = Duration::from_secs(3);
        options.limits.body_bytes_per_second = 20 * 4096;
    })
    .await;
    let size = 64 << 20;
    let digest = large(&node, size).await;
    let client = node.client();
    let socket = TcpSocket::new_v4().unwrap();
    // With a larger buffer, the client's kernel reports in larger parts what the client has read.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let stream = socket.connect(client.address).await.unwrap();
    let mut stream =
        client.raw_over(stream, &format!("GET {}", blob(&digest)), "connection: close\r\n").await;
    let (mut got, mut part) = (0, vec![0; 1 << 20]);
    while got < size * 3 / 4 {
        got += stream.read(&mut part).await.unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        got += stream.read_exact(&mut part[..20 * 409]).await.expect("a slow client is not cut off");
        sleep(Duration::from_millis(100)).await;
    }
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        got += read;
    }
    assert!(got > size, "cut off after {got} bytes");
}

/// Streams on one HTTP/2 connection whose window is closed from the start, and the connection's task.
pub(crate) async fn closed_windows(client: &Client, path: &str, streams: usize, window: u32) -> Held {
    let stream = TcpStream::connect(client.address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(1 << 20);
    let (mut sender, connection) = builder.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(async move { drop(connection.await) });
    let path = format!("http://{}{path}", client.address);
    let mut answers = Vec::new();
    for _ in 0..streams {
        let answer = sender.send_request(client.request(Method::GET, &path, "")).await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        answers.push(answer.into_body());
    }
    Held { connection, answers }
}

pub(crate) struct Held {
    connection: tokio::task::JoinHandle<()>,
    answers: Vec<hyper::body::Incoming>,
}

#[tokio::test]
async fn streams_with_a_closed_window_are_ended() {
    let node = Node::start_with(|options| options.limits.body_idle = Duration::from_millis(400)).await;
    let digest = large(&node, 2 << 20).await;
    let held = closed_windows(&node.client(), &blob(&digest), 50, 1024).await;
    assert!(node.open_files() >= 50, "the streams hold their files");
    closes_its_files(&node).await;
    timeout(LONG, held.connection).await.expect("the connection was ended").unwrap();
    drop(held.answers);
}

#[tokio::test]
async fn a_stalled_stream_does_not_end_an_active_one() {
    let node = Node::start_with(|options| options.limits.body_idle = Duration::from_millis(400)).await;
    let digest = large(&node, 2 << 20).await;
    let mut held = closed_windows(&node.client(), &blob(&digest), 2, 64 * 1024).await;
    let mut moving = held.answers.pop().unwrap();
    let mut got = 0;
    while let Some(frame) = moving.frame().await {
        got += frame.expect("the active stream continues").into_data().unwrap().len();
        sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(got, 2 << 20);
    assert!(held.answers.pop().unwrap().collect().await.is_err(), "the other was cut");
}
