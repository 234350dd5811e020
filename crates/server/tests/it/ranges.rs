//! Several ranges of a blob in one request (RFC 9110 §14.6), as podman requests missing chunks.

use aws::ecr::GetDownloadUrlForLayerRequest;
use jiff::Timestamp;

use crate::client::{Client, Reply};
use crate::image::{at, push_blob};
use crate::node::Node;

/// The parts of an answer: `Content-Range` and the bytes. The format is checked against the RFC.
fn parts(reply: &Reply) -> Vec<(String, String)> {
    let boundary = reply.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    assert_eq!(reply.header("content-range"), "", "each part has its own");
    let body = String::from_utf8(reply.body.to_vec()).unwrap();
    let body = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    let body = format!("\r\n{body}");
    body.split(&format!("\r\n--{boundary}\r\n"))
        .skip(1)
        .map(|part| {
            let (head, bytes) = part.split_once("\r\n\r\n").unwrap();
            let lines: Vec<&str> = head.split("\r\n").collect();
            assert_eq!(lines[0], "Content-Type: application/octet-stream");
            let range = lines[1].strip_prefix("Content-Range: ").unwrap().to_owned();
            (range, bytes.to_owned())
        })
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(range, bytes)| ((*range).to_owned(), (*bytes).to_owned())).collect()
}

async fn ask(client: &Client, path: &str, range: &str, status: u16) -> Reply {
    let reply = client.clone().with("range", range).get(path).await;
    assert_eq!(reply.status.as_u16(), status, "{range:.60}");
    reply
}

#[tokio::test]
async fn several_ranges_are_returned_in_the_requested_order() {
    let node = Node::start().await;
    let client = node.client();
    let digest = push_blob(&client, b"0123456789").await;
    let path = at(&format!("blobs/{digest}"));
    let reply = ask(&client, &path, "bytes=0-1, 4-5,-2", 206).await;
    assert_eq!(reply.header("docker-content-digest"), digest);
    let expected = [("bytes 0-1/10", "01"), ("bytes 4-5/10", "45"), ("bytes 8-9/10", "89")];
    assert_eq!(parts(&reply), pairs(&expected));
    let backwards = ask(&client, &path, "bytes=8-9,0-1", 206).await;
    assert_eq!(parts(&backwards), pairs(&[("bytes 8-9/10", "89"), ("bytes 0-1/10", "01")]));
}

#[tokio::test]
async fn ranges_outside_the_blob_are_left_out() {
    let node = Node::start().await;
    let client = node.client();
    let digest = push_blob(&client, b"0123456789").await;
    let path = at(&format!("blobs/{digest}"));
    let one = ask(&client, &path, "bytes=50-60,2-3", 206).await;
    assert_eq!((one.header("content-range"), &one.body[..]), ("bytes 2-3/10", &b"23"[..]));
    let none = ask(&client, &path, "bytes=50-60,70-80", 416).await;
    assert_eq!(none.header("content-range"), "bytes */10");
    for ignored in ["bytes=0-5,3-8", "bytes=0-1,x", "bytes=0-,0-,0-"] {
        let whole = ask(&client, &path, ignored, 200).await;
        assert_eq!(whole.body, "0123456789", "{ignored}");
    }
}

#[tokio::test]
async fn the_number_of_ranges_is_limited() {
    let node = Node::start().await;
    let client = node.client();
    let bytes: Vec<u8> = (0..600_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let digest = push_blob(&client, &bytes).await;
    let path = at(&format!("blobs/{digest}"));
    let ranges = |count: usize| {
        let ranges: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 400, n * 400 + 99)).collect();
        format!("bytes={}", ranges.join(","))
    };
    let most = ask(&client, &path, &ranges(1024), 206).await;
    let got = parts(&most);
    assert_eq!(got.len(), 1024);
    for (n, (range, part)) in got.iter().enumerate() {
        assert_eq!(*range, format!("bytes {}-{}/600000", n * 400, n * 400 + 99));
        assert!(part.as_bytes() == &bytes[n * 400..n * 400 + 100]);
    }
    let more = ask(&client, &path, &ranges(1025), 200).await;
    assert_eq!(more.body.len(), 600_000);
}

#[tokio::test]
async fn a_download_url_supports_several_ranges() {
    let node = Node::start().await;
    let client = node.client();
    let digest = push_blob(&client, b"0123456789").await;
    let input = GetDownloadUrlForLayerRequest {
        repository_name: "team/app".to_owned(),
        layer_digest: digest,
        ..GetDownloadUrlForLayerRequest::default()
    };
    let region = "us-east-1".parse().unwrap();
    let ctx = node.ctx(Timestamp::now());
    let url = node.registry.get_download_url_for_layer(&ctx, &region, input).await.unwrap().download_url;
    let path = &url[url.find("/wharf/").unwrap()..];
    let reply = ask(&Client::new(node.address), path, "bytes=0-1,4-5", 206).await;
    assert_eq!(parts(&reply), pairs(&[("bytes 0-1/10", "01"), ("bytes 4-5/10", "45")]));
}
