//! Where a request goes after a redirect, and to whom a URL belongs.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

use crate::error::UpstreamError;
use crate::rules::Rules;

/// Scheme, host and port of a URL: what has the right to the same credentials (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    is_plain: bool,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Origin {
    /// None: not a URL with http or https and a host, or one with a user in it.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let is_plain = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => false,
            Some(scheme) if *scheme == Scheme::HTTP => true,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().to_ascii_lowercase();
        let usual = if is_plain { 80 } else { 443 };
        let port = authority.port_u16().filter(|port| *port != usual);
        (!host.is_empty()).then_some(Self { is_plain, host, port })
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The rule about plain HTTP, for each URL that is called.
    pub(crate) fn check(&self, rules: &Rules) -> Result<(), UpstreamError> {
        let port = self.port.or(self.is_plain.then_some(80));
        if self.is_plain && !rules.is_insecure(&self.host, port) {
            let setting = rules.names.insecure_hosts;
            let message = format!("{self} is not called by plain HTTP; {setting} could name it");
            return Err(UpstreamError::Forbidden(message));
        }
        Ok(())
    }
}

impl fmt::Display for Origin {
    /// The host, with its port if that is not the usual one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// The URL of a `Location` header, which can be relative (RFC 9110 §10.2.2).
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with("http://") || location.starts_with("https://") {
        return location.parse().ok();
    }
    let scheme = base.scheme_str()?;
    if location.starts_with("//") {
        return format!("{scheme}:{location}").parse().ok();
    }
    let path = location.strip_prefix('/')?;
    format!("{scheme}://{}/{path}", base.authority()?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let of = |text: &str| Origin::of(&text.parse().unwrap());
        assert_eq!(of("https://A.example/x"), of("https://a.example:443/y"));
        for other in
            ["http://a.example/", "https://a.example:444/", "https://b.example/", "https://xa.example/"]
        {
            assert_ne!(of("https://a.example/"), of(other), "{other}");
        }
        assert_eq!(of("https://user@a.example/"), None);
        assert_eq!(of("ftp://a.example/"), None);
        assert_eq!(of("/path"), None);
    }

    #[test]
    fn a_relative_location_stays_at_the_host() {
        let base: Uri = "https://a.example:5000/v2/x/blobs/y".parse().unwrap();
        let at = |location: &str| resolve(&base, location).map(|uri| uri.to_string());
        assert_eq!(at("/z?q=1").as_deref(), Some("https://a.example:5000/z?q=1"));
        assert_eq!(at("//b.example/z").as_deref(), Some("https://b.example/z"));
        assert_eq!(at("http://127.0.0.1/z").as_deref(), Some("http://127.0.0.1/z"));
        assert_eq!(at("z"), None);
        assert_eq!(at("file:///etc/passwd"), None);
    }
}
