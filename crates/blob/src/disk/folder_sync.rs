//! One sync of a folder is enough for all callers that created a file in it before the sync began.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

/// Shares the syncs of one folder.
#[derive(Default)]
pub(crate) struct FolderSync {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    begun: u64,
    /// The last run that succeeded.
    done: u64,
    is_running: bool,
}

impl FolderSync {
    /// Returns when a `sync` that began after this call has succeeded. Runs it if no other caller does.
    pub(crate) fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = state.begun + 1;
        while state.is_running {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            if state.done >= needed {
                return Ok(());
            }
        }
        state.is_running = true;
        state.begun += 1;
        let run = state.begun;
        drop(state);
        let outcome = sync();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_running = false;
        if outcome.is_ok() {
            state.done = run;
        }
        self.ended.notify_all();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn waiting_callers_share_the_next_sync_not_the_running_one() {
        let folder = FolderSync::default();
        let runs = AtomicU32::new(0);
        let (first_runs, go_on) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                folder.run(|| {
                    first_runs.wait();
                    go_on.wait();
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            });
            first_runs.wait();
            for _ in 0..8 {
                scope.spawn(|| {
                    folder
                        .run(|| {
                            runs.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        })
                        .unwrap();
                    assert!(runs.load(Ordering::SeqCst) >= 2, "the first sync began before");
                });
            }
            go_on.wait();
        });
        assert!((2..=9).contains(&runs.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_failure_is_not_taken_for_success() {
        let folder = FolderSync::default();
        assert!(folder.run(|| Err(io::Error::other("gone"))).is_err());
        let mut ran = false;
        folder
            .run(|| {
                ran = true;
                Ok(())
            })
            .unwrap();
        assert!(ran);
    }
}
