//! Stopping: running requests may finish, idle connections are closed, and nothing runs forever.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::client::rest;
use crate::image::{at, sha256};
use crate::node::Node;

async fn upload_half(node: &Node) -> TcpStream {
    let digest = sha256(b"01234567");
    let line = format!("POST {}", at(&format!("blobs/uploads/?digest={digest}")));
    let mut stream = node.client().raw(&line, "content-length: 8\r\n").await;
    stream.write_all(b"0123").await.unwrap();
    sleep(Duration::from_millis(300)).await;
    stream
}

#[tokio::test]
async fn a_running_upload_finishes_and_new_connections_are_refused() {
    let mut node = Node::start().await;
    let mut upload = upload_half(&node).await;
    let idle = TcpStream::connect(node.address).await.unwrap();
    let stopped = tokio::spawn(node.stop());
    sleep(Duration::from_millis(200)).await;
    assert!(!stopped.is_finished());
    assert!(TcpStream::connect(node.address).await.is_err());
    assert_eq!(rest(idle).await, "");
    upload.write_all(b"4567").await.unwrap();
    let said = rest(upload).await;
    assert!(said.starts_with("HTTP/1.1 201"), "{said}");
    assert!(stopped.await.unwrap());
}

#[tokio::test]
async fn the_drain_ends_at_its_limit() {
    let mut node = Node::start_with(|options| options.drain = Duration::from_millis(300)).await;
    let _upload = upload_half(&node).await;
    assert!(!node.stop().await);
}
