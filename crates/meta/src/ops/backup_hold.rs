//! Holds of backups. While a hold is valid, no bytes of doomed objects are removed: a backup copies the bytes of a snapshot
//! of the rows, also of objects that end meanwhile.
//!
//! They are one value of `setting`: a line for each hold, with its ID and its end in microseconds.

use std::fmt::Write as _;

use crate::{Micros, Never, StoreError, Tx, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// How many holds can be valid at the same time.
pub const MOST_HOLDS: usize = 4;

pub(crate) const SETTING: &str = "backup-holds";

/// A hold. It ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupHold {
    /// The ID of the backup, without spaces.
    pub id: String,
    pub until: Micros,
}

/// The holds that are valid. Runs inside an operation.
pub(crate) async fn valid_holds(tx: &mut Tx<'_>, now: Micros) -> Result<Vec<BackupHold>, StoreError> {
    read(tx, now, "SELECT value FROM setting WHERE name = ?1").await
}

async fn read(tx: &mut Tx<'_>, now: Micros, select: &str) -> Result<Vec<BackupHold>, StoreError> {
    let Some(value) = tx.value::<Vec<u8>>(select, &params![SETTING]).await? else { return Ok(Vec::new()) };
    let text = String::from_utf8(value).map_err(|_| StoreError::Corrupt(SETTING))?;
    let hold = |line: &str| {
        let (id, until) = line.split_once(' ')?;
        Some(BackupHold { id: id.to_owned(), until: Micros(until.parse().ok()?) })
    };
    let holds: Option<Vec<BackupHold>> = text.lines().map(hold).collect();
    let mut holds = holds.ok_or(StoreError::Corrupt(SETTING))?;
    holds.retain(|hold| hold.until > now);
    Ok(holds)
}

/// The valid holds, which nobody else changes until the operation ends.
async fn lock(tx: &mut Tx<'_>, now: Micros) -> Result<Vec<BackupHold>, StoreError> {
    let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    tx.execute(insert, &params![SETTING, Vec::<u8>::new()]).await?;
    let select = tx.fork(
        "SELECT value FROM setting WHERE name = ?1",
        "SELECT value FROM setting WHERE name = ?1 FOR UPDATE",
    );
    read(tx, now, select).await
}

async fn write(tx: &mut Tx<'_>, holds: &[BackupHold]) -> Result<(), StoreError> {
    let mut text = String::new();
    for BackupHold { id, until } in holds {
        let _ = writeln!(text, "{id} {}", until.0);
    }
    tx.execute("UPDATE setting SET value = ?2 WHERE name = ?1", &params![SETTING, text.into_bytes()]).await?;
    Ok(())
}

/// Starts a hold. Returns all holds that are valid.
#[derive(Clone, Debug)]
pub struct StartBackupHold {
    pub hold: BackupHold,
    pub now: Micros,
}

/// [`MOST_HOLDS`] are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyHolds;

operation!(StartBackupHold: Durable [] -> Vec<BackupHold>, TooManyHolds, |op, tx| {
    let mut holds = lock(tx, op.now).await?;
    holds.retain(|hold| hold.id != op.hold.id);
    if holds.len() >= MOST_HOLDS {
        return Ok(Err(TooManyHolds));
    }
    holds.push(op.hold.clone());
    write(tx, &holds).await?;
    Ok(Ok(holds))
});

/// Ends a hold, if it is valid. Returns the holds that are still valid.
#[derive(Clone, Debug)]
pub struct EndBackupHold {
    pub id: String,
    pub now: Micros,
}

operation!(EndBackupHold: Durable [] -> Vec<BackupHold>, Never, |op, tx| {
    let mut holds = lock(tx, op.now).await?;
    holds.retain(|hold| hold.id != op.id);
    write(tx, &holds).await?;
    Ok(Ok(holds))
});
