//! The thread that moves the write-ahead log into the database file, so that no commit waits for it.

use std::{
    path::Path,
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread,
};

use rusqlite::Connection;

use super::{
    SqliteOptions,
    connection::{self, WAL_KEEP},
};
use crate::error::StoreError;

/// The log may grow to this before it is worth the syncs of a checkpoint.
pub(super) const WAL_CHECKPOINT: u64 = 2 * WAL_KEEP;

/// A log this long means that readers kept it from starting anew; then the checkpoint waits for them.
const WAL_LONG: u64 = 64 << 20;

/// Wakes the thread; dropping it ends the thread.
pub(super) struct Checkpoint(SyncSender<()>);

impl Checkpoint {
    pub(super) fn wake(&self) {
        match self.0.try_send(()) {
            // Full: it is awake already. Disconnected: it has said why in the log.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

pub(super) fn start(path: &Path, options: SqliteOptions) -> Result<Checkpoint, StoreError> {
    let connection = connection::checkpointer(path, options)?;
    let wal = connection::wal_path(path);
    let (sender, receiver) = sync_channel(1);
    let run = move || {
        while receiver.recv().is_ok() {
            let mode = if connection::file_len(&wal) > WAL_LONG { "TRUNCATE" } else { "PASSIVE" };
            if let Err(error) = checkpoint(&connection, mode) {
                tracing::warn!(error = %error, mode, "the write-ahead log was not checkpointed");
            }
        }
    };
    thread::Builder::new().name("meta-checkpoint".into()).spawn(run).map_err(StoreError::Io)?;
    Ok(Checkpoint(sender))
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}
