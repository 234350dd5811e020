//! Manifests: push, pull, tags, delete.

use aws::ecr::ImageTagMutability;
use serde_json::json;

use crate::client::Client;
use crate::image::{INDEX, MANIFEST, at, manifest, push, sha256};
use crate::node::Node;

fn pushing(node: &Node) -> Client {
    node.client().with("content-type", MANIFEST)
}

#[tokio::test]
async fn a_manifest_is_served_by_tag_and_digest_as_pushed() {
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    let reply = pushing(&node).put(&at("manifests/latest"), image.clone()).await.expect(201);
    let digest = sha256(&image);
    assert_eq!(reply.header("location"), at(&format!("manifests/{digest}")));
    assert_eq!(reply.header("docker-content-digest"), digest);
    for reference in ["latest", &digest] {
        let path = at(&format!("manifests/{reference}"));
        let (get, head) = (client.get(&path).await.expect(200), client.head(&path).await.expect(200));
        assert_eq!(get.body, image);
        assert!(head.body.is_empty());
        for reply in [get, head] {
            assert_eq!(reply.header("content-type"), MANIFEST);
            assert_eq!(reply.header("content-length"), image.len().to_string());
            assert_eq!(reply.header("docker-content-digest"), digest);
        }
    }
    let fresh = client.with("if-none-match", &format!("\"{digest}\""));
    assert!(fresh.get(&at("manifests/latest")).await.expect(304).body.is_empty());
}

#[tokio::test]
async fn a_head_of_a_manifest_is_not_a_pull() {
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    push(&client, "latest", &image).await;
    client.head(&at("manifests/latest")).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!node.is_pulled().await, "HEAD was recorded");
    client.get(&at("manifests/latest")).await.expect(200);
    for _ in 0..200 {
        if node.is_pulled().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the pull was not recorded within two seconds");
}

#[tokio::test]
async fn a_push_by_digest_can_set_tags() {
    let node = Node::start().await;
    let image = manifest(&node.client(), "one").await;
    let digest = sha256(&image);
    let reply =
        pushing(&node).put(&at(&format!("manifests/{digest}?tag=a&tag=b")), image.clone()).await.expect(201);
    let tags: Vec<_> = reply.headers.get_all("oci-tag").iter().collect();
    assert_eq!(tags, ["a", "b"]);
    node.client().head(&at("manifests/b")).await.expect(200);
    let bad = pushing(&node).put(&at(&format!("manifests/{digest}?tag=-x")), image.clone()).await;
    bad.refused(400, "TAG_INVALID");
    let many = (0..65).map(|n| format!("&tag=t{n}")).collect::<Vec<_>>().concat();
    let reply = pushing(&node).put(&at(&format!("manifests/{digest}?{}", &many[1..])), image).await;
    reply.refused(414, "TAG_INVALID");
}

#[tokio::test]
async fn an_invalid_manifest_is_refused_with_the_right_code() {
    let node = Node::start().await;
    let client = pushing(&node);
    let image = manifest(&node.client(), "one").await;
    client.put(&at("manifests/latest"), "{").await.refused(400, "MANIFEST_INVALID");
    let both = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "manifests": []}).to_string();
    client.put(&at("manifests/latest"), both).await.refused(400, "MANIFEST_INVALID");
    let other = node.client().with("content-type", INDEX);
    other.put(&at("manifests/latest"), image.clone()).await.refused(400, "MANIFEST_INVALID");
    let schema1 =
        node.client().with("content-type", "application/vnd.docker.distribution.manifest.v1+prettyjws");
    let body = json!({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": []}).to_string();
    schema1.put(&at("manifests/latest"), body).await.refused(400, "MANIFEST_INVALID");
    let wrong = at(&format!("manifests/{}", sha256(b"other")));
    client.put(&wrong, image.clone()).await.refused(400, "DIGEST_INVALID");
    client.put(&at("manifests/sha256:bad"), image.clone()).await.refused(400, "DIGEST_INVALID");
    client.put(&at("manifests/-tag"), image.clone()).await.refused(400, "TAG_INVALID");
    client.put("/v2/no/where/manifests/latest", image).await.refused(404, "NAME_UNKNOWN");
    client.get(&at("manifests/latest")).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_unsupported_method_gets_an_error_text() {
    let node = Node::start().await;
    let client = node.client();
    for (path, sentence) in [
        ("blobs/uploads/", "PUT is not supported here. Supported: POST."),
        ("tags/list", "PUT is not supported here. Supported: GET, HEAD."),
    ] {
        let reply = client.put(&at(path), "").await;
        reply.refused(405, "UNSUPPORTED");
        assert_eq!(reply.json()["errors"][0]["message"], sentence);
    }
}

#[tokio::test]
async fn an_immutable_tag_does_not_move() {
    let node = Node::start().await;
    node.create("team/fixed", Some(ImageTagMutability::Immutable)).await;
    let index = |seed: &str| {
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"seed": seed}})
            .to_string()
    };
    let client = node.client().with("content-type", INDEX);
    let path = "/v2/team/fixed/manifests/v1";
    client.put(path, index("one")).await.expect(201);
    client.put(path, index("one")).await.expect(201);
    let moved = client.put(path, index("two")).await;
    moved.refused(400, "TAG_INVALID");
    assert_eq!(
        moved.json()["errors"][0]["message"],
        "The image tag 'v1' already exists in the 'team/fixed' repository and cannot be overwritten because the tag is immutable."
    );
    assert_eq!(client.get(path).await.expect(200).body, index("one"));
}

#[tokio::test]
async fn deleting_a_tag_keeps_the_manifest_but_not_vice_versa() {
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    let digest = push(&client, "a", &image).await;
    push(&client, "b", &image).await;
    client.delete(&at("manifests/a")).await.expect(202);
    client.get(&at("manifests/a")).await.refused(404, "MANIFEST_UNKNOWN");
    client.get(&at("manifests/b")).await.expect(200);
    client.delete(&at(&format!("manifests/{digest}"))).await.expect(202);
    client.get(&at("manifests/b")).await.refused(404, "MANIFEST_UNKNOWN");
    client.delete(&at(&format!("manifests/{digest}"))).await.refused(404, "MANIFEST_UNKNOWN");
    client.delete(&at("manifests/b")).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_that_an_index_lists_cannot_be_deleted() {
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    let digest = push(&client, "a", &image).await;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{"mediaType": MANIFEST, "digest": digest, "size": image.len()}],
    });
    node.client().with("content-type", INDEX).put(&at("manifests/all"), index.to_string()).await.expect(201);
    let reply = client.delete(&at(&format!("manifests/{digest}"))).await;
    reply.refused(405, "UNSUPPORTED");
    let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Requested image referenced by manifest list: [sha256:"), "{message}");
    client.get(&at(&format!("manifests/{digest}"))).await.expect(200);
}

#[tokio::test]
async fn a_manifest_over_four_mebibytes_is_refused_unread() {
    let node = Node::start().await;
    let head = "content-length: 4194305\r\nexpect: 100-continue\r\n";
    let stream = node.client().raw(&format!("PUT {}", at("manifests/latest")), head).await;
    let said = crate::client::rest(stream).await;
    // No "100 Continue" was sent: the refusal came before any byte of the body.
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(said.contains("SIZE_INVALID"), "{said}");
    let reply = pushing(&node).put(&at("manifests/latest"), vec![b' '; (4 << 20) + 1]).await;
    reply.refused(413, "SIZE_INVALID");
}

/// Docker before OCI images asks for its own formats only.
#[tokio::test]
async fn a_tag_is_converted_for_a_client_of_the_other_format() {
    const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    push(&client, "latest", &image).await;
    let accepts = |types: &str| node.client().with("accept", types);
    let docker =
        accepts(&format!("{DOCKER}, application/vnd.docker.distribution.manifest.list.v2+json;q=0.9"));
    let reply = docker.get(&at("manifests/latest")).await.expect(200);
    assert_eq!(reply.header("content-type"), DOCKER);
    assert_eq!(reply.header("docker-content-digest"), sha256(&reply.body));
    assert_eq!(reply.header("vary"), "Accept");
    assert_eq!(reply.header("cache-control"), "private, no-cache", "a tag can move");
    // HEAD answers what is stored, with a digest that can be pulled.
    let digest = sha256(&image);
    let head = docker.head(&at("manifests/latest")).await.expect(200);
    assert_eq!(head.header("docker-content-digest"), digest);
    assert_eq!(head.header("content-type"), MANIFEST);
    assert_eq!(head.header("content-length"), image.len().to_string());
    for (client, reference) in [
        (docker.clone(), digest.as_str()),
        (accepts("*/*"), "latest"),
        (accepts(&format!("{DOCKER}, {MANIFEST}")), "latest"),
    ] {
        let reply = client.get(&at(&format!("manifests/{reference}"))).await.expect(200);
        assert_eq!(reply.header("content-type"), MANIFEST);
        assert_eq!(reply.body, image);
    }
    let by_digest = docker.get(&at(&format!("manifests/{digest}"))).await.expect(200);
    assert_eq!(by_digest.header("cache-control"), crate::blobs::PRIVATE);
}
