//! A mirror of an upstream registry, with the requests of docker's `registry-mirrors`, containerd and podman.

use access::settings::Mirror;
use aws::iam::{CreateRoleRequest, PutRolePolicyRequest};
use jiff::Timestamp;
use serde_json::json;

use crate::client::Client;
use crate::image::{MANIFEST, at, manifest, push, sha256};
use crate::node::{Node, region};

const HOST: &str = "hub.example.org";
const ACCOUNT: &str = "123456789012";

/// A node with the image `team/app:latest`, and a mirror that has it as `app`.
async fn node(role: Option<&str>) -> (Node, Vec<u8>) {
    let mirror = Mirror {
        host: HOST.to_owned(),
        account_id: ACCOUNT.parse().unwrap(),
        region: region(),
        repository_prefix: Some("team".to_owned()),
        registry: "docker.io".to_owned(),
        role_arn: role.map(|name| format!("arn:aws:iam::{ACCOUNT}:role/{name}")),
    };
    let node = Node::start_as(|settings| settings.pull_through_cache.mirrors.push(mirror)).await;
    let image = manifest(&node.client(), "config").await;
    push(&node.client(), "latest", &image).await;
    (node, image)
}

/// A role that the cache may assume, with this policy.
async fn role(node: &Node, name: &str, trusted: &str, resource: &str) {
    let document =
        |statement: serde_json::Value| json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let trust = json!({"Effect": "Allow", "Principal": {"Service": trusted}, "Action": "sts:AssumeRole"});
    let create = CreateRoleRequest {
        role_name: name.to_owned(),
        assume_role_policy_document: document(trust),
        ..Default::default()
    };
    let ctx = node.ctx(Timestamp::now());
    node.identity.create_role(&ctx, create).await.unwrap();
    let actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:ListImages"];
    let policy = PutRolePolicyRequest {
        role_name: name.to_owned(),
        policy_name: "pull".to_owned(),
        policy_document: document(json!({"Effect": "Allow", "Action": actions, "Resource": resource})),
    };
    node.identity.put_role_policy(&node.ctx(Timestamp::now()), policy).await.unwrap();
}

const SERVICE: &str = "pullthroughcache.ecr.amazonaws.com";

fn at_mirror(node: &Node, authorization: Option<&str>) -> Client {
    Client::new(node.address).with("host", HOST).authorization(authorization.map(str::to_owned))
}

#[tokio::test]
async fn docker_pulls_without_credentials() {
    let (node, image) = node(Some("mirror")).await;
    let everything = format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/*");
    role(&node, "mirror", SERVICE, &everything).await;
    // docker sends nothing, and after a login the credentials of Docker Hub, once it is challenged.
    for credentials in [None, Some("Basic aHVidXNlcjpzZWNyZXQ="), Some("Bearer of-docker-hub")] {
        let client = at_mirror(&node, credentials);
        let ping = client.get("/v2/").await.expect(200);
        assert_eq!(ping.header("docker-distribution-api-version"), "registry/2.0");
        let head = client.clone().with("accept", MANIFEST).head("/v2/app/manifests/latest").await.expect(200);
        assert_eq!(head.header("docker-content-digest"), sha256(&image));
        let by_digest = format!("/v2/app/manifests/{}", sha256(&image));
        assert_eq!(client.get(&by_digest).await.expect(200).body, image);
        let blob = client.get(&format!("/v2/app/blobs/{}", sha256(b"config"))).await.expect(200);
        assert_eq!(blob.body, "config");
        let tags = client.get("/v2/app/tags/list").await.expect(200).json();
        assert_eq!(tags, json!({"name": "app", "tags": ["latest"]}), "with the client's name");
    }
}

#[tokio::test]
async fn only_the_role_decides_what_nobody_may_pull() {
    let (node, _) = node(Some("mirror")).await;
    let client = at_mirror(&node, None);
    let pull = "/v2/app/manifests/latest";
    client.get(pull).await.refused(403, "DENIED");
    role(&node, "mirror", SERVICE, &format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/other/*")).await;
    let denied = client.get(pull).await;
    denied.refused(403, "DENIED");
    let said = denied.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(
        said.contains("assumed-role/mirror/registry-mirror") && said.contains("ecr:BatchGetImage"),
        "{said}"
    );
    // Elsewhere nobody has become somebody.
    Client::new(node.address).get(&at("manifests/latest")).await.expect(401);
}

#[tokio::test]
async fn a_role_that_does_not_trust_the_cache_is_not_used() {
    let (node, _) = node(Some("mirror")).await;
    role(&node, "mirror", "ecs-tasks.amazonaws.com", "*").await;
    let refused = at_mirror(&node, None).get("/v2/app/manifests/latest").await;
    refused.refused(403, "DENIED");
    assert!(
        refused.json()["errors"][0]["message"].as_str().unwrap().contains("does not trust"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_mirror_without_a_role_needs_credentials() {
    let (node, image) = node(None).await;
    let refused = at_mirror(&node, None).get("/v2/").await.expect(401);
    assert_eq!(
        refused.header("www-authenticate"),
        format!("Basic realm=\"http://{HOST}/\",service=\"ecr.amazonaws.com\"")
    );
    at_mirror(&node, Some("Basic aHVidXNlcjpzZWNyZXQ=")).get("/v2/app/manifests/latest").await.expect(401);
    let client = node.client().with("host", HOST);
    client.get("/v2/").await.expect(200);
    assert_eq!(client.get("/v2/app/manifests/latest").await.expect(200).body, image);
    assert_eq!(client.get("/v2/app/manifests/latest?ns=docker.io").await.expect(200).body, image);
}

#[tokio::test]
async fn a_mirror_has_the_images_of_one_registry() {
    let (node, _) = node(None).await;
    let client = node.client().with("host", HOST);
    client.get("/v2/app/manifests/latest?ns=quay.io").await.refused(404, "NAME_UNKNOWN");
    client.get("/v2/team/app/manifests/latest").await.refused(404, "NAME_UNKNOWN");
    client.get("/v2/_catalog").await.expect(404);
}

#[tokio::test]
async fn nothing_is_pushed_to_a_mirror() {
    let (node, image) = node(None).await;
    let client = node.client().with("host", HOST).with("content-type", MANIFEST);
    client.post("/v2/app/blobs/uploads/", "").await.refused(405, "UNSUPPORTED");
    client.put("/v2/app/manifests/v2", image).await.refused(405, "UNSUPPORTED");
    client.delete("/v2/app/manifests/latest").await.refused(405, "UNSUPPORTED");
}
