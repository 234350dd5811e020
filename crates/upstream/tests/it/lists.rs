//! Lists of tags, repositories and referrers.

use oci::media_type::{OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST};

use crate::server::{Reply, Server, name, rules, sha256};

#[tokio::test]
async fn tags_are_listed_by_pages() {
    let registry = Server::start("127.0.0.1", |seen| match seen.line.as_str() {
        "GET /v2/team/app/tags/list?n=1000 HTTP/1.1" => {
            let link = r#"</v2/team/app/tags/list?n=1000&last=b>; rel="next""#;
            Reply::new(200, &[("link", link)], br#"{"name":"team/app","tags":["a","not a tag","b"]}"#)
        }
        "GET /v2/team/app/tags/list?n=1000&last=b HTTP/1.1" => Reply::new(200, &[], br#"{"tags":["c"]}"#),
        _ => Reply::new(404, &[], b""),
    })
    .await;
    let client = registry.client(None, rules());
    let first = client.list_tags(&name(), None).await.unwrap();
    assert_eq!(first.entries.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["a", "b"]);
    let second = client.list_tags(&name(), first.next).await.unwrap();
    assert_eq!((second.entries[0].as_str(), second.next), ("c", None));
}

#[tokio::test]
async fn repositories_are_listed() {
    let registry = Server::start("127.0.0.1", |seen| {
        assert_eq!(seen.line, "GET /v2/_catalog?n=1000 HTTP/1.1");
        Reply::new(200, &[], br#"{"repositories":["a","b/c"]}"#)
    })
    .await;
    let page = registry.client(None, rules()).list_repositories(None).await.unwrap();
    assert_eq!(page.entries, ["a", "b/c"]);
}

/// An index with one entry.
fn index(digest: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_IMAGE_INDEX}","manifests":[{{"mediaType":"{OCI_IMAGE_MANIFEST}","digest":"{digest}","size":2,"artifactType":"a/b"}}]}}"#
    )
}

#[tokio::test]
async fn referrers_come_from_the_list_or_from_the_tag() {
    let subject = sha256(b"subject");
    let referrer = sha256(b"referrer").to_string();
    for has_list in [true, false] {
        let (list, by_tag) = (format!("/referrers/{subject} "), subject.to_string().replace(':', "-"));
        let body = index(&referrer);
        let registry = Server::start("127.0.0.1", move |seen| {
            let is_list = seen.line.contains(&list);
            if (is_list && has_list) || seen.line.contains(&by_tag) {
                return Reply::new(200, &[("content-type", OCI_IMAGE_INDEX)], body.as_bytes());
            }
            Reply::new(404, &[], b"")
        })
        .await;
        let found = registry.client(None, rules()).list_referrers(&name(), &subject).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].artifact_type.as_deref(), Some("a/b"));
        assert_eq!(found[0].digest.to_string(), referrer);
        assert_eq!(registry.seen().len(), if has_list { 1 } else { 2 });
    }
}
