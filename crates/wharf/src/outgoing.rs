//! What the server may call for its accounts: the public Internet, and what the operator names.

use std::net::IpAddr;

use registry::settings::{Cidr, Dialler};

use crate::config;

/// A dialler that also calls these networks.
pub(crate) fn dialler(networks: Vec<Cidr>) -> Dialler {
    Dialler::new(move |address| networks.iter().any(|network| network.contains(address)))
}

/// The dialler of `wharf dev`, which also calls this machine.
pub(crate) fn of_dev(variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<Dialler> {
    let networks = config::allow_networks_of_environment(variables)?;
    Ok(Dialler::new(move |address: IpAddr| {
        address.is_loopback() || networks.iter().any(|network| network.contains(address))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_networks_for_wharf_dev() {
        let named = |value: &str| {
            let variable = ("WHARF__OUTBOUND__ALLOW_NETWORKS".to_owned(), value.to_owned());
            let other = ("WHARF__SERVER__LISTEN".to_owned(), "x".to_owned());
            config::allow_networks_of_environment([variable, other].into_iter())
        };
        let networks = named("[\"10.0.0.0/8\"]").unwrap();
        assert!(networks[0].contains("10.1.2.3".parse().unwrap()));
        let complaint = format!("{:#}", named("[\"ten\"]").unwrap_err());
        assert!(complaint.contains("outbound.allow_networks[0]"), "{complaint}");
        assert!(of_dev(std::iter::empty()).is_ok());
    }
}
