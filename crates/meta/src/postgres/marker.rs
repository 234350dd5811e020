//! Marks of commits: they tell whether a COMMIT whose answer was lost took effect.
//!
//! Each transaction that writes puts a new number into the row of its slot. When the answer of its COMMIT is lost, the row
//! tells what happened: it has the number, or an older one. Reading it waits for the transaction if that is still ending.
//! The row is as durable as the other effects of the transaction, so the answer stays right after a crash of the server and
//! after a failover, unlike that of `pg_xact_status`: after a crash another transaction can get the same number.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::session::Session;
use crate::{error::StoreError, value::params};

/// Sets the number of a slot. Nobody else uses the slot, so nothing waits.
pub(super) const SET: &str = "INSERT INTO commit_marker (slot, number, at) VALUES (?1, ?2, extract(epoch FROM now())::BIGINT) \
    ON CONFLICT (slot) DO UPDATE SET number = excluded.number, at = excluded.at";

/// The number of a slot. An INSERT waits for a transaction that has the row or is creating it; a SELECT would not see a row
/// that is not committed yet. It writes, so its own commit is synced, and with it every commit before.
const READ: &str = "INSERT INTO commit_marker (slot, number, at) VALUES (?1, 0, extract(epoch FROM now())::BIGINT) \
    ON CONFLICT (slot) DO UPDATE SET at = excluded.at RETURNING number";

/// Removes the rows of processes that ended more than a week ago.
const TRIM: &str = "DELETE FROM commit_marker WHERE at < extract(epoch FROM now())::BIGINT - 604800";

/// The slots that no transaction uses.
#[derive(Default)]
pub(super) struct Markers {
    free: Mutex<Vec<Marker>>,
}

/// A slot and the number that its transaction writes.
#[derive(Debug)]
pub(super) struct Marker {
    pub(super) slot: String,
    pub(super) number: i64,
}

impl Markers {
    /// A slot for one transaction, with a number that it never had.
    pub(super) fn take(&self) -> Marker {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Marker { slot, number } =
            free.unwrap_or_else(|| Marker { slot: Uuid::new_v4().to_string(), number: 0 });
        Marker { slot, number: number + 1 }
    }

    /// Lets other transactions use the slot. Only when nothing writes to its row any more.
    pub(super) fn give_back(&self, marker: Option<Marker>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(marker);
    }
}

impl Marker {
    /// Whether the transaction with this marker is committed, and on stable storage.
    pub(super) async fn is_committed(&self, session: &Session) -> Result<bool, StoreError> {
        let found = session.rows(READ, &params![self.slot]).await?;
        let mut row = found.into_iter().next().ok_or(StoreError::Bug("RETURNING gave no row"))?;
        Ok(row.take::<i64>()? == self.number)
    }
}

/// Removes rows that nobody will ask for.
pub(super) async fn trim(session: &Session) -> Result<(), StoreError> {
    session.execute(TRIM, &[]).await.map(drop)
}
