//! Values of the whole deployment: the sealed key ring, the organization, the clock of the database.

use crate::{Dialect, Micros, Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// The setting with the ID of the store of blobs, and that with the ID of the folder of archived layers.
pub const BLOB_STORE_SETTING: &str = "blob-store";
pub const ARCHIVE_STORE_SETTING: &str = "archive-store";
/// The setting with the ID of the move that the store is read-only for.
pub const READ_ONLY_SETTING: &str = "read-only";

/// Reads the clock of the database: on PostgreSQL, that of its machine.
#[derive(Clone, Copy, Debug)]
pub struct ReadClock;

operation!(ReadClock: Point -> Micros, Never, |_op, tx| {
    let select = match tx.dialect() {
        Dialect::Sqlite => "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
        Dialect::Postgres => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)",
    };
    let micros = tx.value::<i64>(select, &params![]).await?;
    Ok(Ok(Micros(micros.ok_or(StoreError::Conflict)?)))
});

/// Reads a value.
#[derive(Clone, Debug)]
pub struct GetSetting {
    /// Name of the value.
    pub name: String,
}

operation!(GetSetting: Point -> Option<Vec<u8>>, Never, |op, tx| {
    Ok(Ok(tx.value("SELECT value FROM setting WHERE name = ?1", &params![op.name]).await?))
});

/// Stores a value if there is none; returns the stored value. If two nodes start at once, both get the first one's
/// value.
#[derive(Clone, Debug)]
pub struct PutSettingOnce {
    /// Name of the value.
    pub name: String,
    /// The value, if there is none yet.
    pub value: Vec<u8>,
}

operation!(PutSettingOnce: Durable [] -> Vec<u8>, Never, |op, tx| {
    let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    tx.execute(insert, &params![op.name, op.value]).await?;
    let stored = tx.value("SELECT value FROM setting WHERE name = ?1", &params![op.name]).await?;
    Ok(Ok(stored.ok_or(StoreError::Conflict)?))
});

/// Replaces the value that was read.
#[derive(Clone)]
pub struct ReplaceSetting {
    /// Name of the value.
    pub name: String,
    /// The value that was read.
    pub old: Vec<u8>,
    /// The new value.
    pub new: Vec<u8>,
}

/// The value has changed since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingChanged;

operation!(ReplaceSetting: Durable [] -> (), SettingChanged, |op, tx| {
    let update = "UPDATE setting SET value = ?3 WHERE name = ?1 AND value = ?2";
    let done = tx.execute(update, &params![op.name, op.old, op.new]).await? == 1;
    Ok(if done { Ok(()) } else { Err(SettingChanged) })
});
