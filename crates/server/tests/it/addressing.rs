//! Which registry a request means: by its host, by an account ID in its path, or the caller's own.

use aws::ecr::{CreateRepositoryRequest, SetRepositoryPolicyRequest};
use serde_json::json;

use crate::client::Client;
use crate::image::{MANIFEST, push_blob, sha256};
use crate::node::{Member, Node, region};

const OWN: &str = "123456789012";
const OTHER: &str = "111122223333";
const CONFIG: &[u8] = b"config of the image";

/// Another account of the deployment, with a repository and a password.
async fn other(node: &Node, repository: &str) -> Member {
    let member = node.member(OTHER).await;
    let input = CreateRepositoryRequest {
        repository_name: repository.to_owned(),
        ..CreateRepositoryRequest::default()
    };
    let made = node.registry.create_repository(&member.ctx, &region(), input).await.unwrap();
    let uri = format!("localhost:{}/{OTHER}/{repository}", node.address.port());
    assert_eq!(made.repository.repository_uri, uri);
    member
}

/// Allows the node's own account everything in a repository of the member account.
async fn share(node: &Node, member: &Member, repository: &str) {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{OWN}:root")}, "Action": "ecr:*"}]});
    let input = SetRepositoryPolicyRequest {
        repository_name: repository.to_owned(),
        policy_text: policy.to_string(),
        ..SetRepositoryPolicyRequest::default()
    };
    node.registry.set_repository_policy(&member.ctx, &region(), input).await.unwrap();
}

fn image() -> Vec<u8> {
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": sha256(CONFIG), "size": CONFIG.len()});
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
    serde_json::to_vec(&image).unwrap()
}

/// Pushes an image as clients do, following each Location, which must begin with the given name.
async fn push(client: &Client, name: &str, tag: &str) {
    let begun = client.post(&format!("/v2/{name}/blobs/uploads/"), "").await.expect(202);
    let session = format!("/v2/{name}/blobs/uploads/");
    assert!(begun.header("location").starts_with(&session), "{begun:?}");
    let sent = client.patch(begun.header("location"), CONFIG).await.expect(202);
    assert!(sent.header("location").starts_with(&session), "{sent:?}");
    let status = client.get(sent.header("location")).await.expect(204);
    assert!(status.header("location").starts_with(&session), "{status:?}");
    let digest = sha256(CONFIG);
    let closed = client.put(&format!("{}?digest={digest}", sent.header("location")), "").await.expect(201);
    assert_eq!(closed.header("location"), format!("/v2/{name}/blobs/{digest}"));
    client.get(closed.header("location")).await.expect(200);
    let typed = client.clone().with("content-type", MANIFEST);
    let put = typed.put(&format!("/v2/{name}/manifests/{tag}"), image()).await.expect(201);
    assert_eq!(put.header("location"), format!("/v2/{name}/manifests/{}", sha256(&image())));
}

#[tokio::test]
async fn an_account_id_in_the_path_names_its_registry() {
    let node = Node::start().await;
    let member = other(&node, "svc/api").await;
    let (theirs, ours) = (node.client_of(&member), node.client());
    let name = format!("{OTHER}/svc/api");
    push(&theirs, &name, "v1").await;
    theirs.get("/v2/svc/api/manifests/v1").await.expect(200);

    let at = format!("/v2/{name}/manifests/v1");
    let refused = ours.get(&at).await;
    refused.refused(403, "DENIED");
    let said = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(said.contains(&format!(":{OTHER}:repository/svc/api")), "{said}");
    share(&node, &member, "svc/api").await;
    ours.get(&at).await.expect(200);
    ours.get(&at.replacen('1', "%31", 1)).await.expect(200);
    push(&ours, &name, "v2").await;
    ours.get("/v2/svc/api/manifests/v1").await.refused(404, "NAME_UNKNOWN");

    let page = ours.get(&format!("/v2/{name}/tags/list?n=1")).await.expect(200);
    assert_eq!(page.json(), json!({"name": name, "tags": ["v1"]}));
    assert_eq!(page.header("link"), format!("</v2/{name}/tags/list?n=1&last=v1>; rel=\"next\""));
    let referrers = format!("/v2/{name}/referrers/{}", sha256(&image()));
    assert_eq!(ours.get(&referrers).await.expect(200).json()["manifests"], json!([]));
    ours.get(&format!("/v2/{OTHER}/")).await.expect(200);
    assert_eq!(
        theirs.get(&format!("/v2/{OTHER}/_catalog")).await.expect(200).body,
        r#"{"repositories":["svc/api"]}"#
    );
    assert_eq!(ours.get("/v2/_catalog").await.expect(200).body, r#"{"repositories":["team/app"]}"#);
}

#[tokio::test]
async fn a_blob_is_mounted_within_the_meant_registry() {
    let node = Node::start().await;
    let member = other(&node, "to").await;
    let client = node.client();
    let digest = push_blob(&client, b"layer").await;
    node.create("own/to", None).await;
    share(&node, &member, "to").await;
    let mount = |to: &str, from: &str| format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
    let own = format!("{OWN}/team/app");
    // The repository of another registry is not a source, under any name: an upload begins.
    client.post(&mount(&format!("{OTHER}/to"), &own), "").await.expect(202);
    client.post(&mount(&format!("{OTHER}/to"), "team/app"), "").await.expect(202);
    client.post(&mount("own/to", &format!("{OTHER}/team/app")), "").await.expect(202);
    let mounted = client.post(&mount(&format!("{OWN}/own/to"), &own), "").await.expect(201);
    assert_eq!(mounted.header("location"), format!("/v2/{OWN}/own/to/blobs/{digest}"));
    node.create("own/too", None).await;
    client.post(&mount("own/too", &own), "").await.expect(201);
    node.create("own/three", None).await;
    client.post(&mount(&format!("{OWN}/own/three"), "team/app"), "").await.expect(201);
}

#[tokio::test]
async fn other_digits_are_part_of_a_repository_name() {
    let node = Node::start().await;
    let client = node.client();
    for name in ["999999999999/x", OTHER, "111122223333/app"] {
        node.create(name, None).await;
        push(&client, name, "v1").await;
    }
    node.member(OTHER).await;
    // The account has priority. After its own account ID every repository of the caller is reachable.
    client.get(&format!("/v2/{OTHER}/app/tags/list")).await.refused(403, "DENIED");
    for name in [
        format!("{OWN}/{OTHER}/app"),
        OTHER.to_owned(),
        format!("{OWN}/{OTHER}"),
        "999999999999/x".to_owned(),
    ] {
        let tags = client.get(&format!("/v2/{name}/tags/list")).await.expect(200);
        assert_eq!(tags.json(), json!({"name": name, "tags": ["v1"]}));
    }
    let host = client.clone().with("host", &format!("{OWN}.dkr.ecr.us-east-1.amazonaws.com"));
    host.get(&format!("/v2/{OTHER}/app/tags/list")).await.expect(200);
    host.get(&format!("/v2/{OWN}/{OTHER}/app/tags/list")).await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_host_that_only_looks_like_a_registry_is_refused() {
    let node = Node::start().await;
    for host in [
        "123456789012.dkr.ecr.us-east-1.evil.example",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.",
        "1234.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr.us_east.amazonaws.com",
    ] {
        for client in [node.client(), Client::new(node.address)] {
            for path in ["/v2/", "/v2/team/app/tags/list", "/v2/_catalog"] {
                let refused = client.clone().with("host", host).get(path).await;
                refused.refused(400, "NAME_INVALID");
                let said = refused.json()["errors"][0]["message"].to_string();
                assert!(said.contains(host) && said.contains("/ACCOUNT here"), "{said}");
            }
        }
    }
    let unknown = node.client().with("host", "999999999999.dkr.ecr.us-east-1.amazonaws.com");
    let refused = unknown.get("/v2/").await;
    refused.refused(404, "NAME_UNKNOWN");
    assert!(refused.json()["errors"][0]["message"].to_string().contains("'999999999999'"), "{refused:?}");
    for path in ["/v2/team/app/tags/list", "/v2/_catalog"] {
        let refused = unknown.get(path).await;
        refused.refused(403, "DENIED");
        assert!(refused.json()["errors"][0]["message"].to_string().contains(":999999999999:"), "{refused:?}");
    }
}
