//! The host of a request. It decides whose registry the request means, so a request without a host, or with more than
//! one, is refused (RFC 9112 §3.2, RFC 9113 §8.3.1).

use http::{HeaderMap, Uri, Version, header};

/// The host of a request, or what is wrong with it.
pub(crate) fn named(
    version: Version,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<String>, &'static str> {
    let mut lines = headers.get_all(header::HOST).iter();
    let (first, more) = (lines.next(), lines.next());
    if more.is_some() {
        return Err("The request has more than one Host header.");
    }
    let Ok(line) = first.map(|line| line.to_str()).transpose() else {
        return Err("The Host header is not text.");
    };
    match (uri.authority(), line) {
        (Some(authority), Some(line))
            if version == Version::HTTP_2 && !authority.as_str().eq_ignore_ascii_case(line) =>
        {
            Err("The request's Host header differs from its :authority.")
        }
        (None, None) if version != Version::HTTP_10 => Err("The request has no Host header."),
        (Some(_), None) if version == Version::HTTP_11 => Err("The request has no Host header."),
        (Some(authority), _) => Ok(Some(authority.as_str().to_owned())),
        (None, line) => Ok(line.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        let (h1, h2) = (Version::HTTP_11, Version::HTTP_2);
        for (version, uri, hosts, named) in [
            (h1, "/", &["a.example"][..], Ok(Some("a.example"))),
            (h1, "/", &[], Err(())),
            (h1, "/", &["a.example", "a.example"], Err(())),
            (h1, "/", &["caf\u{e9}.example"], Err(())),
            // RFC 9112 §3.2.2: the absolute form has priority over the header, which must still exist.
            (h1, "http://b.example/", &["a.example"], Ok(Some("b.example"))),
            (h1, "http://b.example/", &[], Err(())),
            (Version::HTTP_10, "/", &[], Ok(None)),
            (h2, "https://b.example/", &[], Ok(Some("b.example"))),
            (h2, "https://b.example/", &["B.example"], Ok(Some("b.example"))),
            (h2, "https://b.example/", &["a.example"], Err(())),
            (h2, "/", &["a.example"], Ok(Some("a.example"))),
            (h2, "/", &[], Err(())),
        ] {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, http::HeaderValue::from_bytes(host.as_bytes()).unwrap());
            }
            let found = super::named(version, &uri.parse().unwrap(), &headers);
            assert_eq!(
                found.map_err(|_| ()),
                named.map(|host| host.map(str::to_owned)),
                "{version:?} {uri} {hosts:?}"
            );
        }
    }
}
