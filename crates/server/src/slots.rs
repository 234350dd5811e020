//! Slots for a limited resource (connections, open files): who holds them, and which holder must release one when all
//! are taken. A holder that does nothing never keeps a new one out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One search finds this many idle holders, and keeps them in order for the next takers.
const IDLE_AT_ONCE: usize = 64;
/// And this many active holders, which must release their slot only if none is idle.
const BUSY_AT_ONCE: usize = 8;

/// For each this many slots, one more holder that was asked to release may still be ending.
const LEAVING_PART: usize = 32;

/// Milliseconds since the first call in this process.
pub(crate) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// One address: an IPv4 address, or the /64 of an IPv6 address, which one host can use alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Block(u128);

impl Block {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() & !u128::from(u64::MAX)),
        }
    }
}

/// Who holds a slot.
pub(crate) trait Holder {
    fn block(&self) -> Block;
    /// Whether it does nothing with its slot.
    fn is_idle(&self) -> bool;
    /// The time of its last progress, as in [`now`].
    fn quiet_since(&self) -> u64;
    /// Its slot now belongs to another holder.
    fn give_way(&self);
}

/// Which holders can be asked to release their slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Yielding {
    /// Only idle holders: without one, the taker is refused.
    Idle,
    /// If none is idle, a holder of the address with the most slots: the one without progress for the longest time.
    Anyone,
}

pub(crate) struct Slots<T> {
    most: usize,
    yielding: Yielding,
    held: Mutex<Held<T>>,
    /// One for each slot, and some more for holders that were asked to release and have not ended yet.
    places: Arc<Semaphore>,
}

struct Held<T> {
    next: u64,
    holders: HashMap<u64, Arc<T>>,
    blocks: HashMap<Block, usize>,
    /// The next holders to release their slot, from the last search.
    candidates: VecDeque<Candidate>,
}

struct Candidate {
    id: u64,
    is_idle: bool,
    quiet_since: u64,
}

/// One slot. It is released when dropped.
pub(crate) struct Slot<T: Holder> {
    id: u64,
    slots: Arc<Slots<T>>,
}

impl<T: Holder> Slots<T> {
    pub(crate) fn new(most: usize, yielding: Yielding) -> Arc<Self> {
        let (holders, blocks, candidates) = (HashMap::new(), HashMap::new(), VecDeque::new());
        let held = Mutex::new(Held { next: 0, holders, blocks, candidates });
        let places = Arc::new(Semaphore::new(most.max(1) + most / LEAVING_PART + 1));
        Arc::new(Self { most: most.max(1), yielding, held, places })
    }

    /// A place that a taker holds until it has ended: ready when few enough released holders are still ending. Without
    /// this a busy server would use more than it has slots for.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Takes a slot immediately. If none is free, another holder must release one; None if no holder can be asked.
    pub(crate) fn take(self: &Arc<Self>, holder: Arc<T>) -> Option<Slot<T>> {
        let mut held = self.lock();
        let mut leaving = None;
        if held.holders.len() >= self.most {
            let id = held.who_yields(self.yielding)?;
            leaving = held.remove(id);
        }
        let id = held.next;
        held.next += 1;
        *held.blocks.entry(holder.block()).or_default() += 1;
        held.holders.insert(id, holder);
        drop(held);
        if let Some(leaving) = leaving {
            leaving.give_way();
        }
        Some(Slot { id, slots: Arc::clone(self) })
    }

    fn lock(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Holder> Held<T> {
    fn remove(&mut self, id: u64) -> Option<Arc<T>> {
        let holder = self.holders.remove(&id)?;
        let block = holder.block();
        if let Some(count) = self.blocks.get_mut(&block) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.blocks.remove(&block);
            }
        }
        Some(holder)
    }

    fn who_yields(&mut self, yielding: Yielding) -> Option<u64> {
        if let Some(id) = self.next_candidate() {
            return Some(id);
        }
        self.look(yielding);
        match self.next_candidate() {
            None if yielding == Yielding::Anyone => self.holders.keys().next().copied(),
            found => found,
        }
    }

    /// The next candidate whose state is unchanged. No other holder can have come before it: a holder that became idle
    /// later has been idle for less time.
    fn next_candidate(&mut self) -> Option<u64> {
        while let Some(candidate) = self.candidates.pop_front() {
            let same = self.holders.get(&candidate.id).is_some_and(|holder| {
                holder.quiet_since() == candidate.quiet_since && holder.is_idle() == candidate.is_idle
            });
            if same {
                return Some(candidate.id);
            }
        }
        None
    }

    fn look(&mut self, yielding: Yielding) {
        let all = self.holders.iter().map(|(id, holder)| {
            let (is_idle, quiet_since) = (holder.is_idle(), holder.quiet_since());
            (holder.block(), Candidate { id: *id, is_idle, quiet_since })
        });
        let (idle, busy): (Vec<_>, Vec<_>) = all.partition(|(_, candidate)| candidate.is_idle);
        let (mut found, most) = if !idle.is_empty() || yielding == Yielding::Idle {
            (idle, IDLE_AT_ONCE)
        } else {
            let (largest, lead) = self.largest_block();
            let of_largest = busy.into_iter().filter(|(block, _)| Some(*block) == largest);
            (of_largest.collect(), lead.clamp(1, BUSY_AT_ONCE))
        };
        found.sort_unstable_by_key(|(_, candidate)| candidate.quiet_since);
        self.candidates = found.into_iter().take(most).map(|(_, candidate)| candidate).collect();
    }

    /// The address with the most slots, and how many more than any other.
    fn largest_block(&self) -> (Option<Block>, usize) {
        let (mut largest, mut most, mut second) = (None, 0, 0);
        for (block, count) in &self.blocks {
            if *count > most {
                (largest, second, most) = (Some(*block), most, *count);
            } else {
                second = second.max(*count);
            }
        }
        (largest, most - second)
    }
}

impl<T: Holder> Drop for Slot<T> {
    fn drop(&mut self) {
        drop(self.slots.lock().remove(self.id));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Client {
        address: IpAddr,
        is_idle: bool,
        quiet_since: u64,
        gone: AtomicBool,
    }

    impl Holder for Client {
        fn block(&self) -> Block {
            Block::of(self.address)
        }
        fn is_idle(&self) -> bool {
            self.is_idle
        }
        fn quiet_since(&self) -> u64 {
            self.quiet_since
        }
        fn give_way(&self) {
            self.gone.store(true, Ordering::Relaxed);
        }
    }

    fn client(address: &str, is_idle: bool, quiet_since: u64) -> Arc<Client> {
        Arc::new(Client {
            address: address.parse().unwrap(),
            is_idle,
            quiet_since,
            gone: AtomicBool::new(false),
        })
    }

    /// The clients that released their slot, after one more client came for each of `more`.
    fn gone(yielding: Yielding, clients: &[Arc<Client>], more: usize) -> Vec<usize> {
        let slots = Slots::new(clients.len(), yielding);
        let mut held: Vec<_> = clients.iter().map(|one| slots.take(Arc::clone(one)).unwrap()).collect();
        for _ in 0..more {
            held.extend(slots.take(client("192.0.2.99", false, u64::MAX)));
        }
        assert!(slots.lock().holders.len() <= clients.len());
        clients
            .iter()
            .enumerate()
            .filter(|(_, one)| one.gone.load(Ordering::Relaxed))
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn the_longest_idle_holder_releases_first() {
        let clients =
            [client("192.0.2.1", true, 30), client("192.0.2.2", true, 10), client("192.0.2.2", false, 1)];
        assert_eq!(gone(Yielding::Anyone, &clients, 1), [1]);
        assert_eq!(gone(Yielding::Anyone, &clients, 2), [0, 1]);
    }

    #[test]
    fn if_none_is_idle_the_address_with_most_slots_releases_one() {
        let clients = [
            client("192.0.2.1", false, 1),
            client("2001:db8::1", false, 30),
            client("2001:db8::ffff:2", false, 20),
            client("2001:db8:0:1::1", false, 2),
        ];
        assert_eq!(gone(Yielding::Idle, &clients, 1), [] as [usize; 0]);
        assert_eq!(gone(Yielding::Anyone, &clients, 1), [2], "one /64 is one address");
    }

    #[tokio::test(start_paused = true)]
    async fn released_holders_keep_their_place_until_they_end() {
        let slots = Slots::<Client>::new(64, Yielding::Anyone);
        let mut places = Vec::new();
        for _ in 0..64 + 3 {
            places.push(slots.place().await.unwrap());
        }
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), slots.place()).await;
        assert!(waiting.is_err(), "64 slots, and three who are about to end");
        places.pop();
        assert!(slots.place().await.is_some());
    }

    #[test]
    fn a_dropped_slot_is_free_again() {
        let slots = Slots::new(1, Yielding::Idle);
        let first = slots.take(client("192.0.2.1", false, 1));
        assert!(slots.take(client("192.0.2.1", false, 1)).is_none());
        drop(first);
        assert!(slots.take(client("192.0.2.1", false, 1)).is_some());
        assert!(slots.lock().blocks.is_empty());
    }
}
