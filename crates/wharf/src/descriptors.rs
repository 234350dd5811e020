//! How many files and sockets this process may have open: the system's usual limit is far below what it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::Limits;

/// Raises the limit as far as this user may, and gives what it is now.
pub(crate) fn raise() -> usize {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    let now = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => wanted.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            before.current
        }
    };
    now.map_or(usize::MAX, |now| usize::try_from(now).unwrap_or(usize::MAX))
}

/// Raises the limit and lowers what it does not allow, with a line in the log.
pub(crate) fn fit(limits: &mut Limits) {
    let descriptors = raise();
    if limits.fit(descriptors) {
        tracing::warn!(
            descriptors,
            max_connections = limits.max_connections,
            max_open_files = limits.max_open_files,
            "the limit of open files (ulimit -n) allows fewer connections and open blobs than configured"
        );
    }
}
