//! Authorization tokens of ECR registries, from APIs that answer as they should, and from hostile ones.

use std::time::{Duration, Instant};

use aws::ids::SecretKey;
use outbound::{Client, Dialler, Roots};
use upstream::{Connector, EcrApi, EcrToken, UpstreamError, UpstreamRole};

use crate::server::{Reply, Seen, Server};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const ROLE: UpstreamRole<'static> = UpstreamRole {
    arn: "arn:aws:iam::111122223333:role/pull",
    session_name: "ecr-pullthroughcache",
    external_id: "123456789012",
};
const SESSION: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>\
    <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration>\
    </Credentials></AssumeRoleResult></AssumeRoleResponse>";

/// `AWS:password`, until 2100.
fn token() -> Reply {
    let body =
        r#"{"authorizationData":[{"authorizationToken":"QVdTOnBhc3N3b3Jk","expiresAt":4102444800.123}]}"#;
    Reply::new(200, &[], body.as_bytes())
}

async fn ask(ecr: &Server, sts: &Server, role: Option<&UpstreamRole<'_>>) -> Result<EcrToken, UpstreamError> {
    let api = EcrApi {
        region: "eu-west-1".parse().unwrap(),
        endpoint: format!("http://{}", ecr.address),
        sts_endpoint: format!("http://{}/", sts.address),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
        secret: SecretKey::new(SECRET),
    };
    let dialler = Dialler::new(|address| address.is_loopback());
    let connector = Connector::from(Client::guarded(&dialler, Roots::System).unwrap());
    api.authorization_token(&connector, role).await
}

/// A server that gives a token.
async fn ecr() -> Server {
    Server::start("127.0.0.1", |_| token()).await
}

/// The scope of the signature of a request.
fn scope(seen: &Seen) -> String {
    let signed = seen.authorization.clone().unwrap();
    let credential = signed.strip_prefix("AWS4-HMAC-SHA256 Credential=").unwrap();
    let parts: Vec<_> = credential.split(',').next().unwrap().split('/').collect();
    format!("{} {} {}", parts[0], parts[2], parts[3])
}

#[tokio::test]
async fn an_access_key_gets_a_token() {
    let (ecr, sts) = (ecr().await, ecr().await);
    let token = ask(&ecr, &sts, None).await.unwrap();
    assert_eq!(
        (token.credentials.username.as_str(), token.credentials.password.as_str()),
        ("AWS", "password")
    );
    assert_eq!(token.lasts, Duration::from_hours(12), "the most");
    let seen = ecr.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].line.as_str(), scope(&seen[0]).as_str()),
        ("POST / HTTP/1.1", "AKIAIOSFODNN7EXAMPLE eu-west-1 ecr")
    );
    assert!(sts.seen().is_empty());
}

#[tokio::test]
async fn a_role_is_assumed_first() {
    let ecr = ecr().await;
    let sts = Server::start("127.0.0.1", |_| Reply::new(200, &[], SESSION.as_bytes())).await;
    ask(&ecr, &sts, Some(&ROLE)).await.unwrap();
    assert_eq!(scope(&sts.seen()[0]), "AKIAIOSFODNN7EXAMPLE eu-west-1 sts");
    assert_eq!(scope(&ecr.seen()[0]), "ASIAIOSFODNN7EXAMPLE eu-west-1 ecr", "the session's own key");
}

#[tokio::test]
async fn a_signed_request_follows_no_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let thief = Server::start("127.0.0.2", |_| token()).await;
        let location = format!("http://{}/", thief.address);
        let redirects =
            Server::start("127.0.0.1", move |_| Reply::new(status, &[("location", &location)], b"")).await;
        let error = ask(&redirects, &redirects, None).await.err().unwrap();
        assert!(matches!(error, UpstreamError::Invalid { .. }), "{status}: {error}");
        let error = ask(&ecr().await, &redirects, Some(&ROLE)).await.err().unwrap();
        assert!(matches!(error, UpstreamError::Invalid { .. }), "{status}: {error}");
        assert!(thief.seen().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_refused_role_gets_no_token_of_the_access_key() {
    let ecr = ecr().await;
    let sts = Server::start("127.0.0.1", |_| Reply::new(403, &[], b"<Code>AccessDenied</Code>")).await;
    let error = ask(&ecr, &sts, Some(&ROLE)).await.err().unwrap();
    assert!(matches!(error, UpstreamError::AccessDenied { status: 403, .. }), "{error}");
    assert!(ecr.seen().is_empty());
}

#[tokio::test]
async fn errors_say_what_the_api_answered() {
    let error = async |status, body: &'static str| {
        let server = Server::start("127.0.0.1", move |_| Reply::new(status, &[], body.as_bytes())).await;
        ask(&server, &server, None).await.err().unwrap()
    };
    let throttled = r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
    assert!(matches!(error(400, throttled).await, UpstreamError::TooManyRequests { .. }));
    assert!(matches!(error(429, "").await, UpstreamError::TooManyRequests { .. }));
    for (status, body) in [(400, r#"{"__type":"UnrecognizedClientException"}"#), (403, ""), (404, "<html>")] {
        let error = error(status, body).await;
        assert!(matches!(error, UpstreamError::AccessDenied { .. }), "{status}: {error}");
        assert!(!error.to_string().contains("Unrecognized"), "{error}");
    }
    assert!(matches!(error(500, "").await, UpstreamError::Unavailable(_)));
    for body in ["", "{}", "<html>", r#"{"authorizationData":[{"authorizationToken":"?","expiresAt":1}]}"#] {
        assert!(matches!(error(200, body).await, UpstreamError::Invalid { .. }), "{body}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let server = Server::start("127.0.0.1", |_| Reply::until_close(b"{").endless(vec![b' '; 65_536])).await;
    let began = Instant::now();
    let error = ask(&server, &server, None).await.err().unwrap();
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
}
