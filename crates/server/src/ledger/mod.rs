//! One bounded account of the memory that is held for clients: bodies as they arrive, what is made of them, answers,
//! and parts of blobs until the kernel has them. Everything is charged here before it is held.
//!
//! Each client address has a share for what nobody has proven yet, each principal a larger one, within its account.
//! What names an access key that exists, and is proven only once its body is in, has a share of the address and the
//! key's owner: who knows one key's id takes nothing from the owners of others. A quarter of every share is kept
//! for small charges, so that large ones never stand in their way. What does not fit waits a short time without a
//! queue (a small charge passes a large one that waits) and is then refused.

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

/// A charge that is no larger may use the quarter of a share that larger ones may not.
const SMALL_BYTES: u64 = 64 * 1024;
/// How long a charge that does not fit waits for room.
const PATIENCE: Duration = Duration::from_secs(4);

/// There is no room for a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory budget has no room for this request")]
pub(crate) struct Full;

/// Whose a share is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// A client address of which nothing is proven; the first half of an address of IPv6.
    Address(IpAddr),
    /// What is sent from an address in the name of a principal, of which a key's id is known and nothing proven.
    Claim(IpAddr, String),
    /// A principal, by its unique id.
    Principal(String),
    /// All principals of an account.
    Account(AccountId),
}

/// What metrics tell of the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) held: Gauge,
    pub(crate) refused: Counter,
}

#[derive(Debug)]
struct Book {
    total: Level,
    /// All addresses together, so that many of them cannot take what principals need.
    strangers: Level,
    /// All that only claims to come from a principal, likewise.
    claims: Level,
    /// The wide windows of HTTP/2, beside the total.
    windows: Level,
    shares: Shares,
    readings: Readings,
    figures: Figures,
}

/// The account of the whole server.
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

    /// The share of what is sent from an address in the name of a principal.
    pub(crate) fn claim(&self, address: IpAddr, unique_id: &str) -> Arc<Share> {
        let claim = Holder::Claim(network(address), unique_id.to_owned());
        self.0.share(claim, self.0.total.most() / 16 * 3, None)
    }

    /// The share of a principal, which has proven who it is.
    pub(crate) fn principal(&self, account: &AccountId, unique_id: &str) -> Arc<Share> {
        let (most, principal) = (self.0.total.most(), Holder::Principal(unique_id.to_owned()));
        if let Some(share) = self.0.shares.find(&principal) {
            return share;
        }
        let account = self.0.share(Holder::Account(account.clone()), most / 2, None);
        self.0.share(principal, most / 8 * 3, Some(account))
    }

    /// The largest body that a client can send before it has proven who it is.
    pub(crate) fn largest_unproven(&self) -> usize {
        usize::try_from(self.0.total.most() / 16 * 3 / 4 * 3).unwrap_or(usize::MAX)
    }

    /// Bytes that are held now.
    #[cfg(test)]
    fn held(&self) -> u64 {
        self.0.total.used()
    }
}

/// One client of IPv6 has at least a /64 to itself (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
