//! Tags, catalog and referrers, page by page.

use crate::client::Client;
use crate::image::{INDEX, at, manifest, push, referrer};
use crate::node::Node;

/// The path of the next page.
fn next(link: &str) -> Option<String> {
    let path = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(path.to_owned())
}

async fn all(client: &Client, first: &str, key: &str) -> Vec<String> {
    let (mut path, mut names) = (Some(first.to_owned()), Vec::new());
    while let Some(at) = path {
        let reply = client.get(&at).await.expect(200);
        let page = reply.json();
        names.extend(page[key].as_array().unwrap().iter().map(|name| match name {
            serde_json::Value::String(name) => name.clone(),
            entry => entry["digest"].as_str().unwrap().to_owned(),
        }));
        path = next(reply.header("link"));
    }
    names
}

#[tokio::test]
async fn tags_are_sorted_and_paginated() {
    let node = Node::start().await;
    let client = node.client();
    assert_eq!(client.get(&at("tags/list")).await.expect(200).body, r#"{"name":"team/app","tags":[]}"#);
    let image = manifest(&client, "one").await;
    for tag in ["b", "B", "a.1", "_x", "a-1"] {
        push(&client, tag, &image).await;
    }
    let sorted = ["B", "_x", "a-1", "a.1", "b"];
    assert_eq!(all(&client, &at("tags/list"), "tags").await, sorted);
    assert_eq!(all(&client, &at("tags/list?n=2"), "tags").await, sorted);
    let page = client.get(&at("tags/list?n=2&last=_x")).await.expect(200);
    assert_eq!(page.json()["tags"], serde_json::json!(["a-1", "a.1"]));
    assert_eq!(page.header("link"), "</v2/team/app/tags/list?n=2&last=a%2E1>; rel=\"next\"");
    assert_eq!(client.get(&at("tags/list?n=0")).await.expect(200).json()["tags"], serde_json::json!([]));
    client.get(&at("tags/list?n=-1")).await.refused(400, "PAGINATION_NUMBER_INVALID");
    client.get(&at("tags/list?n=99999999999999999999")).await.expect(200);
    client.get(&at("tags/list?last=%00")).await.expect(200);
    client.get("/v2/no/where/tags/list").await.refused(404, "NAME_UNKNOWN");
}

/// In a URL a plus sign is a plus sign (RFC 3986 §2.2); only forms use it for a space.
#[tokio::test]
async fn a_plus_sign_in_a_query_is_a_plus_sign() {
    let node = Node::start().await;
    let client = node.client();
    let subject = push(&client, "subject", &manifest(&client, "subject").await).await;
    let kind = "application/spdx+json";
    let sbom = referrer(&client, &subject, kind, "one").await;
    let digest = push(&client, "sbom", &sbom).await;
    for text in ["application/spdx+json", "application/spdx%2Bjson", "application%2fspdx%2bjson"] {
        let path = at(&format!("referrers/{subject}?artifactType={text}"));
        let reply = client.get(&path).await.expect(200);
        assert_eq!(reply.header("oci-filters-applied"), "artifactType");
        let found = reply.json()["manifests"].clone();
        assert_eq!(found[0]["digest"], digest, "{text}");
    }
    let none = client.get(&at(&format!("referrers/{subject}?artifactType=application/spdx%20json"))).await;
    assert_eq!(none.expect(200).json()["manifests"], serde_json::json!([]));
}

#[tokio::test]
async fn a_head_of_a_list_has_the_length_of_the_list() {
    let node = Node::start().await;
    let get = node.client().get(&at("tags/list")).await.expect(200);
    let head = node.client().head(&at("tags/list")).await.expect(200);
    assert_eq!(head.header("content-length"), get.body.len().to_string());
}

#[tokio::test]
async fn the_catalog_lists_the_repositories_of_the_registry() {
    let node = Node::start().await;
    for name in ["aa", "zz/z", "bb"] {
        node.create(name, None).await;
    }
    let client = node.client();
    assert_eq!(all(&client, "/v2/_catalog?n=3", "repositories").await, ["aa", "bb", "team/app", "zz/z"]);
    client.get("/v2/_catalog?n=x").await.refused(400, "PAGINATION_NUMBER_INVALID");
    client.post("/v2/_catalog", "").await.refused(405, "UNSUPPORTED");
}

#[tokio::test]
async fn referrers_are_listed_filtered_and_paginated() {
    let node = Node::start().await;
    let client = node.client();
    let image = manifest(&client, "one").await;
    let subject = push(&client, "a", &image).await;
    let path = at(&format!("referrers/{subject}"));
    let none = client.get(&path).await.expect(200);
    assert_eq!(none.header("content-type"), INDEX);
    assert_eq!(none.json()["manifests"], serde_json::json!([]));
    let mut pushed = Vec::new();
    for n in 0..103 {
        let kind = if n == 7 { "test/sbom" } else { "test/signature" };
        let body = referrer(&client, &subject, kind, &n.to_string()).await;
        let digest = crate::image::sha256(&body);
        let typed = client.clone().with("content-type", crate::image::MANIFEST);
        let reply = typed.put(&at(&format!("manifests/{digest}")), body).await.expect(201);
        assert_eq!(reply.header("oci-subject"), subject);
        pushed.push(digest);
    }
    assert_eq!(all(&client, &path, "manifests").await, pushed);
    let filtered = client.get(&format!("{path}?artifactType=test%2Fsbom")).await.expect(200);
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    let entries = filtered.json()["manifests"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["artifactType"], "test/sbom");
    assert_eq!(entries[0]["annotations"]["seed"], "7");
    client.get(&format!("{path}?last=forged")).await.expect(400);
}
