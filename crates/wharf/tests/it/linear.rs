//! Whether a history of one tag is linearizable: whether each request can have taken effect at one moment between its
//! start and its answer, so that each read saw the last write before it.

use std::collections::{BTreeMap, HashSet};

/// What a request did, or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The tag was to name this digest.
    Put(String),
    /// The tag was to be removed.
    Delete,
    /// The tag named this digest, or nothing.
    Read(Option<String>),
}

/// A request. Without an answer, it may take effect at any later moment, or never.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) begun: u64,
    pub(crate) ended: Option<u64>,
    pub(crate) act: Act,
}

/// A step of the search: what has taken effect, and what the tag names then.
type Seen = HashSet<(Vec<u64>, Option<usize>)>;

enum Step {
    Set(Option<usize>),
    See(Option<usize>),
}

struct Search {
    /// Start, end and effect, in the order of their starts.
    steps: Vec<(u64, u64, Step)>,
    seen: Seen,
}

/// Whether some order explains all events, from this value of the tag on. (Wing and Gong's search with the memory of
/// Lowe, "Testing for linearizability".)
pub(crate) fn is_linearizable(initial: Option<&str>, events: &[Event]) -> bool {
    let mut numbers = BTreeMap::new();
    let mut number = |digest: &str| {
        let next = numbers.len();
        *numbers.entry(digest.to_owned()).or_insert(next)
    };
    let initial = initial.map(&mut number);
    let was_read = |digest: &str| events.iter().any(|event| event.act == Act::Read(Some(digest.to_owned())));
    let mut steps = Vec::new();
    for event in events {
        let step = match &event.act {
            // Without an answer and without a reader, it need not have happened.
            Act::Put(digest) if event.ended.is_none() && !was_read(digest) => continue,
            // A read without an answer saw nothing.
            Act::Read(_) if event.ended.is_none() => continue,
            Act::Put(digest) => Step::Set(Some(number(digest))),
            Act::Delete => Step::Set(None),
            Act::Read(value) => Step::See(value.as_deref().map(&mut number)),
        };
        steps.push((event.begun, event.ended.unwrap_or(u64::MAX), step));
    }
    steps.sort_by_key(|step| step.0);
    let words = steps.len().div_ceil(64);
    Search { steps, seen: HashSet::new() }.explains(&mut vec![0; words], 0, initial)
}

impl Search {
    /// Whether the rest can follow. All steps before `first` are done.
    fn explains(&mut self, done: &mut [u64], mut first: usize, value: Option<usize>) -> bool {
        let is_done = |done: &[u64], at: usize| done[at / 64] >> (at % 64) & 1 == 1;
        while first < self.steps.len() && is_done(done, first) {
            first += 1;
        }
        // The first answer of what is left: what began after it cannot come before it.
        let left = (first..self.steps.len()).filter(|at| !is_done(done, *at));
        let Some(answer) = left.map(|at| self.steps[at].1).min().filter(|end| *end < u64::MAX) else {
            return true;
        };
        if !self.seen.insert((done.to_vec(), value)) {
            return false;
        }
        let mut at = first;
        while at < self.steps.len() && self.steps[at].0 <= answer {
            let next = match &self.steps[at].2 {
                _ if is_done(done, at) => None,
                Step::Set(to) => Some(*to),
                Step::See(what) => (*what == value).then_some(value),
            };
            if let Some(next) = next {
                done[at / 64] |= 1 << (at % 64);
                if self.explains(done, first, next) {
                    return true;
                }
                done[at / 64] &= !(1 << (at % 64));
            }
            at += 1;
        }
        false
    }
}

fn event(begun: u64, ended: Option<u64>, act: Act) -> Event {
    Event { begun, ended, act }
}

fn put(digest: &str) -> Act {
    Act::Put(digest.to_owned())
}

fn read(digest: &str) -> Act {
    Act::Read(Some(digest.to_owned()))
}

#[test]
fn a_read_of_an_older_value_is_not_linearizable() {
    let [first, second] = [event(0, Some(1), put("a")), event(2, Some(5), put("b"))];
    let stale = event(6, Some(7), read("a"));
    assert!(!is_linearizable(None, &[first.clone(), second.clone(), stale]));
    let meanwhile = event(3, Some(7), read("a"));
    assert!(is_linearizable(None, &[first.clone(), second.clone(), meanwhile]));
    let back = [event(3, Some(4), read("b")), event(5, Some(6), read("a"))];
    assert!(!is_linearizable(None, &[vec![first, second], back.to_vec()].concat()));
}

#[test]
fn an_acknowledged_write_that_is_lost_is_found() {
    let events = [event(0, Some(1), put("a")), event(2, Some(3), Act::Read(None))];
    assert!(!is_linearizable(None, &events));
    assert!(!is_linearizable(Some("old"), &[events[0].clone(), event(2, Some(3), read("old"))]));
    assert!(!is_linearizable(Some("a"), &[event(0, Some(1), Act::Delete), event(2, Some(3), read("a"))]));
}

#[test]
fn an_unanswered_write_may_take_effect_late_or_never() {
    let unanswered = event(0, None, put("a"));
    let [nothing, late] = [event(5, Some(6), Act::Read(None)), event(7, Some(8), read("a"))];
    assert!(is_linearizable(None, &[unanswered.clone(), nothing.clone()]));
    assert!(is_linearizable(None, &[unanswered.clone(), nothing, late.clone()]));
    let undone = event(9, Some(10), Act::Read(None));
    assert!(!is_linearizable(None, &[unanswered, late, undone]));
}
