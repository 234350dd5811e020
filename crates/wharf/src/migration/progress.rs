//! Progress on standard error, while standard output is kept for the result.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::report::Report;

/// Runs a copy, and prints a line about it from time to time.
pub(super) async fn shown<T>(report: &Report, work: impl Future<Output = T>) -> T {
    let between = Duration::from_secs(if std::io::stderr().is_terminal() { 2 } else { 15 });
    let mut ticks = tokio::time::interval(between);
    ticks.tick().await;
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                // A closed standard error is not a failure of the copy.
                let _ = writeln!(std::io::stderr(), "{}", report.line());
            }
        }
    }
}
