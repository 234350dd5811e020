//! Credentials go to the registry that they are for, and to its token service.

use oci::name::Reference;
use upstream::{Rules, UpstreamError};

use crate::server::{MANIFEST, Reply, Seen, Server, name, rules};

fn latest() -> Reference {
    "latest".parse().unwrap()
}

fn manifest() -> Reply {
    Reply::new(200, &[("content-type", "application/vnd.oci.image.index.v1+json")], MANIFEST.as_bytes())
}

/// `user:secret`.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

/// A registry that wants a token of a service.
fn wants_token(realm: String) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| match seen.authorization.as_deref() {
        Some("Bearer t0") => manifest(),
        _ => {
            let challenge = format!(r#"Bearer realm="{realm}",service="s",scope="repository:other:push""#);
            Reply::new(401, &[("www-authenticate", &challenge)], b"")
        }
    }
}

async fn token_service(ip: &str) -> Server {
    Server::start(ip, |_| Reply::new(200, &[], br#"{"access_token":"t0"}"#)).await
}

#[tokio::test]
async fn the_registrys_own_token_service_gets_them() {
    // The same host with another port, as many registries of companies have it.
    let service = token_service("127.0.0.1").await;
    let registry = Server::start("127.0.0.1", wants_token(format!("http://{}/token", service.address))).await;
    let client = registry.client(Some(("user", "secret")), rules());
    client.get_manifest(&name(), &latest()).await.unwrap();
    client.get_manifest(&name(), &latest()).await.unwrap();
    let asked = service.seen();
    assert_eq!(asked.len(), 1, "the token is used again");
    assert_eq!(asked[0].authorization.as_deref(), Some(BASIC));
    assert_eq!(asked[0].line, "GET /token?service=s&scope=repository%3Ateam%2Fapp%3Apull HTTP/1.1");
    let sent: Vec<_> = registry.seen().into_iter().map(|seen| seen.authorization).collect();
    let token = Some("Bearer t0".to_owned());
    assert_eq!(sent, [None, token.clone(), token], "the password itself does not go there");
}

#[tokio::test]
async fn a_realm_on_another_host_gets_none() {
    let thief = token_service("127.0.0.2").await;
    let registry = Server::start("127.0.0.1", wants_token(format!("http://{}/token", thief.address))).await;
    let client = registry.client(Some(("user", "secret")), rules());
    let error = client.get_manifest(&name(), &latest()).await.unwrap_err();
    assert!(matches!(&error, UpstreamError::Forbidden(text) if text.contains("token_services")), "{error}");
    assert!(thief.seen().is_empty());
    // Without credentials there is nothing to steal: anonymous tokens come from any host.
    registry.client(None, rules()).get_manifest(&name(), &latest()).await.unwrap();
    assert_eq!(thief.seen()[0].authorization, None);
}

#[tokio::test]
async fn the_operator_can_name_a_token_service() {
    let service = token_service("127.0.0.2").await;
    let registry = Server::start("127.0.0.1", wants_token(format!("http://{}/token", service.address))).await;
    let pair = (registry.address.to_string(), service.address.to_string());
    let rules = Rules { token_services: vec![pair], ..rules() };
    registry.client(Some(("user", "secret")), rules).get_manifest(&name(), &latest()).await.unwrap();
    assert_eq!(service.seen()[0].authorization.as_deref(), Some(BASIC));
}

#[tokio::test]
async fn a_redirect_to_another_host_carries_none() {
    let storage = Server::start("127.0.0.2", |seen| match seen.line.as_str() {
        "GET /asks HTTP/1.1" => Reply::new(401, &[("www-authenticate", "Basic")], b""),
        _ => manifest(),
    })
    .await;
    let address = storage.address;
    let registry = Server::start("127.0.0.1", move |seen| match seen.authorization.as_deref() {
        None => Reply::new(401, &[("www-authenticate", r#"Basic realm="r""#)], b""),
        Some(_) if seen.line.contains("asks") => {
            Reply::new(307, &[("location", &format!("http://{address}/asks"))], b"")
        }
        Some(_) => Reply::new(307, &[("location", &format!("http://{address}/blob"))], b""),
    })
    .await;
    let client = registry.client(Some(("user", "secret")), rules());
    client.get_manifest(&name(), &latest()).await.unwrap();
    let error = client.get_manifest(&name(), &"asks".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::AccessDenied { status: 401, .. }), "{error}");
    assert!(storage.seen().iter().all(|seen| seen.authorization.is_none()));
    assert_eq!(storage.seen().len(), 2, "its challenge is not answered");
}

#[tokio::test]
async fn a_redirect_at_the_same_host_keeps_them() {
    let registry = Server::start("127.0.0.1", |seen| match seen.authorization.as_deref() {
        None => Reply::new(401, &[("www-authenticate", "Basic")], b""),
        Some(_) if seen.line.contains("latest") => Reply::new(307, &[("location", "/v2/moved")], b""),
        Some(_) => manifest(),
    })
    .await;
    registry.client(Some(("user", "secret")), rules()).get_manifest(&name(), &latest()).await.unwrap();
    assert_eq!(registry.seen().last().unwrap().authorization.as_deref(), Some(BASIC));
}

#[tokio::test]
async fn a_redirect_to_another_port_carries_none() {
    let other = Server::start("127.0.0.1", |_| manifest()).await;
    let address = other.address;
    let registry = Server::start("127.0.0.1", move |seen| match seen.authorization {
        None => Reply::new(401, &[("www-authenticate", "Basic")], b""),
        Some(_) => Reply::new(307, &[("location", &format!("http://{address}/x"))], b""),
    })
    .await;
    registry.client(Some(("user", "secret")), rules()).get_manifest(&name(), &latest()).await.unwrap();
    assert_eq!(other.seen()[0].authorization, None);
}

#[tokio::test]
async fn a_password_that_is_refused_is_sent_once() {
    let registry =
        Server::start("127.0.0.1", |_| Reply::new(401, &[("www-authenticate", "Basic")], b"")).await;
    let error = registry.client(Some(("user", "secret")), rules()).ping().await.unwrap_err();
    assert!(matches!(error, UpstreamError::AccessDenied { status: 401, .. }), "{error}");
    assert_eq!(registry.seen().len(), 2);
}
