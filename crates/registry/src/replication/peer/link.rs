//! The way to a peer: its client, its pace, what is being sent, and how long it rests after the peer was not reached.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use access::Access;
use access::settings::{Peer, PeerTarget};
use access::store::ReplicationDestinationRow;
use oci::digest::Digest;
use tokio::sync::{Semaphore, SemaphorePermit};
use upstream::PeerClient;

use super::AT_ONCE;
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
    line: Arc<Line>,
    sending: Mutex<HashMap<(i64, Digest), Weak<Turn>>>,
    /// The queue that was served last.
    served: Mutex<Option<Queue>>,
}

/// What all databases of the node share: the peer, and the room for what is sent to it.
struct Line {
    pace: Pace,
    parts: Semaphore,
    client: OnceLock<Result<PeerClient, String>>,
    sent: AtomicU64,
    /// How often it was not reached since it was, and until when it rests.
    rest: Mutex<(u32, Option<Instant>)>,
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

    /// The ways for the registries in another database of this node.
    pub(crate) fn beside(&self) -> Self {
        Self(self.0.iter().map(|link| Arc::new(link.beside())).collect())
    }

    pub(super) fn at(&self, position: usize) -> Option<&Arc<Link>> {
        self.0.get(position)
    }
}

impl Link {
    fn new(peer: Arc<Peer>) -> Self {
        let line = Line {
            pace: Pace::new(peer.target.as_ref().and_then(|target| target.bandwidth)),
            parts: Semaphore::new(AT_ONCE),
            client: OnceLock::new(),
            sent: AtomicU64::new(0),
            rest: Mutex::default(),
        };
        Self { peer, line: Arc::new(line), sending: Mutex::default(), served: Mutex::default() }
    }

    fn beside(&self) -> Self {
        let (peer, line) = (Arc::clone(&self.peer), Arc::clone(&self.line));
        Self { peer, line, sending: Mutex::default(), served: Mutex::default() }
    }

    /// The pace of what is sent.
    pub(super) fn pace(&self) -> &Pace {
        &self.line.pace
    }

    /// The room for one part of a layer, which is held in memory.
    pub(super) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.line.parts.acquire().await.ok()
    }

    /// The client. It is made at the first use: it reads the certificate authorities of the system.
    pub(super) fn client(&self) -> Result<&PeerClient, String> {
        let make = || {
            let none = || "the settings have no URL for the peer".to_owned();
            let PeerTarget { url, ca, dialler, .. } = self.peer.target.as_ref().ok_or_else(none)?;
            PeerClient::new(dialler, url, ca.as_deref()).map_err(|error| error.to_string())
        };
        self.line.client.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    pub(super) fn count_sent(&self, bytes: u64) {
        self.line.sent.fetch_add(bytes, Ordering::Relaxed);
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
        let until = self.line.rest.lock().unwrap_or_else(PoisonError::into_inner).1;
        until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn was_reached(&self) {
        *self.line.rest.lock().unwrap_or_else(PoisonError::into_inner) = (0, None);
    }

    pub(super) fn was_not_reached(&self, why: &str) {
        let mut rest = self.line.rest.lock().unwrap_or_else(PoisonError::into_inner);
        // Another database has noticed the same.
        if rest.1.is_some_and(|until| Instant::now() < until) {
            return;
        }
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
            sent: link.line.sent.load(Ordering::Relaxed),
        };
        targets.map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use access::peer::PeerKey;

    use super::*;

    #[tokio::test]
    async fn databases_share_the_room_and_the_rest_of_a_peer() {
        let public_key = PeerKey::from_seed(&[7; 32]).unwrap().public();
        let peer = Peer { name: "b".to_owned(), public_key, target: None, accounts: BTreeMap::new() };
        let here = Link::new(Arc::new(peer));
        let there = here.beside();
        let mut rooms = Vec::new();
        for link in [&here, &there].into_iter().cycle().take(AT_ONCE) {
            rooms.push(link.room().await);
        }
        assert!(futures::poll!(Box::pin(there.room())).is_pending(), "each database has room of its own");
        drop(rooms);
        here.was_not_reached("refused");
        assert!(there.rests());
        there.was_not_reached("refused");
        assert_eq!(here.line.rest.lock().unwrap().0, 1, "it was one failure");
        there.was_reached();
        assert!(!here.rests());
        here.count_sent(3);
        assert_eq!(there.line.sent.load(Ordering::Relaxed), 3);
    }
}
