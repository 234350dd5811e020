//! Authentication on the data plane: Basic with the user AWS and a token of GetAuthorizationToken as password.

use std::sync::Arc;

use access::context::Caller;
use access::token::TokenError;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{StatusCode, header};
use oci::error::ErrorCode;

use crate::error::Refusal;
use crate::exchange::Exchange;
use crate::serve::App;

/// What a request has in its Authorization header.
pub(super) enum Presented {
    /// Nothing, or an empty user and password, which some clients send instead.
    Nothing,
    /// The Basic scheme: user and password.
    Password(String, String),
    /// The Bearer scheme.
    Token(String),
    /// Something else.
    Unknown,
}

/// Reads the Authorization header.
pub(super) fn presented(exchange: &Exchange) -> Presented {
    let Some(header) = exchange.header(&header::AUTHORIZATION) else { return Presented::Nothing };
    if let Some(token) = of_scheme("bearer", header) {
        return Presented::Token(token.to_owned());
    }
    match basic(header).and_then(decoded) {
        Some((user, password)) if user.is_empty() && password.is_empty() => Presented::Nothing,
        Some((user, password)) => Presented::Password(user, password),
        None => Presented::Unknown,
    }
}

/// Some clients pad, some do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The caller, or an error.
pub(super) async fn authenticate(app: &App, exchange: &Exchange) -> Result<Arc<Caller>, Refusal> {
    let Some(credentials) = exchange.header(&header::AUTHORIZATION).and_then(basic) else {
        return Err(Refusal::bare(StatusCode::UNAUTHORIZED, "Not Authorized"));
    };
    let Some((user, password)) = decoded(credentials) else {
        return Err(refused(TokenError::Invalid));
    };
    app.access.authenticate_password(&user, &password, exchange.now).await.map_err(refused)
}

/// User and password of the Basic scheme.
fn decoded(credentials: &str) -> Option<(String, String)> {
    let text = BASE64.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
    let (user, password) = text.split_once(':')?;
    // A password from a file or a secret often has the file's final newline. No token contains white space.
    Some((user.to_owned(), password.trim_ascii().to_owned()))
}

/// COMPAT(ecr): AWS answers 400 and 403; clients then neither log in again nor report that the password is wrong.
pub(super) fn refused(error: TokenError) -> Refusal {
    let (status, code) = match error {
        TokenError::Invalid | TokenError::Expired => (StatusCode::UNAUTHORIZED, ErrorCode::Denied),
        TokenError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable),
    };
    Refusal::new(status, code, error.to_string())
}

/// The credentials of the Basic scheme, whose name ignores case (RFC 9110 §11.1).
fn basic(header: &str) -> Option<&str> {
    of_scheme("basic", header)
}

fn of_scheme<'a>(name: &str, header: &'a str) -> Option<&'a str> {
    let (scheme, credentials) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then_some(credentials.trim())
}

/// The error, with the header that asks clients to log in if this would help.
pub(super) fn challenged(app: &App, exchange: &Exchange, refusal: Refusal) -> Refusal {
    if refusal.status != StatusCode::UNAUTHORIZED {
        return refusal;
    }
    let scheme = if exchange.peer.tls { "https" } else { "http" };
    let address = &app.access.settings.address;
    let host = match exchange.host.as_deref().filter(|host| is_host(host)) {
        Some(host) => host.to_owned(),
        None => address.host.clone(),
    };
    let header = if super::public::is_asked(app, exchange) {
        // As public.ecr.aws does, whatever the request is for.
        format!("Bearer realm=\"{scheme}://{host}{}\",service=\"{host}\",scope=\"aws\"", super::token::PATH)
    } else {
        format!("Basic realm=\"{scheme}://{host}/\",service=\"ecr.amazonaws.com\"")
    };
    refusal.with(header::WWW_AUTHENTICATE, &header)
}

/// Whether a Host header can be part of a quoted string.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_basic_scheme_has_credentials() {
        assert_eq!(basic("Basic QQ=="), Some("QQ=="));
        assert_eq!(basic("basic  QQ== "), Some("QQ=="));
        for other in ["Bearer abc", "Basic", "", "QQ=="] {
            assert_eq!(basic(other), None, "{other}");
        }
    }

    #[test]
    fn a_host_header_cannot_end_the_realm() {
        for good in ["localhost:5100", "[::1]:5100", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "a\"b", "a b", "a\\b", "a,b"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
