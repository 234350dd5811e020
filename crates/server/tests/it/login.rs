//! Who is authenticated, and how other clients are asked to log in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::Client;
use crate::image::at;
use crate::node::Node;

const SENTENCE: &str = "Your authorization token has expired. Reauthenticate and try again.";

#[tokio::test]
async fn without_credentials_the_answer_is_ecrs_challenge() {
    let node = Node::start().await;
    for authorization in [None, Some("Bearer abc"), Some("Basic")] {
        let client = Client::new(node.address).authorization(authorization.map(str::to_owned));
        let reply = client.with("host", "registry.test:5000").get("/v2/").await.expect(401);
        assert_eq!(
            reply.header("www-authenticate"),
            "Basic realm=\"http://registry.test:5000/\",service=\"ecr.amazonaws.com\""
        );
        assert_eq!(reply.header("docker-distribution-api-version"), "registry/2.0");
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.body, "Not Authorized\n");
    }
}

#[tokio::test]
async fn a_token_of_this_deployment_is_accepted() {
    let node = Node::start().await;
    let reply = node.client().get("/v2/").await.expect(200);
    assert_eq!(reply.header("docker-distribution-api-version"), "registry/2.0");
}

#[tokio::test]
async fn a_password_that_is_not_a_token_gets_ecrs_error() {
    let node = Node::start().await;
    let (_, password) = {
        let token = String::from_utf8(STANDARD.decode(&node.password).unwrap()).unwrap();
        let (user, password) = token.split_once(':').unwrap();
        (user.to_owned(), password.to_owned())
    };
    let mut changed = password.clone();
    changed.replace_range(40..41, if &password[40..41] == "A" { "B" } else { "A" });
    for credentials in
        ["AWS:nonsense".to_owned(), format!("AWS:{changed}"), format!("root:{password}"), "AWS".into()]
    {
        let header = format!("Basic {}", STANDARD.encode(&credentials));
        let reply = Client::new(node.address).authorization(Some(header)).get("/v2/").await;
        reply.refused(401, "DENIED");
        assert_eq!(reply.json()["errors"][0]["message"], "Your Authorization Token is invalid.");
        assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{reply:?}");
    }
    let reply = Client::new(node.address).authorization(Some("Basic %%%".into())).get("/v2/").await;
    reply.refused(401, "DENIED");
    assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{reply:?}");
}

/// A password from a file or a Kubernetes secret often ends with the file's final newline.
#[tokio::test]
async fn white_space_around_a_password_is_ignored() {
    let node = Node::start().await;
    let token = String::from_utf8(STANDARD.decode(&node.password).unwrap()).unwrap();
    let (_, password) = token.split_once(':').unwrap();
    for around in [format!("{password}\n"), format!(" {password}\r\n"), format!("\t{password} ")] {
        let header = format!("Basic {}", STANDARD.encode(format!("AWS:{around}")));
        Client::new(node.address).authorization(Some(header)).get("/v2/").await.expect(200);
    }
    let (head, tail) = password.split_at(40);
    let header = format!("Basic {}", STANDARD.encode(format!("AWS:{head} {tail}")));
    Client::new(node.address).authorization(Some(header)).get("/v2/").await.refused(401, "DENIED");
}

#[tokio::test]
async fn an_expired_token_gets_a_challenge() {
    let node = Node::start().await;
    let expired = format!("Basic {}", node.expired_password().await);
    let reply = Client::new(node.address).authorization(Some(expired)).get("/v2/").await;
    reply.refused(401, "DENIED");
    assert_eq!(reply.json()["errors"][0]["message"], SENTENCE);
    assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{reply:?}");
}

#[tokio::test]
async fn a_push_without_credentials_is_answered_unread() {
    let node = Node::start().await;
    let body = vec![0_u8; 8 << 20];
    let reply = Client::new(node.address).put(&at("manifests/latest"), body).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_password_is_valid_only_in_its_region() {
    let node = Node::start().await;
    let host = |region: &str| format!("123456789012.dkr.ecr.{region}.amazonaws.com");
    let here = node.client().with("host", &host("us-east-1"));
    let there = node.client().with("host", &host("eu-west-1"));
    for path in ["/v2/", "/v2/_catalog", "/v2/team/app/tags/list"] {
        here.get(path).await.expect(200);
        let reply = there.get(path).await;
        reply.refused(401, "DENIED");
        assert_eq!(reply.json()["errors"][0]["message"], "Your Authorization Token is invalid.");
        assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{reply:?}");
    }
}
