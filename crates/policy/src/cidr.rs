//! Networks in CIDR notation: for the IpAddress operators, and for other decisions that depend on the client address.

use std::net::IpAddr;
use std::str::FromStr;

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// The part before the slash is not an IPv4 or IPv6 address.
    #[error("not an IP address or CIDR block")]
    Address,
    /// The part after the slash is not a valid prefix length.
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
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| CidrError::Prefix)?
            }
            Some(_) => return Err(CidrError::Prefix),
        };
        if prefix > bits { Err(CidrError::Prefix) } else { Ok(Self { network, prefix }) }
    }
}

impl Cidr {
    /// How many bits of an address the network leaves open: 8 for an IPv4 `/24`, none for one address.
    pub fn open_bits(&self) -> u8 {
        let bits: u8 = if self.network.is_ipv4() { 32 } else { 128 };
        bits.saturating_sub(self.prefix)
    }

    /// Whether the network contains the address. An IPv4 address of an IPv6 socket counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_only_their_addresses() {
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
        for (block, bits) in [("10.0.0.0/8", 24), ("10.0.0.1", 0), ("fd00::/120", 8)] {
            assert_eq!(block.parse::<Cidr>().unwrap().open_bits(), bits, "{block}");
        }
        for (text, error) in [
            ("", CidrError::Address),
            ("10.0.0", CidrError::Address),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/x", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            ("10.0.0.0/", CidrError::Prefix),
            ("::/129", CidrError::Prefix),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }
}
