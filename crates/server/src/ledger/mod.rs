//! The budget of the memory that is held for clients: bodies as they arrive, the values parsed from them, answers, and
//! parts of blobs until the kernel has them. Everything is charged here before it is held.
//!
//! Each client address has a share for requests that have not authenticated. Each principal has a larger share, within
//! its account's. A request that names an existing access key, and is authenticated only after its body has arrived,
//! has a share of the address together with the key's owner: a client that knows one key's ID takes nothing from the
//! owners of other keys. A quarter of every share is reserved for small charges, so large ones never block them. A
//! charge that does not fit waits for a short time without a queue (a small charge overtakes a waiting large one) and
//! is then refused.

mod level;
mod reading;
mod share;
mod tab;
#[cfg(test)]
mod tests;
mod window;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use aws::ids::AccountId;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

pub(crate) use reading::Reading;
pub(crate) use share::{Charge, Share};
pub(crate) use tab::{Tab, busy};
pub(crate) use window::Window;

use level::Level;
use reading::Readings;
use share::Shares;

/// A charge up to this size may use the reserved quarter of a share.
const SMALL_BYTES: u64 = 64 * 1024;
/// How long a charge that does not fit waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// There is no room for a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory budget has no room for this request")]
pub(crate) struct Full;

/// The owner of a share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// A client address that has not authenticated; for IPv6 its first half.
    Address(IpAddr),
    /// An address together with a principal whose access key ID the request names, before authentication.
    Claim(IpAddr, String),
    /// A principal, by unique ID.
    Principal(String),
    /// All principals of an account.
    Account(AccountId),
}

/// The metrics of the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) held: Gauge,
    pub(crate) refused: Counter,
}

#[derive(Debug)]
struct Book {
    total: Level,
    /// The limit of all addresses together, so they cannot take what principals need.
    strangers: Level,
    /// The limit of all requests that only name a principal, for the same reason.
    claims: Level,
    /// The wide windows of HTTP/2, in addition to the total.
    windows: Level,
    shares: Shares,
    readings: Readings,
    figures: Figures,
}

/// The ledger of the whole server.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<Book>);

impl Ledger {
    pub(crate) fn new(budget: u64, figures: Figures) -> Self {
        Self(Arc::new(Book {
            total: Level::new(budget),
            strangers: Level::new(budget / 4),
            claims: Level::new(budget / 4),
            windows: Level::new(budget / 8),
            shares: Shares::default(),
            readings: Readings::default(),
            figures,
        }))
    }

    /// The share of a client address.
    pub(crate) fn address(&self, address: IpAddr) -> Arc<Share> {
        self.0.share(Holder::Address(network(address)), self.0.total.most() / 16 * 3, None)
    }

    /// The share of an address together with a principal.
    pub(crate) fn claim(&self, address: IpAddr, unique_id: &str) -> Arc<Share> {
        let claim = Holder::Claim(network(address), unique_id.to_owned());
        self.0.share(claim, self.0.total.most() / 16 * 3, None)
    }

    /// The share of an authenticated principal.
    pub(crate) fn principal(&self, account: &AccountId, unique_id: &str) -> Arc<Share> {
        let (most, principal) = (self.0.total.most(), Holder::Principal(unique_id.to_owned()));
        if let Some(share) = self.0.shares.find(&principal) {
            return share;
        }
        let account = self.0.share(Holder::Account(account.clone()), most / 2, None);
        self.0.share(principal, most / 8 * 3, Some(account))
    }

    /// The largest body that a client can send before it is authenticated.
    pub(crate) fn largest_unproven(&self) -> usize {
        usize::try_from(self.0.total.most() / 16 * 3 / 4 * 3).unwrap_or(usize::MAX)
    }

    /// The bytes that are held now.
    #[cfg(test)]
    fn held(&self) -> u64 {
        self.0.total.used()
    }
}

/// An IPv6 client has at least a /64 of its own (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
