//! Ways in which hostile registries and redirects have got credentials from other clients (CVE-2024-3727, CVE-2026-33540).
//! The thief is at another address. It may be called, but never with an `Authorization`.

use oci::name::Reference;
use upstream::UpstreamError;

use crate::server::{MANIFEST, Reply, Seen, Server, name, rules, sha256};

fn latest() -> Reference {
    "latest".parse().unwrap()
}

/// A server that answers everything with what was looked for, and takes what it is sent.
async fn thief() -> Server {
    Server::start("127.0.0.2", |seen| {
        if seen.line.contains("token") {
            return Reply::new(200, &[], br#"{"token":"stolen"}"#);
        }
        Reply::new(200, &[("content-type", "application/vnd.oci.image.index.v1+json")], MANIFEST.as_bytes())
    })
    .await
}

fn took_nothing(thief: &Server) -> bool {
    thief.seen().iter().all(|seen| seen.authorization.is_none())
}

/// A registry whose answer to every request without a token is a challenge.
async fn challenges(challenge: String) -> Server {
    Server::start("127.0.0.1", move |_| Reply::new(401, &[("www-authenticate", &challenge)], b"")).await
}

#[tokio::test]
async fn a_realm_that_looks_like_the_registry_gets_none() {
    let thief = thief().await;
    let at = thief.address;
    for challenge in [
        format!(r#"Bearer realm="http://127.0.0.1@{at}/token""#),
        format!(r#"Bearer realm="http://127.0.0.1:80@{at}/token",service="s""#),
        format!(r#"Bearer realm="http://{at}/token?x=127.0.0.1""#),
        format!(r#"Bearer realm="http://{at}/token#@127.0.0.1/""#),
        format!(r#"Bearer realm="//{at}/token""#),
        format!(r#"Bearer realm="http://127.0.0.1\\@{at}/token""#),
        format!(r#"Bearer realm="http://127.0.0.1/token", realm="http://{at}/token""#),
        format!(r#"Bearer realm="http://{at}/token", Basic realm="x""#),
        format!(r#"Bearer realm="ftp://{at}/token""#),
    ] {
        let registry = challenges(challenge.clone()).await;
        let client = registry.client(Some(("user", "secret")), rules());
        client.get_manifest(&name(), &latest()).await.expect_err(&challenge);
        assert!(thief.seen().is_empty(), "{challenge}");
        assert!(registry.seen().iter().all(|seen| seen.authorization.is_none()), "{challenge}");
    }
}

#[tokio::test]
async fn a_token_service_that_redirects_is_refused() {
    let thief = thief().await;
    let to = format!("http://{}/token", thief.address);
    let service = Server::start("127.0.0.1", move |_| Reply::new(307, &[("location", &to)], b"")).await;
    let registry = challenges(format!(r#"Bearer realm="http://{}/token""#, service.address)).await;
    let client = registry.client(Some(("user", "secret")), rules());
    client.get_manifest(&name(), &latest()).await.unwrap_err();
    assert_eq!(service.seen().len(), 1, "it is the registry's own");
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn a_registry_that_changes_its_realm_gives_nothing_away() {
    let thief = thief().await;
    let service = Server::start("127.0.0.1", |_| Reply::new(200, &[], br#"{"token":"t0"}"#)).await;
    let realms = [format!("http://{}/token", service.address), format!("http://{}/token", thief.address)];
    let registry = Server::start("127.0.0.1", move |seen: &Seen| {
        let realm = &realms[usize::from(seen.authorization.is_some() || seen.line.contains("later"))];
        match &seen.authorization {
            Some(_) if seen.line.contains("latest") => {
                let media_type = ("content-type", "application/vnd.oci.image.index.v1+json");
                Reply::new(200, &[media_type], MANIFEST.as_bytes())
            }
            _ => Reply::new(401, &[("www-authenticate", &format!(r#"Bearer realm="{realm}""#))], b""),
        }
    })
    .await;
    let client = registry.client(Some(("user", "secret")), rules());
    client.get_manifest(&name(), &latest()).await.unwrap();
    let error = client.get_manifest(&name(), &"later".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Forbidden(_)), "{error}");
    assert!(thief.seen().is_empty());
}

/// A registry with basic authentication that redirects to a URL.
async fn redirects(location: String) -> Server {
    Server::start("127.0.0.1", move |seen: &Seen| match seen.authorization {
        None => Reply::new(401, &[("www-authenticate", "Basic")], b""),
        Some(_) => Reply::new(302, &[("location", &location)], b""),
    })
    .await
}

#[tokio::test]
async fn no_form_of_a_redirect_carries_the_password() {
    let thief = thief().await;
    let at = thief.address;
    for location in [
        format!("//{at}/x"),
        format!("http://{at}/x"),
        format!("http://127.0.0.1@{at}/x"),
        format!("http://user:secret@{at}/x"),
        format!("http://127.0.0.1\\@{at}/x"),
        format!("///{at}/x"),
        format!("HTTP://{at}/x"),
    ] {
        let client_of = redirects(location.clone()).await;
        let client = client_of.client(Some(("user", "secret")), rules());
        let _ = client.get_manifest(&name(), &latest()).await;
        let _ = client.get_blob(&name(), &sha256(b"blob"), 4).await;
        assert!(took_nothing(&thief), "{location}");
    }
}

#[tokio::test]
async fn a_redirect_carries_no_token_either() {
    let thief = thief().await;
    let to = format!("http://{}/x", thief.address);
    let service = Server::start("127.0.0.1", |_| Reply::new(200, &[], br#"{"token":"t0"}"#)).await;
    let challenge = format!(r#"Bearer realm="http://{}/token""#, service.address);
    let registry = Server::start("127.0.0.1", move |seen: &Seen| match seen.authorization {
        None => Reply::new(401, &[("www-authenticate", &challenge)], b""),
        Some(_) => Reply::new(307, &[("location", &to)], b""),
    })
    .await;
    let client = registry.client(Some(("user", "secret")), rules());
    client.get_manifest(&name(), &latest()).await.unwrap();
    assert_eq!(thief.seen().len(), 1);
    assert!(took_nothing(&thief));
}

#[tokio::test]
async fn the_next_page_is_asked_of_the_registry() {
    let thief = thief().await;
    let link = format!(r#"<http://{}/v2/team/app/tags/list?last=a>; rel="next""#, thief.address);
    let registry = Server::start("127.0.0.1", move |seen: &Seen| match seen.authorization {
        None => Reply::new(401, &[("www-authenticate", "Basic")], b""),
        Some(_) => Reply::new(200, &[("link", &link)], br#"{"tags":["a"]}"#),
    })
    .await;
    let client = registry.client(Some(("user", "secret")), rules());
    let first = client.list_tags(&name(), None).await.unwrap();
    client.list_tags(&name(), first.next).await.unwrap();
    assert!(thief.seen().is_empty());
}
