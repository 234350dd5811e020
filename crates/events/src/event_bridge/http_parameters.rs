//! What connections and API destinations may send: URLs and headers.

use access::error::Result;
use aws::event_bridge::ConnectionHttpParameters;
use http::Uri;

use super::validation;

/// Headers that EventBridge sets itself, or that belong to one connection (EventBridge User Guide, "API destinations as
/// targets").
const RESERVED: [&str; 41] = [
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "warning",
    "x-amz-date",
    "x-amz-security-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Whether requests to targets may have a header that a tenant chose.
pub(crate) fn is_allowed_header(name: &str) -> bool {
    !RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

/// A URL of an endpoint: HTTPS, with a host and without credentials. `*` stands for a value of the target.
pub(super) fn check_endpoint(member: &str, endpoint: &str) -> Result<()> {
    let invalid = || {
        validation(format!("{member} must be an HTTPS URL with a host, such as https://example.com/path."))
    };
    let uri: Uri = endpoint.replace('*', "x").parse().map_err(|_| invalid())?;
    let host = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let path_begins = endpoint.split('/').nth(2).unwrap_or_default();
    let is_valid = uri.scheme_str() == Some("https")
        && uri.host().is_some_and(|host| !host.is_empty())
        && !host.contains('@')
        // The host is the tenant's choice when the endpoint is written, not when an event is sent.
        && !path_begins.contains('*');
    if is_valid { Ok(()) } else { Err(invalid()) }
}

/// Whether the headers may be sent.
pub(super) fn check_parameters(parameters: Option<&ConnectionHttpParameters>) -> Result<()> {
    let headers = parameters.map(|parameters| parameters.header_parameters.as_slice()).unwrap_or_default();
    for name in headers.iter().filter_map(|header| header.key.as_deref()) {
        check_header(name)?;
    }
    Ok(())
}

pub(super) fn check_header(name: &str) -> Result<()> {
    let is_name = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    if is_name && is_allowed_header(name) {
        return Ok(());
    }
    Err(validation(format!("The header '{name}' cannot be set for an API destination.")))
}

/// The parameters as answers show them: without the values that are secret.
pub(super) fn shown(parameters: &ConnectionHttpParameters) -> ConnectionHttpParameters {
    let mut shown = parameters.clone();
    for header in shown.header_parameters.iter_mut().filter(|header| header.is_value_secret) {
        header.value = None;
    }
    for query in shown.query_string_parameters.iter_mut().filter(|query| query.is_value_secret) {
        query.value = None;
    }
    for body in shown.body_parameters.iter_mut().filter(|body| body.is_value_secret) {
        body.value = None;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_https_url_with_a_host() {
        for good in ["https://example.com", "https://example.com/a/*/b?c=d", "https://[2001:db8::1]:8443/x"] {
            assert!(check_endpoint("InvocationEndpoint", good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com",
            "https://",
            "example.com",
            "https://user@example.com/",
            "https://*.example.com/",
            "https:///x",
            "ftp://example.com",
        ] {
            assert!(check_endpoint("InvocationEndpoint", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_of_the_connection_are_reserved() {
        for bad in ["Host", "content-length", "Transfer-Encoding", "Connection", "a b"] {
            assert!(check_header(bad).is_err(), "{bad}");
        }
        assert!(check_header("x-api-key").is_ok() && check_header("Authorization").is_ok());
    }
}
