//! What a manifest refers to: it must exist, it cannot be deleted, and it is recorded even if it is pushed later.

use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::image::{INDEX, MANIFEST, at, manifest, push, push_blob, sha256};
use crate::node::Node;

const SPARSE: &str = "WHARF_SPARSE_IMAGES";

fn image(config: &[u8], layers: &[Value]) -> Vec<u8> {
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config),
        "size": config.len()});
    serde_json::to_vec(
        &json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}),
    )
    .unwrap()
}

fn layer(bytes: &[u8]) -> Value {
    json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(bytes), "size": bytes.len()})
}

fn index(children: &[&str]) -> Vec<u8> {
    let children: Vec<Value> =
        children.iter().map(|digest| json!({"mediaType": MANIFEST, "digest": digest, "size": 2})).collect();
    serde_json::to_vec(&json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})).unwrap()
}

async fn put(client: &Client, tag: &str, media_type: &str, body: &[u8]) -> Reply {
    let client = client.clone().with("content-type", media_type);
    client.put(&at(&format!("manifests/{tag}")), body.to_vec()).await
}

fn detail(reply: &Reply) -> Vec<String> {
    let detail = reply.json()["errors"][0]["detail"].as_array().unwrap().clone();
    detail.iter().map(|one| one["digest"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_image_needs_its_blobs_and_an_index_its_children() {
    let node = Node::start().await;
    let client = node.client();
    push_blob(&client, b"{}").await;
    let body = image(b"{}", &[layer(b"absent")]);
    let reply = put(&client, "v1", MANIFEST, &body).await;
    reply.refused(400, "MANIFEST_BLOB_UNKNOWN");
    let absent = sha256(b"absent");
    assert_eq!(
        reply.json()["errors"][0]["message"],
        format!(
            "Layers with digests '[{absent}]' required for pushing image into repository with name 'team/app' in the registry with id '123456789012' do not exist"
        )
    );
    assert_eq!(detail(&reply), [absent]);
    put(&client, "v1", MANIFEST, &image(b"no config", &[])).await.refused(400, "MANIFEST_BLOB_UNKNOWN");
    let child = push(&client, "child", &manifest(&client, "one").await).await;
    let missing = sha256(b"no child");
    let reply = put(&client, "all", INDEX, &index(&[&child, &missing])).await;
    reply.refused(400, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(detail(&reply), [missing]);
    put(&client, "all", INDEX, &index(&[&child])).await.expect(201);
    client.get(&at("manifests/v1")).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_index_entry_that_is_not_a_manifest_is_a_blob() {
    let node = Node::start().await;
    let client = node.client();
    let cache =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [layer(b"layer of a build cache")]});
    let cache = cache.to_string();
    let reply = put(&client, "cache", INDEX, cache.as_bytes()).await;
    reply.refused(400, "MANIFEST_BLOB_UNKNOWN");
    let pushed = push_blob(&client, b"layer of a build cache").await;
    assert_eq!(detail(&reply), std::slice::from_ref(&pushed));
    put(&client, "cache", INDEX, cache.as_bytes()).await.expect(201);
    client.delete(&at(&format!("blobs/{pushed}"))).await.refused(405, "UNSUPPORTED");
}

#[tokio::test]
async fn foreign_layers_and_subjects_may_be_missing() {
    let node = Node::start().await;
    let client = node.client();
    push_blob(&client, b"{}").await;
    let foreign = json!({"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "size": 7,
        "digest": sha256(b"foreign"), "urls": ["https://example.com/layer"]});
    let body = image(b"{}", std::slice::from_ref(&foreign));
    put(&client, "windows", MANIFEST, &body).await.expect(201);
    let mut referrer: Value = serde_json::from_slice(&image(b"{}", &[])).unwrap();
    referrer["subject"] = json!({"mediaType": MANIFEST, "digest": sha256(b"none"), "size": 1});
    put(&client, "signature", MANIFEST, referrer.to_string().as_bytes()).await.expect(201);
    // If it is pushed nevertheless, it is a blob that the manifest refers to.
    let pushed = push_blob(&client, b"foreign").await;
    client.delete(&at(&format!("blobs/{pushed}"))).await.refused(405, "UNSUPPORTED");
}

#[tokio::test]
async fn a_blob_pushed_after_its_manifest_cannot_be_deleted() {
    let node = Node::start().await;
    node.set(SPARSE, "ENABLED").await;
    let client = node.client();
    let body = image(b"late config", &[layer(b"late layer")]);
    put(&client, "v1", MANIFEST, &body).await.expect(201);
    put(&client, "all", INDEX, &index(&[&sha256(b"later")])).await.expect(201);
    let digests = [push_blob(&client, b"late config").await, push_blob(&client, b"late layer").await];
    for digest in &digests {
        client.delete(&at(&format!("blobs/{digest}"))).await.refused(405, "UNSUPPORTED");
        client.get(&at(&format!("blobs/{digest}"))).await.expect(200);
    }
    client.delete(&at(&format!("manifests/{}", sha256(&body)))).await.expect(202);
    for digest in &digests {
        client.delete(&at(&format!("blobs/{digest}"))).await.expect(202);
    }
    node.set(SPARSE, "DISABLED").await;
    put(&client, "v1", MANIFEST, &body).await.refused(400, "MANIFEST_BLOB_UNKNOWN");
}
