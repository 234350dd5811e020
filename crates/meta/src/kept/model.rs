//! Every order of steps of a writer and two readers, with the reorderings that the memory model allows (loom).
//!
//! The store is one number: how many commits it has. Publishing it stands for SQLite's COMMIT, and loading it for a
//! read. An answer is outdated if it is older than a commit that ended before the request began, or than an answer
//! that the same client had before.

use loom::sync::{Arc, Mutex, atomic::AtomicU64 as Cell};
use loom::thread;

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}

#[path = "counters.rs"]
#[expect(clippy::duplicate_mod, reason = "here it is built on the atomics of loom")]
mod counters;

use atomic::Ordering;
use counters::{Counters, Stamp};

/// The place of the scope that commits change and the answer depends on.
const PLACE: usize = 1;

struct Model {
    counters: Counters,
    /// What the store has.
    store: Cell,
    /// The newest commit that a client was told of.
    answered: Cell,
    /// The kept answer.
    kept: Mutex<Option<(u64, Stamp)>>,
}

impl Model {
    fn new() -> Self {
        let (store, answered) = (Cell::new(0), Cell::new(0));
        Self { counters: Counters::new(2), store, answered, kept: Mutex::new(None) }
    }

    /// SQLite's COMMIT.
    fn commit(&self, value: u64) {
        self.store.store(value, Ordering::Release);
    }

    /// A request. It returns its answer, from memory if that is current.
    fn request(&self) -> u64 {
        let before = self.answered.load(Ordering::Acquire);
        let kept = *self.kept.lock().unwrap();
        let answer = match kept {
            Some((answer, stamp)) if self.counters.is_current(stamp, &[PLACE]) => answer,
            _ => {
                let stamp = self.counters.stamp();
                let answer = self.store.load(Ordering::Acquire);
                *self.kept.lock().unwrap() = Some((answer, stamp));
                answer
            }
        };
        assert!(answer >= before, "outdated: older than an answered commit");
        answer
    }
}

/// Runs a writer beside two clients that share the kept answer, in every order with at most three switches away from a
/// thread that could go on. Without this limit the run takes hours.
fn check(commits: u64, commit: fn(&Model, u64)) {
    let mut orders = loom::model::Builder::new();
    orders.preemption_bound = Some(3);
    orders.check(move || {
        let model = Arc::new(Model::new());
        let write = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                for value in 1..=commits {
                    commit(&model, value);
                    model.answered.store(value, Ordering::Release);
                }
            })
        };
        let read = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.request())
        };
        let first = model.request();
        assert!(model.request() >= first, "outdated: older than the client's last answer");
        read.join().unwrap();
        write.join().unwrap();
        assert_eq!(model.request(), commits, "outdated: after all commits");
    });
}

fn around(model: &Model, value: u64) {
    let commit = model.counters.begin([PLACE]);
    model.commit(value);
    drop(commit);
}

#[test]
fn counters_raised_around_the_commit_never_serve_old_answers() {
    check(1, around);
    check(2, around);
}

/// A client sees the commit, and then an older answer from memory.
#[test]
#[should_panic(expected = "outdated")]
fn counters_raised_only_after_the_commit_are_too_late() {
    check(1, |model, value| {
        model.commit(value);
        drop(model.counters.begin([PLACE]));
    });
}

/// An answer is read before the commit, and kept as if it were newer.
#[test]
#[should_panic(expected = "outdated")]
fn counters_raised_only_before_the_commit_are_too_early() {
    check(1, |model, value| {
        drop(model.counters.begin([PLACE]));
        model.commit(value);
    });
}

/// A stamp that is taken after its read.
#[test]
#[should_panic(expected = "outdated")]
fn a_stamp_taken_after_the_read_is_too_new() {
    loom::model(|| {
        let model = Arc::new(Model::new());
        let write = {
            let model = Arc::clone(&model);
            thread::spawn(move || around(&model, 1))
        };
        let answer = model.store.load(Ordering::Acquire);
        let stamp = model.counters.stamp();
        *model.kept.lock().unwrap() = Some((answer, stamp));
        write.join().unwrap();
        assert_eq!(model.request(), 1, "outdated");
    });
}
