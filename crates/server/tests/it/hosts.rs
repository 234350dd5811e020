//! The host of a request: exactly one, in every version of HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::rest;
use crate::node::Node;

async fn said(node: &Node, head: &str) -> String {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    rest(stream).await
}

#[tokio::test]
async fn a_request_without_exactly_one_host_is_refused() {
    let node = Node::start().await;
    for hosts in ["", "host: a.example\r\nhost: b.example\r\n", "host: a.example\r\nhost: a.example\r\n"] {
        for (line, words) in [
            ("GET /v2/", "\"code\":\"UNSUPPORTED\""),
            ("GET /wharf/layers/x", "\"code\":\"UNSUPPORTED\""),
            ("GET /healthz", "Host"),
            ("GET /?Action=GetCallerIdentity&Version=2011-06-15", "<Code>"),
            ("POST /", "\"__type\""),
        ] {
            let target = "x-amz-target: AmazonEC2ContainerRegistry_V20150921.DescribeRepositories\r\n";
            let target = if line == "POST /" { target } else { "" };
            let head = format!("{line} HTTP/1.1\r\n{hosts}{target}connection: close\r\n\r\n");
            let answer = said(&node, &head).await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(words), "{hosts}{line}: {answer}");
            assert!(answer.contains("x-amzn-requestid"), "{answer}");
        }
    }
}

#[tokio::test]
async fn http_1_0_needs_no_host() {
    let node = Node::start().await;
    let answer = said(&node, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn an_http2_authority_and_another_host_are_refused() {
    let node = Node::start().await;
    for (host, status) in
        [(Some("registry.test"), 200), (Some("Registry.Test"), 200), (None, 200), (Some("other.test"), 400)]
    {
        let stream = TcpStream::connect(node.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = http::Request::get("http://registry.test/healthz");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), status, "{host:?}");
        answer.into_body().collect().await.unwrap();
    }
}
