//! One bounded account of the memory that is held for clients: bodies as they arrive, what is made of them, answers,
//! and parts of blobs until the kernel has them. Everything is charged here before it is held.
//!
//! Each client address has a share for what nobody has proven yet, each principal a larger one. A quarter of every
//! share is kept for small charges, so that large ones never stand in their way. What does not fit waits a short time
//! without a queue (a small charge passes a large one that waits) and is then refused.

mod reading;
mod share;
mod tab;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

pub(crate) use reading::Reading;
pub(crate) use share::{Charge, Share};
pub(crate) use tab::{Tab, busy};

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
    /// A principal, by its unique id.
    Principal(String),
}

/// A bound and how much of it is in use.
#[derive(Debug)]
struct Level {
    used: AtomicU64,
    most: u64,
}

impl Level {
    fn new(most: u64) -> Self {
        Self { used: AtomicU64::new(0), most }
    }

    /// The most that a charge may fill which is, or becomes, of this size.
    fn most_for(&self, size: u64) -> u64 {
        if size <= SMALL_BYTES { self.most } else { self.most / 4 * 3 }
    }

    fn add(&self, bytes: u64, size: u64) -> bool {
        let most = self.most_for(size);
        let add = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    fn subtract(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
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
            shares: Shares::default(),
            readings: Readings::default(),
            figures,
        }))
    }

    /// The share of a client address.
    pub(crate) fn address(&self, address: IpAddr) -> Arc<Share> {
        self.0.share(Holder::Address(network(address)), self.0.total.most / 16 * 3)
    }

    /// The share of a principal, which has proven who it is.
    pub(crate) fn principal(&self, unique_id: &str) -> Arc<Share> {
        self.0.share(Holder::Principal(unique_id.to_owned()), self.0.total.most / 8 * 3)
    }

    /// The largest body that a client can send before it has proven who it is.
    pub(crate) fn largest_unproven(&self) -> usize {
        usize::try_from(self.0.total.most / 16 * 3 / 4 * 3).unwrap_or(usize::MAX)
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
