//! Requests of container clients that are repeated read nothing from SQLite, from the first line to the last byte.

use std::time::Duration;

use crate::image::{at, manifest, push, push_blob};
use crate::node::Node;

#[tokio::test]
async fn repeated_requests_of_a_pull_read_nothing() {
    let node = Node::start().await;
    let client = node.client();
    let blob = push_blob(&client, b"layer").await;
    let digest = push(&client, "latest", &manifest(&client, "one").await).await;
    let paths = [
        at("manifests/latest"),
        at(&format!("manifests/{digest}")),
        at(&format!("blobs/{blob}")),
        // With the account in the path, as at a host that names no registry.
        at("manifests/latest").replace("/v2/", "/v2/123456789012/"),
        "/v2/".to_owned(),
    ];
    let pull = async || {
        for path in &paths {
            client.get(path).await.expect(200);
            client.head(path).await;
        }
    };
    // The first pull is recorded, which changes the image.
    pull().await;
    for _ in 0..300 {
        if node.is_pulled().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pull().await;
    let before = node.meta.reads();
    pull().await;
    assert_eq!(node.meta.reads() - before, 0);
}
