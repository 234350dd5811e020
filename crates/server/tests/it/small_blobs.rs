//! Small blobs are served from memory, but each request is permitted by the rows of its repository.

use crate::image::{at, push_blob};
use crate::node::Node;

#[tokio::test]
async fn a_kept_blob_needs_its_row_and_not_its_file() {
    let node = Node::start().await;
    let client = node.client();
    node.create("team/other", None).await;
    let digest = push_blob(&client, b"0123456789").await;
    let path = at(&format!("blobs/{digest}"));
    assert_eq!(client.get(&path).await.expect(200).body, "0123456789");

    assert_eq!(node.lose_objects(), 1);
    let kept = client.get(&path).await.expect(200);
    assert_eq!((kept.header("content-length"), &kept.body[..]), ("10", &b"0123456789"[..]));
    assert_eq!(kept.header("docker-content-digest"), digest);
    let part = client.clone().with("range", "bytes=3-5").get(&path).await.expect(206);
    assert_eq!((part.header("content-range"), &part.body[..]), ("bytes 3-5/10", &b"345"[..]));
    client.get(&format!("/v2/team/other/blobs/{digest}")).await.refused(404, "BLOB_UNKNOWN");

    client.delete(&path).await.expect(202);
    client.get(&path).await.refused(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_larger_blob_is_not_kept() {
    let node = Node::start().await;
    let client = node.client();
    let (small, large) = (vec![b's'; 64 << 10], vec![b'l'; (64 << 10) + 1]);
    let digests = [push_blob(&client, &small).await, push_blob(&client, &large).await];
    let [small_path, large_path] = digests.map(|digest| at(&format!("blobs/{digest}")));
    assert!(client.get(&small_path).await.expect(200).body == small);
    assert!(client.get(&large_path).await.expect(200).body == large);
    node.lose_objects();
    assert!(client.get(&small_path).await.expect(200).body == small);
    client.get(&large_path).await.expect(500);
}

#[tokio::test]
async fn a_kept_blob_is_charged_until_it_is_sent() {
    let node =
        Node::start_with(|options| options.metrics_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    let digest = push_blob(&node.client(), &vec![b'c'; 60 << 10]).await;
    let path = at(&format!("blobs/{digest}"));
    for _ in 0..3 {
        node.client().get(&path).await.expect(200);
    }
    let metrics = crate::client::Client::new(node.metrics.unwrap());
    for _ in 0..200 {
        let text = String::from_utf8(metrics.get("/metrics").await.body.to_vec()).unwrap();
        if text.contains("wharf_memory_held_bytes 0\n") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the charge of a kept blob stays");
}
