//! The way to a peer: its client, its pace, what is being sent, and how long it rests after the peer was not reached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use access::Access;
use access::settings::{Peer, PeerTarget};
use access::store::ReplicationDestinationRow;
use oci::digest::Digest;
use upstream::PeerClient;

use super::due::Queue;
use super::pace::Pace;
use crate::Registry;

/// The first rest after a peer was not reached, and the longest one.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Held while a layer is sent.
pub(super) type Turn = tokio::sync::Mutex<()>;

/// The ways to all peers, in the order of the settings.
pub(crate) struct Links(Vec<Arc<Link>>);

pub(super) struct Link {
    pub(super) peer: Arc<Peer>,
    pub(super) pace: Pace,
    client: OnceLock<Result<PeerClient, String>>,
    sent: AtomicU64,
    sending: Mutex<HashMap<(i64, Digest), Weak<Turn>>>,
    /// How often it was not reached since it was, and until when it rests.
    rest: Mutex<(u32, Option<Instant>)>,
    /// The queue that was served last.
    served: Mutex<Option<Queue>>,
}

/// What was sent to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTraffic {
    /// The name of the peer.
    pub peer: String,
    /// Bytes of layers that this process sent.
    pub sent: u64,
}

impl Links {
    pub(crate) fn new(access: &Access) -> Self {
        Self(access.settings.peers.list.iter().map(|peer| Arc::new(Link::new(Arc::clone(peer)))).collect())
    }

    pub(super) fn at(&self, position: usize) -> Option<&Arc<Link>> {
        self.0.get(position)
    }
}

impl Link {
    fn new(peer: Arc<Peer>) -> Self {
        Self {
            pace: Pace::new(peer.target.as_ref().and_then(|target| target.bandwidth)),
            peer,
            client: OnceLock::new(),
            sent: AtomicU64::new(0),
            sending: Mutex::default(),
            rest: Mutex::default(),
            served: Mutex::default(),
        }
    }

    /// The client. It is made at the first use: it reads the certificate authorities of the system.
    pub(super) fn client(&self) -> Result<&PeerClient, String> {
        let make = || {
            let none = || "the settings have no URL for the peer".to_owned();
            let PeerTarget { url, ca, dialler, .. } = self.peer.target.as_ref().ok_or_else(none)?;
            PeerClient::new(dialler, url, ca.as_deref()).map_err(|error| error.to_string())
        };
        self.client.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    pub(super) fn count_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The turn to send a layer to a destination: the next one that needs it finds it there.
    pub(super) fn turn(&self, destination: i64, digest: Digest) -> Arc<Turn> {
        let mut sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        sending.retain(|_, turn| turn.strong_count() > 0);
        let key = (destination, digest);
        if let Some(turn) = sending.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        sending.insert(key, Arc::downgrade(&turn));
        turn
    }

    pub(super) fn last_served(&self) -> Option<Queue> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn serves(&self, queue: Queue) {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue);
    }

    /// Whether the peer was not reached a short time ago.
    pub(super) fn rests(&self) -> bool {
        let until = self.rest.lock().unwrap_or_else(PoisonError::into_inner).1;
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn was_reached(&self) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = (0, None);
    }

    pub(super) fn was_not_reached(&self, why: &str) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let span = REST.saturating_mul(1 << rest.0.min(10)).min(LONGEST_REST);
        tracing::warn!(peer = self.peer.name, why, seconds = span.as_secs(), "a peer is tried again");
        *rest = (rest.0.saturating_add(1), Some(Instant::now() + span));
    }
}

impl Registry {
    /// The peer that has a destination, if it is not in this deployment.
    pub(crate) fn peer_of(&self, destination: &ReplicationDestinationRow) -> Option<usize> {
        self.access.settings.peers.serving(&destination.account_id, &destination.region)
    }

    /// What this process sent to each peer that it replicates to.
    pub fn peer_traffic(&self) -> Vec<PeerTraffic> {
        let targets = self.peers.0.iter().filter(|link| link.peer.target.is_some());
        let shown = |link: &Arc<Link>| PeerTraffic {
            peer: link.peer.name.clone(),
            sent: link.sent.load(Ordering::Relaxed),
        };
        targets.map(shown).collect()
    }
}
