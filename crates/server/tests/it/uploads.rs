//! All ways of the specification to push a blob.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::client::{Client, Reply, rest};
use crate::image::{at, push_blob, sha256};
use crate::node::Node;

async fn begin(client: &Client) -> String {
    let reply = client.post(&at("blobs/uploads/"), "").await.expect(202);
    assert_eq!(reply.header("range"), "0-0");
    assert!(!reply.header("docker-upload-uuid").is_empty());
    reply.header("location").to_owned()
}

#[tokio::test]
async fn in_one_request() {
    let node = Node::start().await;
    let digest = sha256(b"whole");
    let reply =
        node.client().post(&at(&format!("blobs/uploads/?digest={digest}")), "whole").await.expect(201);
    assert_eq!(reply.header("location"), at(&format!("blobs/{digest}")));
    assert_eq!(reply.header("docker-content-digest"), digest);
}

#[tokio::test]
async fn by_post_and_put() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let digest = sha256(b"whole");
    let reply = client.put(&format!("{session}?digest={digest}"), "whole").await.expect(201);
    assert_eq!(reply.header("docker-content-digest"), digest);
    client.get(&session).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn in_chunks_with_the_last_chunk_in_the_put() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let reply = client.clone().with("content-range", "0-3").patch(&session, "0123").await.expect(202);
    assert_eq!(reply.header("range"), "0-3");
    assert_eq!(reply.header("location"), session);
    let status = client.get(&session).await.expect(204);
    assert_eq!(status.header("range"), "0-3");
    let end = format!("{session}?digest={}", sha256(b"01234567"));
    client.clone().with("content-range", "4-7").put(&end, "4567").await.expect(201);
}

#[tokio::test]
async fn streamed_without_a_length() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let head = "transfer-encoding: chunked\r\nconnection: close\r\n";
    let mut stream = client.raw(&format!("PATCH {session}"), head).await;
    stream.write_all(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await.unwrap();
    let said = rest(stream).await;
    assert!(said.starts_with("HTTP/1.1 202"), "{said}");
    client.put(&format!("{session}?digest={}", sha256(b"abcde")), "").await.expect(201);
}

#[tokio::test]
async fn a_chunk_out_of_order_gets_the_right_position() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    client.patch(&session, "0123").await.expect(202);
    let end = format!("{session}?digest={}", sha256(b"0123"));
    let ahead = client.clone().with("content-range", "9-12");
    for reply in [ahead.patch(&session, "4567").await, ahead.put(&end, "4567").await] {
        reply.refused(416, "BLOB_UPLOAD_INVALID");
        assert_eq!(reply.header("range"), "0-3");
        assert_eq!(reply.header("location"), session);
    }
    let malformed = client.clone().with("content-range", "9-");
    malformed.patch(&session, "4567").await.refused(416, "BLOB_UPLOAD_INVALID");
    let liar = client.clone().with("content-range", "4-5");
    liar.patch(&session, "4567").await.refused(400, "SIZE_INVALID");
    assert_eq!(client.get(&session).await.expect(204).header("range"), "0-3");
}

#[tokio::test]
async fn bytes_with_another_digest_are_refused_and_not_readable() {
    let node = Node::start().await;
    let client = node.client();
    let wrong = sha256(b"something else");
    let whole = client.post(&at(&format!("blobs/uploads/?digest={wrong}")), "bytes").await;
    whole.refused(400, "DIGEST_INVALID");
    let session = begin(&client).await;
    client.put(&format!("{session}?digest={wrong}"), "bytes").await.refused(400, "DIGEST_INVALID");
    for digest in [wrong, sha256(b"bytes")] {
        client.head(&at(&format!("blobs/{digest}"))).await.expect(404);
    }
    let session = begin(&client).await;
    for bad in ["", "sha256:bad", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        client.put(&format!("{session}?digest={bad}"), "bytes").await.refused(400, "DIGEST_INVALID");
    }
}

#[tokio::test]
async fn an_upload_can_be_deleted_and_belongs_to_its_repository() {
    let node = Node::start().await;
    node.create("team/other", None).await;
    let client = node.client();
    let session = begin(&client).await;
    let elsewhere = session.replace("team/app", "team/other");
    for reply in
        [client.get(&elsewhere).await, client.patch(&elsewhere, "x").await, client.delete(&elsewhere).await]
    {
        reply.refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
    client.delete(&session).await.expect(204);
    client.patch(&session, "x").await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    client.get(&at("blobs/uploads/no-such")).await.refused(404, "BLOB_UPLOAD_UNKNOWN");
}

async fn mount(client: &Client, query: &str) -> Reply {
    client.post(&format!("/v2/team/other/blobs/uploads/?{query}"), "").await
}

#[tokio::test]
async fn a_blob_of_another_repository_is_mounted_without_bytes() {
    let node = Node::start().await;
    node.create("team/other", None).await;
    let client = node.client();
    let digest = push_blob(&client, b"shared").await;
    let reply = mount(&client, &format!("mount={digest}&from=team/app")).await.expect(201);
    assert_eq!(reply.header("location"), format!("/v2/team/other/blobs/{digest}"));
    client.head(&format!("/v2/team/other/blobs/{digest}")).await.expect(200);
    let anonymous = push_blob(&client, b"found").await;
    mount(&client, &format!("mount={anonymous}")).await.expect(201);
    for query in
        [format!("mount={}&from=team/app", sha256(b"missing")), format!("mount={digest}2&from=UPPER")]
    {
        let reply = mount(&client, &query).await.expect(202);
        assert!(reply.header("location").starts_with("/v2/team/other/blobs/uploads/"), "{query}");
    }
}

#[tokio::test]
async fn an_interrupted_upload_continues_at_its_offset() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let mut stream = client.raw(&format!("PATCH {session}"), "content-length: 8\r\n").await;
    stream.write_all(b"0123").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(stream);
    let mut held = String::new();
    for _ in 0..100 {
        held = client.get(&session).await.expect(204).header("range").to_owned();
        if held == "0-3" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(held, "0-3");
    let end = format!("{session}?digest={}", sha256(b"01234567"));
    client.clone().with("content-range", "4-7").put(&end, "4567").await.expect(201);
}

/// The client does not know the session of such a request, so it cannot ask for its status.
#[tokio::test]
async fn an_interrupted_single_post_must_be_repeated() {
    let node = Node::start_with(|options| options.limits.body_idle = Duration::from_millis(300)).await;
    let path = at(&format!("blobs/uploads/?digest={}", sha256(b"01234567")));
    let head = "content-length: 8\r\nconnection: close\r\n";
    let mut stream = node.client().raw(&format!("POST {path}"), head).await;
    stream.write_all(b"0123").await.unwrap();
    let said = rest(stream).await;
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("Send the blob again."), "{said}");
}

#[tokio::test]
async fn a_final_put_without_a_digest_is_an_error() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let reply = client.put(&session, "bytes").await;
    reply.refused(400, "DIGEST_INVALID");
    let message = reply.json()["errors"][0]["message"].clone();
    assert_eq!(message, "The query has no `digest`, which names the digest of the whole blob.");
}

/// The answer to the first request can have been lost.
#[tokio::test]
async fn the_final_put_can_be_repeated() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let digest = sha256(b"whole");
    let end = format!("{session}?digest={digest}");
    client.put(&end, "whole").await.expect(201);
    for body in ["whole", ""] {
        let again = client.put(&end, body).await.expect(201);
        assert_eq!(again.header("docker-content-digest"), digest);
        assert_eq!(again.header("location"), at(&format!("blobs/{digest}")));
    }
    let other = format!("{session}?digest={}", sha256(b"other"));
    client.put(&other, "").await.refused(404, "BLOB_UPLOAD_UNKNOWN");
    client.delete(&at(&format!("blobs/{digest}"))).await.expect(202);
    client.put(&end, "whole").await.refused(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_patch_that_a_newer_one_replaced_gets_an_error() {
    let node = Node::start().await;
    let client = node.client();
    let session = begin(&client).await;
    let head = "content-length: 8\r\nconnection: close\r\n";
    let mut stalled = client.raw(&format!("PATCH {session}"), head).await;
    stalled.write_all(b"0123").await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let newer = client.clone().with("content-range", "4-7").patch(&session, "4567").await.expect(202);
    assert_eq!(newer.header("range"), "0-7");
    let said = rest(stalled).await;
    assert!(said.starts_with("HTTP/1.1 416"), "{said}");
    assert!(said.contains("Another request went on with this upload"), "{said}");
    assert!(said.contains(&format!("location: {session}\r\n")), "{said}");
}

#[tokio::test]
async fn a_sha512_digest_is_returned_as_pushed() {
    let node = Node::start().await;
    let digest = oci::digest::Digest::of(oci::digest::Algorithm::Sha512, b"wide").to_string();
    let reply = node.client().post(&at(&format!("blobs/uploads/?digest={digest}")), "wide").await.expect(201);
    assert_eq!(reply.header("docker-content-digest"), digest);
    let body = node.client().get(&at(&format!("blobs/{digest}"))).await.expect(200).body;
    assert_eq!(body, "wide");
}
