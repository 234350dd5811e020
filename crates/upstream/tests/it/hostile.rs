//! A registry that lies, fails or never ends.

use std::time::{Duration, Instant};

use outbound::{Client, Dialler, Roots};
use std::sync::Arc;
use upstream::{BlobDownload, Endpoint, Rules, Upstream, UpstreamError};

use crate::server::{MANIFEST, Reply, Server, name, rules, sha256};

async fn read(mut blob: BlobDownload) -> (Vec<u8>, Option<UpstreamError>) {
    let mut bytes = Vec::new();
    loop {
        match blob.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return (bytes, None),
            Err(error) => return (bytes, Some(error)),
        }
    }
}

#[tokio::test]
async fn a_manifest_with_another_digest_is_refused() {
    let registry = Server::start("127.0.0.1", |_| Reply::new(200, &[], MANIFEST.as_bytes())).await;
    let client = registry.client(None, rules());
    let other = sha256(b"other");
    let error = client.get_manifest(&name(), &other.to_string().parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
    let right = sha256(MANIFEST.as_bytes()).to_string().parse().unwrap();
    assert_eq!(client.get_manifest(&name(), &right).await.unwrap().body, MANIFEST);
}

#[tokio::test]
async fn a_tag_with_a_wrong_digest_header_is_refused() {
    let digest = sha256(b"other").to_string();
    let registry = Server::start("127.0.0.1", move |_| {
        Reply::new(200, &[("docker-content-digest", &digest)], MANIFEST.as_bytes())
    })
    .await;
    let error =
        registry.client(None, rules()).get_manifest(&name(), &"v1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_blob_with_another_digest_never_completes() {
    let wrong = vec![7; 200_000];
    let registry = Server::start("127.0.0.1", move |_| Reply::new(200, &[], &wrong)).await;
    let blob = registry.client(None, rules()).get_blob(&name(), &sha256(b"right"), 200_000).await.unwrap();
    let (bytes, error) = read(blob).await;
    assert!(bytes.len() < 200_000, "the last bytes are not returned");
    assert!(matches!(error, Some(UpstreamError::Invalid { .. })));
}

#[tokio::test]
async fn a_blob_with_its_digest_is_returned_whole() {
    let right: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let sent = right.clone();
    let registry = Server::start("127.0.0.1", move |_| Reply::new(200, &[], &sent)).await;
    let digest = sha256(&right);
    let blob = registry.client(None, rules()).get_blob(&name(), &digest, 300_000).await.unwrap();
    let (bytes, error) = read(blob).await;
    assert!(error.is_none() && bytes == right);
    let empty = Server::start("127.0.0.1", |_| Reply::new(200, &[], b"")).await;
    let blob = empty.client(None, rules()).get_blob(&name(), &sha256(b""), 0).await.unwrap();
    assert!(read(blob).await.1.is_none());
}

#[tokio::test]
async fn short_long_and_endless_blobs_are_refused() {
    let cases = [
        Reply::until_close(b"short"),
        Reply::of_length(200, &[], b"short", 10),
        Reply::of_length(200, &[], b"0123456789ab", 12),
        Reply::until_close(b"").endless(vec![0; 64 * 1024]),
    ];
    for reply in cases {
        let reply = std::sync::Mutex::new(Some(reply));
        let registry = Server::start("127.0.0.1", move |_| reply.lock().unwrap().take().unwrap()).await;
        let client = registry.client(None, rules());
        let opened = client.get_blob(&name(), &sha256(b"0123456789"), 10).await;
        let error = match opened {
            Ok(blob) => read(blob).await.1,
            Err(error) => Some(error),
        };
        let error = error.unwrap();
        assert!(matches!(error, UpstreamError::Invalid { .. } | UpstreamError::Unavailable(_)), "{error}");
    }
}

#[tokio::test]
async fn an_endless_manifest_is_refused() {
    let registry =
        Server::start("127.0.0.1", |_| Reply::until_close(b"{").endless(vec![b' '; 64 * 1024])).await;
    let error =
        registry.client(None, rules()).get_manifest(&name(), &"v1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_that_stops_sending_is_left() {
    let registry =
        Server::start("127.0.0.1", |_| Reply::of_length(200, &[], &[0; 1000], 100_000).stalled()).await;
    let blob = registry.client(None, rules()).get_blob(&name(), &sha256(b""), 100_000).await.unwrap();
    let begun = Instant::now();
    let error = read(blob).await.1.unwrap();
    assert!(matches!(error, UpstreamError::Unavailable(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_blob_that_trickles_is_left() {
    let registry = Server::start("127.0.0.1", |_| Reply::of_length(200, &[], &[0; 10], 50)).await;
    let rules = Rules { slack: Duration::ZERO, slowest: 100, ..rules() };
    let blob = registry.client(None, rules).get_blob(&name(), &sha256(b""), 50).await.unwrap();
    assert!(matches!(read(blob).await.1, Some(UpstreamError::Unavailable(_))));
}

#[tokio::test]
async fn redirects_keep_to_the_rules_of_the_network() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://example.org/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://user:secret@127.0.0.1/",
    ] {
        let registry =
            Server::start("127.0.0.1", move |_| Reply::new(302, &[("location", location)], b"")).await;
        let error = registry.client(None, rules()).ping().await.unwrap_err();
        assert!(
            matches!(error, UpstreamError::Forbidden(_) | UpstreamError::Invalid { .. }),
            "{location}: {error}"
        );
    }
}

#[tokio::test]
async fn loopback_is_not_called_unless_allowed() {
    let registry = Server::start("127.0.0.1", |_| Reply::new(200, &[], b"")).await;
    let http = Client::guarded(&Dialler::new(|_| false), Roots::System).unwrap();
    let endpoint = Endpoint::parse(&registry.address.to_string(), &rules()).unwrap();
    let error = Upstream::new(http.into(), endpoint, None, Arc::new(rules())).ping().await.unwrap_err();
    assert!(matches!(error, UpstreamError::Forbidden(_)), "{error}");
    assert!(registry.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_that_turns_in_a_circle_ends() {
    let registry = Server::start("127.0.0.1", |_| Reply::new(307, &[("location", "/v2/")], b"")).await;
    let error = registry.client(None, rules()).ping().await.unwrap_err();
    assert!(matches!(error, UpstreamError::Invalid { .. }), "{error}");
    assert_eq!(registry.seen().len(), 6);
}

#[tokio::test]
async fn statuses_have_their_errors() {
    let of = async |status: u16| {
        let registry =
            Server::start("127.0.0.1", move |_| Reply::new(status, &[("retry-after", "7")], b"")).await;
        registry.client(None, rules()).ping().await
    };
    assert!(of(200).await.is_ok());
    assert!(matches!(of(403).await, Err(UpstreamError::AccessDenied { status: 403, .. })));
    assert!(matches!(of(404).await, Err(UpstreamError::NotFound(_))));
    let retry_after = Some(Duration::from_secs(7));
    assert!(
        matches!(of(429).await, Err(UpstreamError::TooManyRequests { retry_after: at, .. }) if at == retry_after)
    );
    assert!(matches!(of(503).await, Err(UpstreamError::Unavailable(_))));
    assert!(matches!(of(204).await, Err(UpstreamError::Unavailable(_))));
}
