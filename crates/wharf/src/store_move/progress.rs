//! The progress of a move, on standard error: a line from time to time, as text or as JSON.

use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

/// How often a line is printed.
const BETWEEN: Duration = Duration::from_secs(5);

/// Counts what was done.
pub(crate) struct Progress {
    is_json: bool,
    state: Mutex<State>,
}

/// What was done so far.
#[derive(Clone, Debug)]
pub(crate) struct State {
    phase: &'static str,
    told: Instant,
    all_objects: u64,
    all_bytes: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) copied_objects: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) copied_rows: u64,
    compared_rows: u64,
}

impl Progress {
    pub(crate) fn new(is_json: bool) -> Self {
        let state = State {
            phase: "begin",
            told: Instant::now(),
            all_objects: 0,
            all_bytes: 0,
            objects: 0,
            bytes: 0,
            copied_objects: 0,
            copied_bytes: 0,
            copied_rows: 0,
            compared_rows: 0,
        };
        Self { is_json, state: Mutex::new(state) }
    }

    /// What was done so far.
    pub(crate) fn state(&self) -> State {
        self.with(|state| state.clone())
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// The next part of the work begins.
    pub(crate) fn phase(&self, phase: &'static str) {
        self.with(|state| {
            state.phase = phase;
            self.print(state);
        });
    }

    /// How many objects there are.
    pub(crate) fn expect(&self, objects: u64, bytes: u64) {
        self.with(|state| (state.all_objects, state.all_bytes) = (objects, bytes));
    }

    pub(crate) fn object(&self, size: u64, is_copied: bool) {
        self.count(|state| {
            state.objects += 1;
            state.bytes += size;
            if is_copied {
                state.copied_objects += 1;
                state.copied_bytes += size;
            }
        });
    }

    pub(crate) fn rows(&self, count: u64) {
        self.count(|state| state.copied_rows += count);
    }

    pub(crate) fn compared(&self, count: u64) {
        self.count(|state| state.compared_rows += count);
    }

    fn count(&self, change: impl FnOnce(&mut State)) {
        self.with(|state| {
            change(state);
            if state.told.elapsed() > BETWEEN {
                self.print(state);
            }
        });
    }

    /// A closed standard error is not a failure of the move.
    fn print(&self, state: &mut State) {
        state.told = Instant::now();
        let State { phase, all_objects, all_bytes, objects, bytes, .. } = state;
        let State { copied_objects, copied_bytes, copied_rows, compared_rows, .. } = state;
        let line = if self.is_json {
            let line = json!({
                "Phase": phase, "Objects": objects, "Bytes": bytes, "AllObjects": all_objects, "AllBytes": all_bytes,
                "CopiedObjects": copied_objects, "CopiedBytes": copied_bytes, "CopiedRows": copied_rows,
                "ComparedRows": compared_rows,
            });
            line.to_string()
        } else {
            format!(
                "{phase}: {objects} of {all_objects} objects, {bytes} of {all_bytes} bytes; {copied_rows} rows copied, \
                 {compared_rows} compared"
            )
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
