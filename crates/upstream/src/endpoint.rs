//! Where a registry is: its host and port.

use std::fmt;

use crate::rules::Rules;

/// The maximum length of a host name with a port.
const MAX_LEN: usize = 260;

/// The address of a registry: `registry.example.org` or `registry.example.org:5000`. It is called by HTTPS, unless the
/// operator lists the host as an insecure one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: Option<u16>,
    is_plain: bool,
}

/// The text is not the address of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an upstream registry is given by its host name or IPv4 address, with a port if it is not 443, and without a path"
)]
pub struct InvalidEndpoint;

impl Endpoint {
    /// Reads an address. `https://` before it changes nothing.
    pub fn parse(text: &str, rules: &Rules) -> Result<Self, InvalidEndpoint> {
        let text = text.strip_prefix("https://").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.len() > MAX_LEN {
            return Err(InvalidEndpoint);
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(read_port(port).ok_or(InvalidEndpoint)?)),
            None => (text, None),
        };
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return Err(InvalidEndpoint);
        }
        let is_plain = rules.is_insecure(&host, port);
        Ok(Self { host, port, is_plain })
    }

    /// The host without the port, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, if it was given.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The start of every URL.
    pub(crate) fn base(&self) -> String {
        format!("{}://{self}", if self.is_plain { "http" } else { "https" })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn read_port(text: &str) -> Option<u16> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_digits && *port != 0)
}

/// A host name (RFC 1123) or an IPv4 address.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    !text.is_empty() && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            insecure_hosts: vec!["localhost".to_owned(), "plain.example:5000".to_owned()],
            ..Rules::default()
        }
    }

    #[test]
    fn an_address_is_a_host_with_or_without_a_port() {
        for (text, base) in [
            ("public.ecr.aws", "https://public.ecr.aws"),
            ("Registry.Example:5000", "https://registry.example:5000"),
            ("https://quay.io/", "https://quay.io"),
            ("localhost:5000", "http://localhost:5000"),
            ("localhost", "http://localhost"),
            ("plain.example:5000", "http://plain.example:5000"),
            ("plain.example", "https://plain.example"),
            ("192.0.2.1:443", "https://192.0.2.1:443"),
        ] {
            assert_eq!(Endpoint::parse(text, &rules()).unwrap().base(), base, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_an_address() {
        for text in [
            "",
            "http://localhost",
            "a/b",
            "user@host",
            "host:0",
            "host:99999",
            "host:+80",
            "host:",
            "-a.example",
            "a..b",
            "[::1]:80",
            "host:80:80",
            "host?x",
            "host#x",
            "ho st",
        ] {
            assert_eq!(Endpoint::parse(text, &rules()), Err(InvalidEndpoint), "{text}");
        }
    }
}
