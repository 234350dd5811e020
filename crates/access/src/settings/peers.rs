//! The peers: other deployments of Wharf that replicate to this one, or that this one replicates to.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use outbound::Dialler;

use crate::peer::{PeerKey, PublicKey};

/// The peers of the deployment, and the key that proves to them who asks.
#[derive(Clone, Default)]
pub struct Peers {
    /// None: the deployment has no peers.
    pub key: Option<Arc<PeerKey>>,
    pub list: Vec<Arc<Peer>>,
}

/// Another deployment.
pub struct Peer {
    /// Its name in logs and metrics.
    pub name: String,
    /// The key that signs its requests.
    pub public_key: PublicKey,
    /// How it is called; None: it only replicates to this deployment.
    pub target: Option<PeerTarget>,
    /// The accounts of the peer that can replicate to this deployment, and the account here that each of them acts as.
    pub accounts: BTreeMap<AccountId, AccountId>,
}

/// Where a peer is, and what goes there.
pub struct PeerTarget {
    /// Its base URL, such as `https://registry.example.org`.
    pub url: String,
    /// The certificate authorities that certify it (PEM); None: those of the system.
    pub ca: Option<String>,
    /// The Regions that it serves; empty: all.
    pub regions: Vec<Region>,
    /// The accounts that it serves; empty: all.
    pub registry_ids: Vec<AccountId>,
    /// The maximum number of bytes of layers in one second.
    pub bandwidth: Option<NonZeroU64>,
    /// Connects to it.
    pub dialler: Dialler,
}

impl PeerTarget {
    fn serves(&self, account_id: &AccountId, region: &Region) -> bool {
        (self.regions.is_empty() || self.regions.contains(region))
            && (self.registry_ids.is_empty() || self.registry_ids.contains(account_id))
    }
}

impl Peers {
    /// The peer that has a destination of replication, with its position in the list. None: it is in this deployment.
    pub fn serving(&self, account_id: &AccountId, region: &Region) -> Option<usize> {
        let serves = |peer: &Arc<Peer>| peer.target.as_ref().is_some_and(|at| at.serves(account_id, region));
        self.list.iter().position(serves)
    }
}
