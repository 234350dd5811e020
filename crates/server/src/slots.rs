//! Slots for what is bounded (connections, open files): who holds them, and who gives way when there are more takers
//! than slots. Someone new is never kept out by those who do nothing with what they hold.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many idle holders are found in one look at all of them, and kept in order for the next takers.
const IDLE_AT_ONCE: usize = 64;
/// And so many of those that are at work, who only give way while nobody is idle.
const BUSY_AT_ONCE: usize = 8;

/// For each so many slots one more who gave way may still be about to end.
const LEAVING_PART: usize = 32;

/// Milliseconds since this process first asked.
pub(crate) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What counts as one address: an IPv4 address, or the /64 of an IPv6 address, which one host can fill alone.
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
    /// When something moved last, as [`now`] counts.
    fn quiet_since(&self) -> u64;
    /// Its slot is another's from now on.
    fn give_way(&self);
}

/// Who may be asked to give way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Yielding {
    /// Idle holders alone: without one, a taker is refused.
    Idle,
    /// While nobody is idle, a holder of the address that holds most: the one in which nothing moved for longest.
    Anyone,
}

/// The slots.
pub(crate) struct Slots<T> {
    most: usize,
    yielding: Yielding,
    held: Mutex<Held<T>>,
    /// One for each slot, and some more for those who gave way and have not ended yet.
    places: Arc<Semaphore>,
}

struct Held<T> {
    next: u64,
    holders: HashMap<u64, Arc<T>>,
    blocks: HashMap<Block, usize>,
    /// Whose turn it is to give way, as the last look at all holders found.
    candidates: VecDeque<Candidate>,
}

struct Candidate {
    id: u64,
    is_idle: bool,
    quiet_since: u64,
}

/// One slot, free again when dropped.
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

    /// A place to be held until its taker has ended: ready once few enough of those who gave way are still there.
    /// Without it a busy server would take more than it has slots for.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Takes a slot, at once. With none free another holder gives way; None if nobody may be asked to.
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

    /// The next candidate that is as it was when it was found. In the meantime nobody can have come before it: who
    /// became idle since then is idle for less long.
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

    /// The address that holds most, and how many more than any other.
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

    /// Which of the clients gave way, once one more came for each of `more`.
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
    fn the_longest_idle_gives_way_first() {
        let clients =
            [client("192.0.2.1", true, 30), client("192.0.2.2", true, 10), client("192.0.2.2", false, 1)];
        assert_eq!(gone(Yielding::Anyone, &clients, 1), [1]);
        assert_eq!(gone(Yielding::Anyone, &clients, 2), [0, 1]);
    }

    #[test]
    fn with_nobody_idle_the_address_that_holds_most_gives_way() {
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
    async fn those_who_gave_way_have_places_until_they_ended() {
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
    fn a_slot_is_free_again_when_dropped() {
        let slots = Slots::new(1, Yielding::Idle);
        let first = slots.take(client("192.0.2.1", false, 1));
        assert!(slots.take(client("192.0.2.1", false, 1)).is_none());
        drop(first);
        assert!(slots.take(client("192.0.2.1", false, 1)).is_some());
        assert!(slots.lock().blocks.is_empty());
    }
}
