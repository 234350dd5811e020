//! The database that a store is moved to. Until the move has ended it has the ID of the move, and no server uses it.

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{operation, table::Table, work::doom_uploads},
    tx::Dialect,
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The setting with the ID of the move.
pub(crate) const SETTING: &str = "store-move";

/// Tables that an empty database has rows in.
const SEEDED: [&str; 2] = ["collection", "reference_backfill"];

/// Takes an empty database for a move, or one that the same move has begun to write.
#[derive(Clone, Debug)]
pub struct TakeDestination {
    pub id: String,
    /// As [`crate::ListTables`] gives them.
    pub tables: Vec<Table>,
}

/// The database has other rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotEmpty {
    /// A table with rows.
    pub table: String,
}

operation!(TakeDestination: Durable [Everything] -> (), NotEmpty, |op, tx| {
    let mark = tx.value::<Vec<u8>>("SELECT value FROM setting WHERE name = ?1", &params![SETTING]).await?;
    match mark {
        Some(mark) if mark == op.id.as_bytes() => return Ok(Ok(())),
        Some(_) => return Ok(Err(NotEmpty { table: "setting".to_owned() })),
        None => {}
    }
    for table in op.tables.iter().filter(|table| !SEEDED.contains(&table.name.as_str())) {
        let select = format!("SELECT 1 FROM \"{}\" LIMIT 1", table.name);
        if !tx.rows(&select, &[]).await?.is_empty() {
            return Ok(Err(NotEmpty { table: table.name.clone() }));
        }
    }
    for name in SEEDED {
        tx.execute(&format!("DELETE FROM {name}"), &[]).await?;
    }
    let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2)";
    tx.execute(insert, &params![SETTING, op.id.as_bytes()]).await?;
    Ok(Ok(()))
});

/// Returns the ID of the move that has not ended, if this database is the destination of one.
#[derive(Clone, Copy, Debug)]
pub struct GetUnfinishedMove;

operation!(GetUnfinishedMove: Point -> Option<Vec<u8>>, Never, |_op, tx| {
    Ok(Ok(tx.value("SELECT value FROM setting WHERE name = ?1", &params![SETTING]).await?))
});

/// Reads the greatest number that an event has ever had: events that were delivered have no rows, and their numbers must not
/// be used again.
#[derive(Clone, Copy, Debug)]
pub struct GetEventSequence;

operation!(GetEventSequence: Page -> i64, Never, |_op, tx| {
    let counted: Option<i64> = match tx.dialect() {
        Dialect::Sqlite => tx.value("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'", &[]).await?,
        Dialect::Postgres => {
            let name = event_sequence(tx).await?;
            tx.value(&format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"), &[]).await?
        }
    };
    Ok(Ok(counted.unwrap_or_default()))
});

async fn event_sequence(tx: &mut Tx<'_>) -> Result<String, StoreError> {
    let select = "SELECT pg_get_serial_sequence('outbox', 'sequence')::text";
    tx.value(select, &[]).await?.ok_or(StoreError::Corrupt("outbox has no sequence"))
}

/// Ends a move: the database can be used.
#[derive(Clone, Debug)]
pub struct EndMoveTo {
    pub id: String,
    /// As [`GetEventSequence`] gives it.
    pub event_sequence: i64,
    /// The IDs of the stores of blobs, by the names of their settings.
    pub store_ids: Vec<(String, Vec<u8>)>,
    /// Uploads in progress end, because their bytes were not moved. In the same transaction: afterwards the rows differ
    /// from those of the source, and a move that has not ended compares them again.
    pub ends_uploads: bool,
    /// Now.
    pub at: Micros,
}

/// The database is not the destination of this move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnotherMove;

operation!(EndMoveTo: Durable [Everything] -> (), AnotherMove, |op, tx| {
    let delete = "DELETE FROM setting WHERE name = ?1 AND value = ?2";
    if tx.execute(delete, &params![SETTING, op.id.as_bytes()]).await? != 1 {
        return Ok(Err(AnotherMove));
    }
    for (name, value) in &op.store_ids {
        let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2)";
        tx.execute(insert, &params![name, value]).await?;
    }
    match tx.dialect() {
        Dialect::Sqlite => {
            tx.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'", &[]).await?;
            let insert = "INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?1)";
            tx.execute(insert, &params![op.event_sequence]).await?;
        }
        Dialect::Postgres => {
            // The number 0 is not one of a sequence: the next one is then 1.
            let name = event_sequence(tx).await?;
            let set = "SELECT setval(?1::text::regclass, GREATEST(?2::bigint, 1), ?2::bigint > 0)";
            tx.rows(set, &params![name, op.event_sequence]).await?;
        }
    }
    if op.ends_uploads {
        let delete = "DELETE FROM upload RETURNING registry, repository, object_key, received";
        let rows = tx.rows(delete, &[]).await?;
        doom_uploads(tx, rows, op.at).await?;
    }
    Ok(Ok(()))
});
