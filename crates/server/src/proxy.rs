//! Client address and scheme behind proxies. `X-Forwarded-For` is believed hop by hop from the right, as long
//! as the hop that wrote it is trusted: aws:SourceIp and aws:SecureTransport decide permissions.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;
use http::header::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash is not an IPv4 or IPv6 address.
    #[error("not an IP address or CIDR block")]
    Address,
    /// The part after the slash is not a number the address has bits for.
    #[error("the prefix length does not fit the address")]
    Prefix,
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| CidrError::Prefix)?,
            None => bits,
        };
        if prefix > bits { Err(CidrError::Prefix) } else { Ok(Self { network, prefix }) }
    }
}

impl Cidr {
    /// Whether the address lies in the block. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (u32::from(network) ^ u32::from(address)) & mask == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (u128::from(network) ^ u128::from(address)) & mask == 0
            }
            _ => false,
        }
    }
}

/// Where a request comes from, once proxies have been taken into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
}

/// The origin of a request from a peer: the right-most hop that is not trusted, and the scheme that the
/// nearest trusted proxy states.
pub(crate) fn origin(peer: IpAddr, tls: bool, headers: &HeaderMap, trusted: &[Cidr]) -> Origin {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|block| block.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return Origin { address: peer, tls };
    }
    let mut address = peer;
    for hop in hops(headers) {
        let Some(hop) = hop else { break };
        address = hop;
        if !is_trusted(hop) {
            break;
        }
    }
    let tls = match headers.get_all(FORWARDED_PROTO).iter().next_back().and_then(|value| value.to_str().ok())
    {
        Some(value) => value.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("https")),
        None => tls,
    };
    Origin { address, tls }
}

/// The hops of `X-Forwarded-For` from the right; None where one cannot be read.
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
    fn blocks_hold_their_addresses_and_no_others() {
        for (block, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("10.0.0.0/8", "::ffff:10.0.0.1", "::10.0.0.1"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::/0", "fe00::1", "1.2.3.4"),
        ] {
            let block: Cidr = block.parse().unwrap();
            assert!(block.contains(inside.parse().unwrap()), "{inside}");
            assert!(!block.contains(outside.parse().unwrap()), "{outside}");
        }
        for (text, error) in [
            ("", CidrError::Address),
            ("10.0.0", CidrError::Address),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/x", CidrError::Prefix),
            ("::/129", CidrError::Prefix),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }

    #[test]
    fn headers_of_a_stranger_are_not_believed() {
        assert_eq!(
            seen("203.0.113.9", &["1.1.1.1"], Some("https"), &["10.0.0.0/8"]),
            ("203.0.113.9".into(), false)
        );
        assert_eq!(seen("10.0.0.1", &["1.1.1.1"], Some("https"), &[]), ("10.0.0.1".into(), false));
    }

    #[test]
    fn the_client_is_the_right_most_hop_that_is_not_trusted() {
        let trusted = ["10.0.0.0/8"];
        for (forwarded, client) in [
            (vec!["203.0.113.9"], "203.0.113.9"),
            (vec!["6.6.6.6, 203.0.113.9, 10.2.0.1"], "203.0.113.9"),
            (vec!["6.6.6.6", "203.0.113.9", "10.2.0.1"], "203.0.113.9"),
            (vec!["10.3.0.1, 10.2.0.1"], "10.3.0.1"),
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
    fn the_scheme_is_what_the_nearest_proxy_states() {
        for (proto, tls) in
            [("https", true), ("HTTPS", true), ("http", false), ("https, http", false), ("http,https", true)]
        {
            assert_eq!(seen("10.0.0.1", &["1.1.1.1"], Some(proto), &["10.0.0.0/8"]).1, tls, "{proto}");
        }
    }
}
