//! Where the server may connect to for its accounts: the public Internet, and the networks that the operator allows.

use access::settings::{Cidr, Dialler};

/// A dialler that may also connect to these networks.
pub(crate) fn dialler(networks: Vec<Cidr>) -> Dialler {
    Dialler::new(move |address| networks.iter().any(|network| network.contains(address)))
}

/// The dialler of `wharf dev`, which may also connect to the loopback addresses of this machine.
pub(crate) fn of_dev(networks: Vec<Cidr>) -> Dialler {
    Dialler::new(move |address| {
        address.is_loopback() || networks.iter().any(|network| network.contains(address))
    })
}
