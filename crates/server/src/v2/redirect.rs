//! Redirects of GET to the object store: the bytes of large layers then do not pass through this node.
//!
//! The URL is signed, and S3 refuses a request that is signed twice: one that also has an `Authorization` header. Most
//! clients send that header only to the host that asked for it. Go's clients also send it to the same host with another
//! port, and to the hosts below it (`net/http`, `shouldCopyHeaderOnRedirect`). They are not redirected to such hosts.

use http::{HeaderValue, Method, StatusCode, Uri, header};
use registry::layer::download::BlobHandle;

use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer};

/// The redirect to the blob in the object store; None if this node sends it. The store answers `Range`.
pub(super) async fn redirect(exchange: &Exchange, blob: &BlobHandle) -> Result<Option<Response>, Refusal> {
    if exchange.method != Method::GET {
        return Ok(None);
    }
    let Some(url) = blob.signed_url().await? else { return Ok(None) };
    let has_credentials = exchange.headers.contains_key(header::AUTHORIZATION);
    if has_credentials && gets_header(exchange.host.as_deref(), &url) {
        return Ok(None);
    }
    // A URL that cannot be in a header is a fault of the store; the node can send the bytes.
    let Ok(location) = HeaderValue::from_str(&url) else { return Ok(None) };
    let mut response = answer(StatusCode::TEMPORARY_REDIRECT, ResponseBody::empty());
    response.headers_mut().insert(header::LOCATION, location);
    Ok(Some(response))
}

/// Whether clients may send the header for the host of their request also to the host of the URL.
fn gets_header(host: Option<&str>, url: &str) -> bool {
    let (Some(host), Ok(url)) = (host, url.parse::<Uri>()) else { return true };
    let (host, there) = (without_port(host).to_ascii_lowercase(), url.host().unwrap_or_default());
    let there = there.to_ascii_lowercase();
    there == host || there.strip_suffix(&host).is_some_and(|labels| labels.ends_with('.'))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_host_and_the_hosts_below_get_the_header() {
        for (host, url, expected) in [
            ("registry.test", "https://registry.test:9000/x?y", true),
            ("registry.test:5100", "https://s3.Registry.test/x", true),
            ("Registry.test:5100", "https://registry.test/x", true),
            ("127.0.0.1:5100", "http://127.0.0.1:9000/x", true),
            ("[::1]:5100", "http://[::1]:9000/x", true),
            ("registry.test", "https://s3.test/x", false),
            ("registry.test", "https://otherregistry.test/x", false),
            ("s3.registry.test", "https://registry.test/x", false),
            ("localhost:5100", "http://127.0.0.1:9000/x", false),
        ] {
            assert_eq!(gets_header(Some(host), url), expected, "{host} {url}");
        }
        assert!(gets_header(None, "https://s3.test/x"), "an unknown host");
    }
}
