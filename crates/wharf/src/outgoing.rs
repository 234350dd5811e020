//! What the server may call for its accounts: the public Internet, and what the operator names.

use access::settings::{Cidr, Dialler};

/// A dialler that also calls these networks.
pub(crate) fn dialler(networks: Vec<Cidr>) -> Dialler {
    Dialler::new(move |address| networks.iter().any(|network| network.contains(address)))
}

/// The dialler of `wharf dev`, which also calls this machine's loopback.
pub(crate) fn of_dev(networks: Vec<Cidr>) -> Dialler {
    Dialler::new(move |address| {
        address.is_loopback() || networks.iter().any(|network| network.contains(address))
    })
}
