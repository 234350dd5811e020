//! Requests over the rate of their operation.

use std::time::Duration;

use access::rate::Rates;
use http::Method;
use tokio::io::AsyncWriteExt as _;

use crate::client::{Client, Reply, rest};
use crate::image::at;
use crate::node::Node;
use crate::someone::{Someone, everything};

/// A server with this rate of an operation.
async fn limited(rate: &str, per_second: u64) -> Node {
    let mut rates = Rates::of_ecr();
    rates.set(None, rate, per_second).unwrap();
    Node::start_with_rates(rates).await
}

/// The first answer of 429, and how many other answers there were before it. Few answers take more than a second, in
/// which the bucket gets one more token.
async fn first_refusal(client: &Client, method: &Method, path: &str) -> (Reply, usize) {
    for sent in 0..50 {
        let reply = client.send(method.clone(), path, "").await;
        if reply.status == 429 {
            return (reply, sent);
        }
    }
    panic!("50 requests were within the rate");
}

/// The metrics of the server.
async fn metrics(node: &Node) -> String {
    let answer = Client::new(node.metrics.unwrap()).get("/metrics").await.expect(200);
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn an_account_over_its_rate_is_refused_and_no_other() {
    let node = limited("batch_get_image", 1).await;
    let (client, member) = (node.client(), node.member("111122223333").await);
    let (reply, before) = first_refusal(&client, &Method::GET, &at("manifests/none")).await;
    reply.refused(429, "TOOMANYREQUESTS");
    assert_eq!(reply.json()["errors"][0]["message"], "Rate exceeded");
    assert_eq!(reply.header("retry-after"), "1");
    assert!((5..=10).contains(&before), "{before}");
    let other = node.client_of(&member).get("/v2/123456789012/team/app/manifests/none").await;
    assert_eq!(other.status, 403);
    client.get(&at("tags/list")).await.expect(200);
    let text = metrics(&node).await;
    for line in ["throttled_requests_total{operation=\"get_manifest\"} 1", "throttle_accounts 2"] {
        assert!(text.contains(&format!("\nwharf_{line}\n")), "{line} is not in:\n{text}");
    }
}

#[tokio::test]
async fn the_bucket_refills() {
    let node = limited("batch_get_image", 1).await;
    let client = node.client();
    first_refusal(&client, &Method::HEAD, &at("manifests/none")).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    client.get(&at("manifests/none")).await.expect(404);
}

#[tokio::test]
async fn each_route_of_a_push_has_its_rate() {
    let blob = at(&format!("blobs/sha256:{}", "a".repeat(64)));
    for (rate, method, path) in [
        ("put_image", Method::PUT, at("manifests/1")),
        ("initiate_layer_upload", Method::POST, at("blobs/uploads/")),
        ("upload_layer_part", Method::PATCH, at("blobs/uploads/7")),
        ("complete_layer_upload", Method::PUT, at("blobs/uploads/7?digest=x")),
        ("batch_check_layer_availability", Method::HEAD, blob.clone()),
        ("get_download_url_for_layer", Method::GET, blob),
    ] {
        let node = limited(rate, 1).await;
        let (reply, _) = first_refusal(&node.client(), &method, &path).await;
        assert_eq!(reply.header("retry-after"), "1", "{rate}");
    }
}

#[tokio::test]
async fn the_control_plane_answers_throttling_exception() {
    let node = limited("get_authorization_token", 1).await;
    let someone = Someone::new(&node, "someone", everything()).await;
    for _ in 0..50 {
        let mut stream = Someone::open(&node, &someone.ecr_head(&node, "GetAuthorizationToken", b"{}")).await;
        stream.write_all(b"{}").await.unwrap();
        let said = rest(stream).await;
        if said.contains("ThrottlingException") {
            assert!(said.starts_with("HTTP/1.1 400") && said.contains("Rate exceeded"), "{said}");
            return;
        }
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    }
    panic!("50 requests were within the rate");
}

#[tokio::test]
async fn requests_without_a_caller_allocate_no_bucket() {
    let node = limited("batch_get_image", 1).await;
    for _ in 0..50 {
        Client::new(node.address).get(&at("manifests/none")).await.expect(401);
    }
    let text = metrics(&node).await;
    assert!(text.contains("\nwharf_throttle_accounts 0\n"), "{text}");
    node.client().get(&at("manifests/none")).await.expect(404);
}
