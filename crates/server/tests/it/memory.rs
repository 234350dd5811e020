//! The memory that clients can make the server hold: it is limited and shared fairly, and bodies are not read without
//! need.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::{Client, rest};
use crate::image::{MANIFEST, at, manifest, push, push_blob, sha256};
use crate::node::Node;
use crate::progress::closed_windows;
use crate::someone::{Someone, everything};

const MIB: usize = 1 << 20;
const LONG: Duration = Duration::from_secs(20);

/// A node with a budget of 64 MiB: 12 MiB for an address, 24 MiB for a principal.
async fn small_node() -> Node {
    Node::start_with(|options| {
        options.limits.memory_budget = 64 << 20;
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await
}

/// The bytes that the ledger holds.
async fn held(node: &Node) -> usize {
    let metrics = Client::new(node.metrics.unwrap()).get("/metrics").await.expect(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("wharf_memory_held_bytes ")).unwrap();
    line.parse().unwrap()
}

/// Waits until the ledger holds only the memory of the request that reads it.
async fn all_is_given_back(node: &Node) {
    let begun = Instant::now();
    while held(node).await > 0 {
        assert!(begun.elapsed() < LONG, "{} bytes are still held", held(node).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn only_tokens() -> Value {
    json!([{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}])
}

/// The answer to a head without a body.
async fn answer_to(stream: TcpStream) -> String {
    timeout(LONG, rest(stream)).await.expect("it was answered without its body")
}

#[tokio::test]
async fn a_manifest_is_not_read_without_the_permission_to_push() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", only_tokens()).await;
    let headers = format!("content-type: {MANIFEST}\r\nconnection: close\r\ncontent-length: {}\r\n", 3 * MIB);
    let said = answer_to(who.client(&node).raw(&format!("PUT {}", at("manifests/a")), &headers).await).await;
    assert!(said.starts_with("HTTP/1.1 403") && said.contains("DENIED"), "{said}");
}

#[tokio::test]
async fn a_signed_request_with_a_bad_head_is_refused_unread() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let body = vec![b' '; MIB / 2];
    let unknown = who.ecr_head(&node, "DescribeNothing", &body);
    let wrong_scope =
        who.ecr_head(&node, "ListImages", &body).replace("/ecr/aws4_request", "/iam/aws4_request");
    let old = who.ecr_head(&node, "ListImages", &body).replace("x-amz-date: 2", "x-amz-date: 1");
    for (head, word) in [
        (unknown, "UnknownOperationException"),
        (wrong_scope, "InvalidSignatureException"),
        (old, "Exception"),
    ] {
        let said = answer_to(Someone::open(&node, &head).await).await;
        assert!(said.starts_with("HTTP/1.1 4") && said.contains(word), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_signature_with_a_body_hash_is_refused_unread() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let body = vec![b' '; MIB / 2];
    let hash = sha256(&body).replace("sha256:", "");
    let target = "AmazonEC2ContainerRegistry_V20150921.ListImages";
    let fixed = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-content-sha256", hash.as_str()),
        ("x-amz-target", target),
    ];
    let good = who.head(&node, "ecr", &fixed, &body);
    let bad = good.replace(target, "AmazonEC2ContainerRegistry_V20150921.DescribeImages");
    let said = answer_to(Someone::open(&node, &bad).await).await;
    assert!(said.contains("InvalidSignatureException"), "{said}");
    // The correct head with a body that has another hash.
    let mut stream = Someone::open(&node, &good).await;
    stream.write_all(&vec![b'\n'; body.len()]).await.unwrap();
    let said = answer_to(stream).await;
    assert!(said.contains("InvalidSignatureException"), "{said}");
}

/// Connections that send most of the body of a form and then nothing.
async fn half_forms(node: &Node, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n",
            90 * 1024
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'a'; 89 * 1024]).await.unwrap();
        streams.push(stream);
    }
    streams
}

#[tokio::test]
async fn unsigned_forms_fill_their_share_and_block_nobody() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let _flood = half_forms(&node, 400).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let most = held(&node).await;
    assert!((4 * MIB..=16 * MIB).contains(&most), "{most} bytes are held");
    let begun = Instant::now();
    for _ in 0..20 {
        let mut stream = Someone::open(&node, &who.ecr_head(&node, "GetAuthorizationToken", b"{}")).await;
        stream.write_all(b"{}").await.unwrap();
        let said = answer_to(stream).await;
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "twenty requests took {:?}", begun.elapsed());
}

#[tokio::test]
async fn stalled_layer_parts_do_not_block_those_of_others() {
    let node = Node::start().await;
    let (ann, bob) =
        (Someone::new(&node, "ann", everything()).await, Someone::new(&node, "bob", everything()).await);
    let large = vec![b'a'; 28 * MIB];
    let mut stalled = Vec::new();
    for _ in 0..9 {
        // The signature is correct; the end of the body is missing.
        let mut stream = Someone::open(&node, &ann.ecr_head(&node, "UploadLayerPart", &large)).await;
        stream.write_all(&large[..MIB / 2]).await.unwrap();
        stalled.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let client = bob.client(&node);
    let session = client.post(&at("blobs/uploads/"), "").await.expect(202);
    let upload = session.header("docker-upload-uuid").to_owned();
    let part = vec![7_u8; 6 * MIB];
    let blob = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &part);
    let body = json!({
        "repositoryName": "team/app", "uploadId": upload, "partFirstByte": 0, "partLastByte": part.len() - 1,
        "layerPartBlob": blob,
    });
    let body = body.to_string().into_bytes();
    let mut stream = Someone::open(&node, &bob.ecr_head(&node, "UploadLayerPart", &body)).await;
    stream.write_all(&body).await.unwrap();
    let said = answer_to(stream).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test]
async fn a_request_without_room_gets_a_retry_after() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    // Six manifests without their end do not fit into the share of their principal for large bodies.
    let mut stalled = Vec::new();
    let headers = format!("content-type: {MANIFEST}\r\nconnection: close\r\ncontent-length: {}\r\n", 3 * MIB);
    for _ in 0..6 {
        let mut stream = who.client(&node).raw(&format!("PUT {}", at("manifests/a")), &headers).await;
        stream.write_all(&vec![b' '; 5 * MIB / 2]).await.unwrap();
        stalled.push(stream);
    }
    let mut refused = 0;
    for stream in stalled {
        if let Ok(said) = timeout(Duration::from_secs(5), rest(stream)).await {
            let said = said.to_ascii_lowercase();
            assert!(said.starts_with("http/1.1 503") && said.contains("retry-after: 1"), "{said}");
            assert!(said.contains("unavailable"), "{said}");
            refused += 1;
        }
    }
    assert!(refused > 0, "all six had room");
    // Small requests of the same principal succeed, and those of others too.
    let image = manifest(&who.client(&node), "small").await;
    push(&who.client(&node), "small", &image).await;
    all_is_given_back(&node).await;
}

#[tokio::test]
async fn blobs_are_transferred_while_large_bodies_have_no_room() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let client = who.client(&node);
    let headers = format!("content-type: {MANIFEST}\r\nconnection: close\r\ncontent-length: {}\r\n", 3 * MIB);
    let mut stalled = Vec::new();
    for _ in 0..2 {
        let mut stream = client.raw(&format!("PUT {}", at("manifests/a")), &headers).await;
        stream.write_all(&vec![b' '; 5 * MIB / 2]).await.unwrap();
        stalled.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let held = held(&node).await;
    assert!(held >= 18 * MIB, "the principal's room for large bodies is full: {held}");
    let blob = vec![b'b'; 8 * MIB];
    let path = at(&format!("blobs/uploads/?digest={}", sha256(&blob)));
    let pushed = timeout(LONG, client.post(&path, blob.clone())).await.expect("a push does not wait");
    pushed.expect(201);
    let pulled = client.get(&at(&format!("blobs/{}", sha256(&blob)))).await.expect(200);
    assert!(pulled.body == blob);
    drop(stalled);
}

#[tokio::test]
async fn an_upload_in_small_pieces_is_charged_until_written() {
    let node = small_node().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let client = who.client(&node);
    let session = client.post(&at("blobs/uploads/"), "").await.expect(202).header("location").to_owned();
    let headers = "connection: close\r\ncontent-length: 400\r\n";
    let mut stream = client.raw(&format!("PATCH {session}"), headers).await;
    stream.set_nodelay(true).unwrap();
    for _ in 0..400 {
        stream.write_all(b"a").await.unwrap();
    }
    let said = answer_to(stream).await;
    assert!(said.starts_with("HTTP/1.1 202"), "{said}");
    let blob = vec![b'a'; 400];
    client.put(&format!("{session}?digest={}", sha256(&blob)), "").await.expect(201);
    all_is_given_back(&node).await;
}

#[tokio::test]
async fn many_unread_downloads_fit_into_the_budget_and_end() {
    let node = small_node().await;
    let client = node.client();
    let blob = vec![5_u8; 8 * MIB];
    let digest = sha256(&blob);
    client.post(&at(&format!("blobs/uploads/?digest={digest}")), blob.clone()).await.expect(201);
    let path = format!("GET {}", at(&format!("blobs/{digest}")));
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(client.raw(&path, "connection: close\r\n").await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let most = held(&node).await;
    assert!((MIB..24 * MIB).contains(&most), "{most} bytes are held");
    for mut stream in streams {
        let mut all = Vec::new();
        timeout(LONG, stream.read_to_end(&mut all)).await.unwrap().unwrap();
        assert!(all.ends_with(&blob) && all.len() < blob.len() + 1000, "{} bytes came", all.len());
    }
    all_is_given_back(&node).await;
}

#[tokio::test]
async fn the_ranges_of_unread_answers_are_charged() {
    const ANSWERS: usize = 40;
    let node = small_node().await;
    let digest = push_blob(&node.client(), &[5; 4096]).await;
    let ranges: Vec<String> = (0..1024).map(|n| format!("{0}-{0}", n * 3)).collect();
    let client = node.client().with("range", &format!("bytes={}", ranges.join(",")));
    let answers = closed_windows(&client, &at(&format!("blobs/{digest}")), ANSWERS, 16).await;
    let (held, least) = (held(&node).await, ANSWERS * ranges.len() * 16);
    assert!(held >= least, "{held} bytes are charged for {least} of ranges alone");
    drop(answers);
    all_is_given_back(&node).await;
}

/// A referrer of a subject with this many bytes of annotations.
async fn large_referrer(client: &Client, subject: &str, seed: u8, bytes: usize) -> String {
    let config = push_blob(client, b"{}").await;
    let text = char::from(b'a' + seed).to_string().repeat(bytes);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": [], "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        "annotations": {"text": text},
    });
    let manifest = manifest.to_string().into_bytes();
    let digest = sha256(&manifest);
    push(client, &digest, &manifest).await
}

#[tokio::test]
async fn a_page_of_referrers_has_a_size_limit() {
    let node = Node::start().await;
    let client = node.client();
    let subject = sha256(b"subject");
    let mut pushed = Vec::new();
    for seed in 0..4 {
        pushed.push(large_referrer(&client, &subject, seed, 1_500_000).await);
    }
    let (mut next, mut found, mut pages) = (at(&format!("referrers/{subject}")), Vec::new(), 0);
    while !next.is_empty() {
        let page = client.get(&next).await.expect(200);
        assert!(page.body.len() < 5 * MIB, "a page has {} bytes", page.body.len());
        for entry in page.json()["manifests"].as_array().unwrap() {
            assert_eq!(entry["annotations"]["text"].as_str().unwrap().len(), 1_500_000);
            found.push(entry["digest"].as_str().unwrap().to_owned());
        }
        let link = page.header("link").to_owned();
        next = link.strip_prefix('<').and_then(|link| link.split('>').next()).unwrap_or_default().to_owned();
        pages += 1;
    }
    assert_eq!((found, pages), (pushed, 2));
}

#[tokio::test]
async fn a_batch_of_large_manifests_has_a_size_limit() {
    let node = Node::start().await;
    let client = node.client();
    let subject = sha256(b"subject");
    let digest = large_referrer(&client, &subject, 0, 3_500_000).await;
    let who = Someone::new(&node, "ann", everything()).await;
    let ask = |count: usize| {
        let ids = vec![json!({"imageDigest": digest}); count];
        json!({"repositoryName": "team/app", "imageIds": ids}).to_string().into_bytes()
    };
    for (count, status) in [(2, "HTTP/1.1 200"), (8, "HTTP/1.1 400")] {
        let body = ask(count);
        let mut stream = Someone::open(&node, &who.ecr_head(&node, "BatchGetImage", &body)).await;
        stream.write_all(&body).await.unwrap();
        let said = answer_to(stream).await;
        assert!(said.starts_with(status), "{}", &said[..said.len().min(600)]);
        assert!(said.len() < 10 * MIB);
    }
}
