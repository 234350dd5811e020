//! A second GET beside one that is slower than usual: the one that answers first is used. What is usual comes from the
//! last answers. At most one GET in twenty is repeated, so a bucket that is slow as a whole does not get twice the load.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many of the last answers are known.
const KNOWN: usize = 64;
/// Nothing is known before so many answers.
const ENOUGH: usize = 16;
/// A GET is slow if so many of the last answers, in percent, came faster.
const PERCENT: usize = 95;
/// And if it takes at least so long.
const LEAST: Duration = Duration::from_millis(20);
/// What a GET earns, and what the second one costs.
const EARNED: u32 = 1;
const COST: u32 = 20;
/// What can be saved: five GETs that are slow at the same time.
const MOST_SAVED: u32 = 5 * COST;

/// The last answers, and how many second GETs they allow.
#[derive(Debug)]
pub(super) struct Hedge {
    enabled: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Vec<Duration>,
    next: usize,
    saved: u32,
}

impl Hedge {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Code under this lock cannot panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A GET begins. After which time it is slow, if that is known.
    pub(super) fn begin(&self) -> Option<Duration> {
        if !self.enabled {
            return None;
        }
        let mut state = self.lock();
        state.saved = (state.saved + EARNED).min(MOST_SAVED);
        if state.last.len() < ENOUGH {
            return None;
        }
        let mut sorted = state.last.clone();
        drop(state);
        sorted.sort_unstable();
        sorted.get(sorted.len() * PERCENT / 100).map(|usual| (*usual * 2).max(LEAST))
    }

    /// Whether a slow GET may have a second one.
    pub(super) fn spend(&self) -> bool {
        let mut state = self.lock();
        let rest = state.saved.checked_sub(COST);
        state.saved = rest.unwrap_or(state.saved);
        rest.is_some()
    }

    /// A GET was answered after this time.
    pub(super) fn answered(&self, time: Duration) {
        let mut state = self.lock();
        let next = state.next;
        match state.last.get_mut(next) {
            Some(oldest) => *oldest = time,
            None => state.last.push(time),
        }
        state.next = (next + 1) % KNOWN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn slow_is_slower_than_the_last_answers() {
        let hedge = Hedge::new(true);
        for at in 0..ENOUGH {
            assert_eq!(hedge.begin(), None, "{at}");
            hedge.answered(30 * MS);
        }
        assert_eq!(hedge.begin(), Some(60 * MS));
        (0..KNOWN).for_each(|_| hedge.answered(MS));
        assert_eq!(hedge.begin(), Some(LEAST), "the older answers are forgotten");
        hedge.answered(5_000 * MS);
        assert_eq!(hedge.begin(), Some(LEAST), "one slow answer is not usual");
    }

    #[test]
    fn few_second_gets_are_sent() {
        let hedge = Hedge::new(true);
        let sent = (0..1_000).filter(|_| hedge.begin().is_none() && hedge.spend()).count();
        assert_eq!(sent, 50, "one in twenty");
        for _ in 0..1_000 {
            hedge.begin();
        }
        assert_eq!((0..100).filter(|_| hedge.spend()).count(), 5, "after a quiet time, five at once");
    }

    #[test]
    fn without_the_setting_no_get_is_slow() {
        let hedge = Hedge::new(false);
        (0..KNOWN).for_each(|_| hedge.answered(MS));
        assert_eq!(hedge.begin(), None);
    }
}
