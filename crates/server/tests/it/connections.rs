//! HTTP/2 without TLS, reuse of connections, and clients behind proxies.

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::client::over_http2;
use crate::image::{at, push_blob, sha256};
use crate::node::Node;

#[tokio::test]
async fn http2_works_with_prior_knowledge() {
    let node = Node::start().await;
    let bytes = vec![7_u8; 3 << 20];
    let digest = sha256(&bytes);
    let address = node.address;
    let post = format!("http://{address}{}", at(&format!("blobs/uploads/?digest={digest}")));
    let stream = TcpStream::connect(address).await.unwrap();
    over_http2(stream, node.client().request(Method::POST, &post, bytes.clone())).await.expect(201);
    let get = format!("http://{address}{}", at(&format!("blobs/{digest}")));
    let stream = TcpStream::connect(address).await.unwrap();
    let reply = over_http2(stream, node.client().request(Method::GET, &get, "")).await.expect(200);
    assert!(reply.body == bytes);
}

#[tokio::test]
async fn a_connection_serves_many_requests_including_errors() {
    let node = Node::start().await;
    let stream = TcpStream::connect(node.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let client = node.client();
    let paths = ["/v2/".to_owned(), at("manifests/none"), at("tags/list"), "/v2/nothing".to_owned()];
    for (path, status) in paths.iter().zip([200, 404, 200, 404]).cycle().take(12) {
        let response = sender.send_request(client.request(Method::GET, path, "")).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        response.into_body().collect().await.unwrap();
        sender.ready().await.unwrap();
    }
    connection.abort();
}

#[tokio::test]
async fn the_scheme_comes_only_from_a_trusted_proxy() {
    for (trusted, scheme) in [(vec!["127.0.0.0/8".parse().unwrap()], "https"), (vec![], "http")] {
        let node = Node::start_with(|options| options.trusted_proxies = trusted).await;
        let stranger = node.client().authorization(None).with("host", "registry.test");
        let reply = stranger.with("x-forwarded-proto", "https").get("/v2/").await.expect(401);
        let wanted = format!("Basic realm=\"{scheme}://registry.test/\",service=\"ecr.amazonaws.com\"");
        assert_eq!(reply.header("www-authenticate"), wanted);
    }
}

#[tokio::test]
async fn concurrent_pushes_of_the_same_blob_all_succeed() {
    let node = Node::start().await;
    let bytes = vec![3_u8; 200_000];
    let pushes = (0..8).map(|_| {
        let (client, bytes) = (node.client(), bytes.clone());
        tokio::spawn(async move { push_blob(&client, &bytes).await })
    });
    for push in pushes.collect::<Vec<_>>() {
        assert_eq!(push.await.unwrap(), sha256(&bytes));
    }
}
