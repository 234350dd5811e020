//! What operators and their tools see: health, metrics, request IDs, dates.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use crate::client::Client;
use crate::image::{at, push_blob};
use crate::node::Node;

#[tokio::test]
async fn health_and_readiness_need_no_login() {
    let node = Node::start().await;
    let client = Client::new(node.address);
    assert_eq!(client.get("/healthz").await.expect(200).body, "ok\n");
    assert_eq!(client.get("/readyz").await.expect(200).body, "ready\n");
}

#[tokio::test]
async fn every_answer_has_its_own_id_and_the_current_date() {
    let node = Node::start().await;
    let client = node.client();
    let mut ids = HashSet::new();
    let answers = [
        client.get("/v2/").await,
        client.get("/v2/nothing").await,
        client.get(&at("manifests/none")).await,
        client.post(&at("blobs/uploads/"), "").await,
        Client::new(node.address).get("/v2/").await,
        Client::new(node.address).get("/healthz").await,
        Client::new(node.address).post("/", "").await,
        Client::new(node.address).get("/wharf/layers/forged").await,
    ];
    for answer in answers {
        assert_eq!(answer.header("x-amzn-requestid").len(), 36, "{answer:?}");
        ids.insert(answer.header("x-amzn-requestid").to_owned());
        let date = httpdate::parse_http_date(answer.header("date")).unwrap();
        let off = SystemTime::now().duration_since(date).unwrap_or_default();
        assert!(off < Duration::from_secs(5), "{answer:?}");
    }
    assert_eq!(ids.len(), 8);
}

#[tokio::test]
async fn metrics_have_their_own_listener() {
    let node =
        Node::start_with(|options| options.metrics_listen = Some("127.0.0.1:0".parse().unwrap())).await;
    let client = node.client();
    push_blob(&client, b"counted").await;
    client.get("/v2/").await.expect(200);
    let metrics = Client::new(node.metrics.unwrap());
    // A request is counted when its whole answer has been sent, which the client can see earlier.
    let mut text = String::new();
    for _ in 0..100 {
        text = String::from_utf8(metrics.get("/metrics").await.expect(200).body.to_vec()).unwrap();
        if text.contains("operation=\"ping\"") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for line in [
        "wharf_http_requests_total{operation=\"put_blob\",status=\"201\"} 1",
        "wharf_http_requests_total{operation=\"ping\",status=\"200\"} 1",
        "wharf_http_received_bytes_total 7",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert_eq!(metrics.get("/v2/").await.status, 404);
    assert_eq!(metrics.post("/metrics", "").await.status, 405);
    let main = Client::new(node.address).get("/metrics").await;
    assert!(!String::from_utf8_lossy(&main.body).contains("wharf_http"), "{main:?}");
}
