//! Where backfills go on. An image that fails for a reason which says nothing about it stays in the queue; those after it
//! have their turn first. The places are in memory: a server that starts again begins with the first that waits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Backfills whose place is kept.
const MOST: usize = 10_000;

/// The position after which each backfill goes on.
#[derive(Default)]
pub(crate) struct BackfillPlaces(Mutex<HashMap<String, i64>>);

/// What became of a page of images.
pub(super) struct Page {
    /// The last position that was read.
    pub(super) last: Option<i64>,
    /// The first one that was not tried, because the pass was over.
    pub(super) paused: Option<i64>,
    /// Whether there can be more after it.
    pub(super) is_full: bool,
}

impl BackfillPlaces {
    /// The position after which the next images are.
    pub(super) fn after(&self, backfill: &str) -> i64 {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(backfill).copied().unwrap_or(-1)
    }

    /// The backfill has ended.
    pub(super) fn forget(&self, backfill: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(backfill);
    }

    /// Goes on after a page. Returns whether the end was not reached yet.
    pub(super) fn go_on(&self, backfill: &str, page: &Page) -> bool {
        let after = match (page.paused, page.last) {
            (Some(paused), _) => Some(paused - 1),
            (None, last) if page.is_full => last,
            // From the first one again: those that failed.
            _ => None,
        };
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match after {
            Some(after) if places.len() < MOST || places.contains_key(backfill) => {
                places.insert(backfill.to_owned(), after);
            }
            _ => {
                places.remove(backfill);
            }
        }
        after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backfill_goes_on_after_what_it_tried() {
        let places = BackfillPlaces::default();
        let page = |last, paused, is_full| Page { last, paused, is_full };
        assert_eq!(places.after("b"), -1);
        assert!(places.go_on("b", &page(Some(199), None, true)));
        assert_eq!((places.after("b"), places.after("other")), (199, -1));
        assert!(places.go_on("b", &page(Some(399), Some(250), true)));
        assert_eq!(places.after("b"), 249, "what was not tried comes first");
        assert!(!places.go_on("b", &page(Some(420), None, false)));
        assert_eq!(places.after("b"), -1, "then those that failed");
        assert!(!places.go_on("b", &page(None, None, false)));
    }
}
