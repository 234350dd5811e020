//! The limit of open files and sockets. The default limit is far below the maximum that the system allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::Limits;

/// Raises the limit to the maximum for this user, and returns it.
pub(crate) fn raise() -> usize {
    let before = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: before.maximum, maximum: before.maximum };
    if before == wanted {
        // A filter of system calls may forbid what changes nothing.
        return number(before.current);
    }
    let now = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => wanted.current,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be raised");
            before.current
        }
    };
    number(now)
}

/// No limit is the largest number.
fn number(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Raises the limit, and reduces the settings that do not fit, with a line in the log. `of_databases` are the sockets to other
/// databases, which have a pool each.
pub(crate) fn fit(limits: &mut Limits, of_databases: usize) {
    let descriptors = raise();
    if limits.fit(descriptors.saturating_sub(of_databases)) {
        tracing::warn!(
            descriptors,
            max_connections = limits.max_connections,
            max_open_files = limits.max_open_files,
            "the limit of open files (ulimit -n) allows fewer connections and open blobs than configured"
        );
    }
}
