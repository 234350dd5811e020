//! A minimal HTTP/1.1 client for tests, on a connection that can stay open in the middle of a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use aws::ids::SecretKey;
use aws::sigv4::{Credentials, Payload, Request, sign};
use jiff::Timestamp;
use serde_json::Value;

use crate::first_start::KEY;
use crate::process::Dev;

/// A connection to `http://localhost:PORT`.
pub(crate) fn connect(endpoint: &str) -> TcpStream {
    let port = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends the head of a request.
pub(crate) fn send_head(stream: &mut TcpStream, line: &str, headers: &[(&str, &str)]) {
    let mut head = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

/// The complete answer: status, and everything after the status line.
pub(crate) fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {text}"));
    (status.parse().unwrap(), text)
}

/// One request without a body.
pub(crate) fn get(endpoint: &str, path: &str) -> (u16, String) {
    let mut stream = connect(endpoint);
    send_head(&mut stream, &format!("GET {path}"), &[("host", "localhost")]);
    answer(&mut stream)
}

/// One complete request of the data plane.
pub(crate) fn ask(endpoint: &str, line: &str, basic: &str) -> (u16, String) {
    let mut stream = connect(endpoint);
    send_head(&mut stream, line, &[("host", "localhost"), ("authorization", basic), ("content-length", "0")]);
    answer(&mut stream)
}

/// One signed operation of ECR.
pub(crate) fn ecr(endpoint: &str, key: (&str, &str), operation: &str, body: &str) -> (u16, String) {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
    signed(endpoint, key, "ecr", &headers, body)
}

/// The answer of one operation of ECR that must succeed.
#[track_caller]
pub(crate) fn call(dev: &Dev, operation: &str, input: &Value) -> Value {
    let (status, answer) = ecr(&dev.endpoint, KEY, operation, &input.to_string());
    assert_eq!(status, 200, "{operation}: {answer}");
    // The head of the answer comes before its body.
    serde_json::from_str(&answer[answer.find('{').unwrap()..]).unwrap()
}

/// One signed request of an AWS API.
pub(crate) fn signed(
    endpoint: &str,
    (id, secret): (&str, &str),
    service: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> (u16, String) {
    let host = endpoint.trim_start_matches("http://");
    let mut plain = vec![("host", host)];
    plain.extend(headers.iter().copied());
    let bytes: Vec<_> = plain.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &bytes,
        payload: Payload::of(body.as_bytes()),
    };
    let (id, secret) = (id.parse().unwrap(), SecretKey::new(secret));
    let credentials = Credentials { access_key_id: &id, secret: &secret, session_token: None };
    let added =
        sign(&request, credentials, &"us-east-1".parse().unwrap(), service, Timestamp::now()).unwrap();
    let length = body.len().to_string();
    let mut headers = plain.clone();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    headers.push(("content-length", &length));
    let mut stream = connect(endpoint);
    send_head(&mut stream, "POST /", &headers);
    stream.write_all(body.as_bytes()).unwrap();
    answer(&mut stream)
}

/// The `Authorization` header for the data plane, from GetAuthorizationToken.
pub(crate) fn basic(endpoint: &str, key: (&str, &str)) -> String {
    let (status, text) = ecr(endpoint, key, "GetAuthorizationToken", "{}");
    assert_eq!(status, 200, "{text}");
    let body: serde_json::Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    format!("Basic {}", body["authorizationData"][0]["authorizationToken"].as_str().unwrap())
}
