//! How much is done in one transaction, and the rest after it: both follow what the transactions cost.

use std::time::Duration;

/// What a transaction may cost: about the time of a sync, so that a push hardly notices it.
const COST: Duration = Duration::from_millis(10);
/// Rows of one transaction.
const FEWEST: usize = 200;
const MOST: usize = 4_000;
/// The longest rest, for a store that is slow for other reasons.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// The pace of background work that changes many rows. Requests have half of the time.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Rows of the next transaction.
    pub(crate) rows: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rows: 500 }
    }
}

impl Pace {
    /// Takes what a transaction cost, with its wait for other writers. Returns how long to rest.
    pub(crate) fn rest_after(&mut self, cost: Duration) -> Duration {
        if cost > COST {
            self.rows = (self.rows / 2).max(FEWEST);
        } else if cost < COST / 2 {
            self.rows = (self.rows * 2).min(MOST);
        }
        cost.min(LONGEST_REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_cost() {
        let mut pace = Pace::default();
        let millis = Duration::from_millis;
        assert_eq!((pace.rest_after(millis(1)), pace.rows), (millis(1), 1_000));
        assert_eq!((pace.rest_after(millis(7)), pace.rows), (millis(7), 1_000));
        assert_eq!((pace.rest_after(millis(30)), pace.rows), (millis(30), 500));
        for _ in 0..9 {
            pace.rest_after(millis(20));
        }
        assert_eq!((pace.rest_after(millis(9_000)), pace.rows), (LONGEST_REST, FEWEST));
        for _ in 0..9 {
            pace.rest_after(millis(0));
        }
        assert_eq!(pace.rows, MOST);
    }
}
