//! Which addresses belong to the public Internet, and which to the operator's network or to this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// IPv4 networks that are not public (IANA IPv4 Special-Purpose Address Registry, RFC 6890), multicast, and the
/// reserved range with the broadcast address.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Includes the metadata services of clouds at 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
    // Azure answers a machine's requests about itself at this address, which looks like a public one ("What is IP
    // address 168.63.129.16?").
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// Networks within 2000::/3 that are not public (IANA IPv6 Special-Purpose Address Registry): protocol assignments with
/// Teredo, documentation, and 6to4, which contains an IPv4 address.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is public.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|(block, prefix)| {
            (block.to_bits() ^ address.to_bits()).checked_shr(32 - prefix).unwrap_or(0) == 0
        }),
        IpAddr::V6(address) => {
            let lies_in = |block: Ipv6Addr, prefix: u32| {
                (block.to_bits() ^ address.to_bits()).checked_shr(128 - prefix).unwrap_or(0) == 0
            };
            lies_in(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !SPECIAL_V6.iter().any(|(block, prefix)| lies_in(*block, *prefix))
        }
    }
}

/// The address that packets really reach: IPv4 in IPv6 (`::ffff:…`), and IPv4 behind a network's NAT64 (`64:ff9b::/96`,
/// RFC 6052), which networks without IPv4 also need for the public Internet.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let bits = (u32::from(high) << 16) | u32::from(low);
                IpAddr::V4(Ipv4Addr::from_bits(bits))
            }
            _ => IpAddr::V6(address),
        },
        address @ IpAddr::V4(_) => address,
    }
}

/// Whether an address belongs to this machine. Nothing is sent: connecting a UDP socket only looks up the route, and to
/// its own address a machine sends from that same address. An address that is not the first of its interface is
/// recognised by binding a socket to it, unless the system allows sockets to bind any address.
pub(crate) fn is_own(address: IpAddr) -> bool {
    /// An unused address: TEST-NET-1 (RFC 5737).
    const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let goes_out_by = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(SocketAddr::new(address, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    let can_have = |address: IpAddr| UdpSocket::bind(SocketAddr::new(address, 0)).is_ok();
    goes_out_by().is_ok_and(|own| own == address) || (can_have(address) && !can_have(NOBODYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(text: &str) -> bool {
        is_public(meant(text.parse().unwrap()))
    }

    #[test]
    fn the_operators_network_is_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!may(text), "{text}");
        }
    }

    #[test]
    fn the_internet_is() {
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.167.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "168.63.129.17",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450::1",
        ] {
            assert!(may(text), "{text}");
        }
    }

    #[test]
    fn this_machine_recognises_its_addresses() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(is_own("127.1.2.3".parse().unwrap()), "each of the block");
        assert!(!is_own("192.0.2.9".parse().unwrap()));
    }
}
