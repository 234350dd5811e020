//! The agent as seen by SDKs and by other clients, over a socket.

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use outbound::{Client, Limits, Roots};
use serde_json::Value;

use super::agent::{Agent, Socket};
use super::keeper::Kept;
use super::source::Role;
use super::temporary::tests::temporary;

const ROLES: &str = "/latest/meta-data/iam/security-credentials";
const TTL: (&str, &str) = ("x-aws-ec2-metadata-token-ttl-seconds", "60");

struct Running {
    url: String,
    kept: Kept,
    client: Client,
}

impl Running {
    async fn start(authorization: Option<&str>, is_imds: bool) -> Self {
        let role = Role {
            arn: "arn:aws:iam::111122223333:role/nodes/puller".to_owned(),
            session_name: "node".to_owned(),
            duration_seconds: 3600,
        };
        role.check().unwrap();
        let kept = Kept::default();
        let authorization = authorization.map(str::to_owned);
        let agent = Agent::new(&role, "eu-west-1", kept.clone(), authorization, is_imds).unwrap();
        let socket = Socket::open("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
        let url = format!("http://{}", socket.address().unwrap());
        tokio::spawn(socket.serve(agent, std::future::pending()));
        let authority = rcgen::generate_simple_self_signed(Vec::new()).unwrap().cert.pem();
        Self { url, kept, client: Client::of_operator(Roots::Only(&authority)).unwrap() }
    }

    fn fill(&self) {
        let now = Timestamp::now().as_second();
        self.kept.put(Ok(temporary("A", now, now + 3600)));
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let limits = Limits { bytes: 64 * 1024, time: std::time::Duration::from_secs(5) };
        self.client.send(request.body(Bytes::new()).unwrap(), limits).await.unwrap()
    }

    async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.ask(method, path, headers).await.status().as_u16()
    }

    async fn token(&self) -> String {
        let answer = self.ask("PUT", "/latest/api/token", &[TTL]).await;
        assert_eq!(answer.headers()[TTL.0], TTL.1);
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }

    async fn text(&self, path: &str, token: &str) -> String {
        let answer = self.ask("GET", path, &[("x-aws-ec2-metadata-token", token)]).await;
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }
}

fn json(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn the_container_endpoint_needs_the_right_token() {
    let agent = Running::start(Some("0123456789abcdef"), false).await;
    let right = [("authorization", "0123456789abcdef")];
    let path = Agent::CONTAINER_PATH;
    let early = agent.ask("GET", path, &right).await;
    assert_eq!(early.status().as_u16(), 503);
    assert_eq!(json(&early)["message"], "no credentials yet");
    agent.fill();
    assert_eq!(agent.status("GET", path, &[]).await, 401);
    for wrong in ["", "0123456789abcdee", "0123456789abcdef0", "Bearer 0123456789abcdef"] {
        assert_eq!(agent.status("GET", path, &[("authorization", wrong)]).await, 403, "{wrong}");
    }
    let got = json(&agent.ask("GET", path, &right).await);
    assert_eq!((&got["AccessKeyId"], &got["Token"]), (&"ASIAA".into(), &"token-A".into()));
    // An endpoint that was not enabled is not served.
    assert_eq!(agent.status("PUT", "/latest/api/token", &[TTL]).await, 404);
}

#[tokio::test]
async fn metadata_needs_a_token_that_proxies_and_browsers_cannot_get() {
    let agent = Running::start(None, true).await;
    agent.fill();
    let path = "/latest/api/token";
    assert_eq!(agent.status("GET", path, &[TTL]).await, 405);
    assert_eq!(agent.status("PUT", path, &[TTL, ("x-forwarded-for", "192.0.2.1")]).await, 403);
    for ttl in ["0", "21601", "-1", "x"] {
        assert_eq!(agent.status("PUT", path, &[(TTL.0, ttl)]).await, 400, "{ttl}");
    }
    assert_eq!(agent.status("PUT", path, &[]).await, 400);
    assert_eq!(agent.status("PUT", path, &[TTL, ("host", "rebound.example.org")]).await, 403);
    assert_eq!(agent.status("PUT", path, &[TTL, ("host", "localhost:80")]).await, 200);
    let credentials = format!("{ROLES}/puller");
    for path in [credentials.as_str(), ROLES, "/latest/dynamic/instance-identity/document"] {
        assert_eq!(agent.status("GET", path, &[]).await, 401, "{path}");
        let made_up = ("x-aws-ec2-metadata-token", "AAAA");
        assert_eq!(agent.status("GET", path, &[made_up]).await, 401, "{path}");
    }
    assert_eq!(agent.status("GET", Agent::CONTAINER_PATH, &[("authorization", "")]).await, 404);
}

#[tokio::test]
async fn metadata_answers_the_requests_of_sdks() {
    let agent = Running::start(None, true).await;
    let token = agent.token().await;
    let credentials = format!("{ROLES}/puller");
    let early = agent.ask("GET", &credentials, &[("x-aws-ec2-metadata-token", &token)]).await;
    assert_eq!(early.status().as_u16(), 503);
    agent.fill();
    for path in [ROLES.to_owned(), format!("{ROLES}/")] {
        assert_eq!(agent.text(&path, &token).await, "puller");
    }
    let got: Value = serde_json::from_str(&agent.text(&credentials, &token).await).unwrap();
    assert_eq!((&got["Code"], &got["AccessKeyId"]), (&"Success".into(), &"ASIAA".into()));
    let other = agent.status("GET", &format!("{ROLES}/other"), &[("x-aws-ec2-metadata-token", &token)]).await;
    assert_eq!(other, 404);
    assert_eq!(agent.text("/latest/meta-data/placement/region", &token).await, "eu-west-1");
    assert_eq!(agent.text("/latest/meta-data/placement/availability-zone/", &token).await, "eu-west-1a");
    let document = agent.text("/latest/dynamic/instance-identity/document", &token).await;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!((&document["region"], &document["accountId"]), (&"eu-west-1".into(), &"111122223333".into()));
}

#[tokio::test]
async fn incomplete_requests_do_not_block_others() {
    use tokio::io::AsyncWriteExt as _;
    let agent = Running::start(Some("0123456789abcdef"), false).await;
    agent.fill();
    let mut held = Vec::new();
    for _ in 0..1024 {
        let mut stream =
            tokio::net::TcpStream::connect(agent.url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(b"GET /credentials HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.unwrap();
        held.push(stream);
    }
    let right = [("authorization", "0123456789abcdef")];
    assert_eq!(agent.status("GET", Agent::CONTAINER_PATH, &right).await, 200);
    // The oldest connections were closed for the newest.
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut held[0], &mut byte);
    let read = tokio::time::timeout(std::time::Duration::from_secs(5), read).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
