//! Reading and deleting blobs.

use crate::image::{at, manifest, push, push_blob, sha256};
use crate::node::Node;

/// How long the content of a digest may be kept where a permission was needed.
pub(crate) const PRIVATE: &str = "private, max-age=31536000, immutable";

#[tokio::test]
async fn a_blob_is_served_with_its_digest() {
    let node = Node::start().await;
    let client = node.client();
    let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let digest = push_blob(&client, &bytes).await;
    let path = at(&format!("blobs/{digest}"));
    let head = client.head(&path).await.expect(200);
    let whole = client.get(&path).await.expect(200);
    for reply in [&head, &whole] {
        assert_eq!(reply.header("content-length"), "700000");
        assert_eq!(reply.header("docker-content-digest"), digest);
        assert_eq!(reply.header("accept-ranges"), "bytes");
        assert_eq!(reply.header("etag"), format!("\"{digest}\""));
        assert_eq!(reply.header("content-type"), "application/octet-stream");
        assert_eq!(reply.header("cache-control"), PRIVATE);
    }
    assert!(head.body.is_empty());
    assert!(whole.body == bytes);
}

#[tokio::test]
async fn ranges_return_exactly_the_requested_bytes() {
    let node = Node::start().await;
    let client = node.client();
    let digest = push_blob(&client, b"0123456789").await;
    let path = at(&format!("blobs/{digest}"));
    for (range, status, content_range, body) in [
        ("bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("bytes=7-", 206, "bytes 7-9/10", "789"),
        ("bytes=-3", 206, "bytes 7-9/10", "789"),
        ("bytes=8-99", 206, "bytes 8-9/10", "89"),
        ("bytes=10-", 416, "bytes */10", ""),
        ("lines=1-2", 200, "", "0123456789"),
    ] {
        let reply = client.clone().with("range", range).get(&path).await.expect(status);
        assert_eq!(reply.header("content-range"), content_range, "{range}");
        assert_eq!(reply.body, body, "{range}");
        assert_eq!(reply.header("content-length"), body.len().to_string(), "{range}");
    }
    let part = client.clone().with("range", "bytes=-3").get(&path).await.expect(206);
    for (name, value) in [
        ("docker-content-digest", digest.clone()),
        ("etag", format!("\"{digest}\"")),
        ("accept-ranges", "bytes".to_owned()),
        ("cache-control", PRIVATE.to_owned()),
    ] {
        assert_eq!(part.header(name), value);
    }
    let outside = client.clone().with("range", "bytes=10-").get(&path).await.expect(416);
    assert_eq!(outside.header("cache-control"), "", "an error is not the content");
    let stale = client.clone().with("range", "bytes=2-4").with("if-range", "\"other\"");
    assert_eq!(stale.get(&path).await.expect(200).body, "0123456789");
    let fresh = client.clone().with("range", "bytes=2-4").with("if-range", &format!("\"{digest}\""));
    assert_eq!(fresh.get(&path).await.expect(206).body, "234");
}

#[tokio::test]
async fn a_client_that_has_the_blob_is_not_sent_it_again() {
    let node = Node::start().await;
    let digest = push_blob(&node.client(), b"cached").await;
    let client = node.client().with("if-none-match", &format!("W/\"{digest}\""));
    let path = at(&format!("blobs/{digest}"));
    for reply in [
        client.get(&path).await,
        client.head(&path).await,
        client.with("range", "bytes=0-2").get(&path).await,
    ] {
        let reply = reply.expect(304);
        assert!(reply.body.is_empty());
        assert_eq!(reply.header("etag"), format!("\"{digest}\""));
        assert_eq!(reply.header("cache-control"), PRIVATE);
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let node = Node::start().await;
    let digest = push_blob(&node.client(), b"").await;
    let reply = node.client().get(&at(&format!("blobs/{digest}"))).await.expect(200);
    assert_eq!(reply.header("content-length"), "0");
}

#[tokio::test]
async fn a_blob_is_not_readable_through_another_repository() {
    let node = Node::start().await;
    node.create("team/other", None).await;
    let digest = push_blob(&node.client(), b"mine").await;
    let elsewhere = node.client().get(&format!("/v2/team/other/blobs/{digest}")).await;
    elsewhere.refused(404, "BLOB_UNKNOWN");
    let nowhere = node.client().get(&format!("/v2/no/where/blobs/{digest}")).await;
    nowhere.refused(404, "NAME_UNKNOWN");
    assert_eq!(
        nowhere.json()["errors"][0]["message"],
        "The repository with name 'no/where' does not exist in the registry with id '123456789012'"
    );
}

#[tokio::test]
async fn invalid_names_and_digests_are_refused() {
    let node = Node::start().await;
    let client = node.client();
    client.get(&at("blobs/sha256:bad")).await.refused(400, "DIGEST_INVALID");
    client.get("/v2/UPPER/blobs/uploads/x").await.refused(400, "NAME_INVALID");
    client.get("/v2/nothing/of/the/kind").await.refused(404, "UNSUPPORTED");
    let reply = client.post(&at(&format!("blobs/{}", sha256(b"x"))), "").await;
    reply.refused(405, "UNSUPPORTED");
    assert_eq!(reply.header("allow"), "GET, HEAD, DELETE");
}

#[tokio::test]
async fn a_blob_can_be_deleted_unless_a_manifest_needs_it() {
    let node = Node::start().await;
    let client = node.client();
    let free = push_blob(&client, b"free").await;
    client.delete(&at(&format!("blobs/{free}"))).await.expect(202);
    client.head(&at(&format!("blobs/{free}"))).await.expect(404);
    client.delete(&at(&format!("blobs/{free}"))).await.refused(404, "BLOB_UNKNOWN");

    let image = manifest(&client, "needed").await;
    push(&client, "latest", &image).await;
    let needed = sha256(b"needed");
    client.delete(&at(&format!("blobs/{needed}"))).await.refused(405, "UNSUPPORTED");
    client.head(&at(&format!("blobs/{needed}"))).await.expect(200);
}
