//! Client address and scheme behind proxies. The hops of `X-Forwarded-For` are believed from the right, as long as the
//! hop that wrote them is trusted: aws:SourceIp and aws:SecureTransport decide permissions.

use std::net::IpAddr;

use access::settings::Cidr;
use http::HeaderMap;
use http::header::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The origin of a request, after proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
}

/// The origin of a request from a peer: the right-most hop that is not trusted (if all are trusted, the right-most
/// one), and the scheme that the nearest trusted proxy reports.
pub(crate) fn origin(peer: IpAddr, tls: bool, headers: &HeaderMap, trusted: &[Cidr]) -> Origin {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|block| block.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return Origin { address: peer, tls };
    }
    // Fused: hops to the left of one that cannot be parsed are not believed.
    let mut read = hops(headers).map_while(|hop| hop).fuse();
    // If every hop is trusted, the right-most hop counts: the nearest proxy wrote it from its own connection. The hops
    // to the left of it can come from a client in a trusted network, which could then claim any address. (Some proxies
    // use the left-most hop, which that client chooses.)
    let nearest = read.next().unwrap_or(peer);
    let address =
        if is_trusted(nearest) { read.find(|hop| !is_trusted(*hop)).unwrap_or(nearest) } else { nearest };
    let tls = match headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok())
    {
        Some(value) => value.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("https")),
        None => tls,
    };
    Origin { address, tls }
}

/// The hops of `X-Forwarded-For` from the right; None for a hop that cannot be parsed.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> + '_ {
    headers
        .get_all(FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.to_str().unwrap_or("?").rsplit(','))
        .map(hop)
}

/// An address with or without a port, IPv6 with or without brackets.
fn hop(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn seen(peer: &str, forwarded: &[&str], proto: Option<&str>, trusted: &[&str]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        if let Some(proto) = proto {
            headers.append(FORWARDED_PROTO, proto.parse().unwrap());
        }
        let origin = origin(peer.parse().unwrap(), false, &headers, &blocks(trusted));
        (origin.address.to_string(), origin.tls)
    }

    #[test]
    fn headers_from_an_untrusted_peer_are_ignored() {
        assert_eq!(
            seen("203.0.113.9", &["1.1.1.1"], Some("https"), &["10.0.0.0/8"]),
            ("203.0.113.9".into(), false)
        );
        assert_eq!(seen("10.0.0.1", &["1.1.1.1"], Some("https"), &[]), ("10.0.0.1".into(), false));
    }

    #[test]
    fn the_client_is_the_right_most_untrusted_hop() {
        let trusted = ["10.0.0.0/8"];
        for (forwarded, client) in [
            (vec!["203.0.113.9"], "203.0.113.9"),
            (vec!["6.6.6.6, 203.0.113.9, 10.2.0.1"], "203.0.113.9"),
            (vec!["6.6.6.6", "203.0.113.9", "10.2.0.1"], "203.0.113.9"),
            (vec!["10.3.0.1, 10.2.0.1"], "10.2.0.1"),
            (vec!["10.66.66.66, 10.3.0.1", "10.2.0.1"], "10.2.0.1"),
            (vec!["6.6.6.6, nonsense, 10.2.0.1"], "10.2.0.1"),
            (vec!["6.6.6.6, nonsense"], "10.0.0.1"),
            (vec!["203.0.113.9:4711"], "203.0.113.9"),
            (vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            (vec!["[2001:db8::1]"], "2001:db8::1"),
            (vec![], "10.0.0.1"),
        ] {
            assert_eq!(seen("10.0.0.1", &forwarded, None, &trusted).0, client, "{forwarded:?}");
        }
    }

    #[test]
    fn the_nearest_proxy_decides_the_scheme() {
        for (proto, tls) in
            [("https", true), ("HTTPS", true), ("http", false), ("https, http", false), ("http,https", true)]
        {
            assert_eq!(seen("10.0.0.1", &["1.1.1.1"], Some(proto), &["10.0.0.0/8"]).1, tls, "{proto}");
        }
    }
}
