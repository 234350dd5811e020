//! Address ranges of the IpAddress operators.

use std::net::IpAddr;

/// A network and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Reads `203.0.113.0/24`, or an address alone, which stands for itself only.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let bits = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= bits).then_some(Self { network, prefix })
    }

    /// Whether the address lies in the range. An IPv4 address that came over an IPv6 socket counts as IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let unused = 32 - u32::from(self.prefix);
                (network.to_bits() ^ address.to_bits()).checked_shr(unused).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let unused = 128 - u32::from(self.prefix);
                (network.to_bits() ^ address.to_bits()).checked_shr(unused).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}
