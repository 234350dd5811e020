//! A store that is read-only while it is moved. Every write is refused, on every node, also after a restart.
//!
//! SQLite's one writer looks at the setting before each group of writes. On PostgreSQL, a trigger refuses the mark that
//! every transaction that writes begins with. Creating the trigger waits for the transactions that have a mark, so after
//! [`MakeReadOnly`] no write is in progress anywhere.

use crate::{
    Access, Never, Operation, Ruling, Scope, StoreError, Tx,
    ops::{operation, settings::READ_ONLY_SETTING},
    tx::Dialect,
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Asked by SQLite's writer, about [`READ_ONLY_SETTING`].
pub(crate) const IS_READ_ONLY: &str = "SELECT 1 FROM setting WHERE name = 'read-only'";

const REFUSE: [&str; 3] = [
    "CREATE OR REPLACE FUNCTION refuse_write() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN RAISE EXCEPTION USING ERRCODE = ''WH001'', MESSAGE = ''the store is read-only while it is moved''; END'",
    "DROP TRIGGER IF EXISTS read_only ON commit_marker",
    // A question about a mark inserts the number 0.
    "CREATE TRIGGER read_only BEFORE INSERT ON commit_marker FOR EACH ROW WHEN (NEW.number > 0) \
        EXECUTE FUNCTION refuse_write()",
];
const ACCEPT: &str = "DROP TRIGGER IF EXISTS read_only ON commit_marker";

/// Makes the store read-only for a move. Returns the ID of the move that it is read-only for: the one of an earlier call,
/// if that has not ended.
#[derive(Clone, Debug)]
pub struct MakeReadOnly {
    /// The ID of the move, if it begins now.
    pub id: String,
}

/// Makes the store writable, if it is read-only for this move. Returns whether it is writable now.
#[derive(Clone, Debug)]
pub struct MakeWritable {
    /// The ID of the move; None for any move.
    pub id: Option<String>,
}

/// Returns the ID of the move that the store is read-only for, if it is read-only.
#[derive(Clone, Copy, Debug)]
pub struct GetReadOnly;

operation!(GetReadOnly: Point -> Option<String>, Never, |_op, tx| {
    Ok(Ok(current(tx).await?))
});

async fn current(tx: &mut Tx<'_>) -> Result<Option<String>, StoreError> {
    let select = "SELECT value FROM setting WHERE name = ?1";
    let value = tx.value::<Vec<u8>>(select, &params![READ_ONLY_SETTING]).await?;
    value
        .map(|value| String::from_utf8(value).map_err(|_| StoreError::Corrupt(READ_ONLY_SETTING)))
        .transpose()
}

/// Waits for every transaction that writes, and keeps others away until the commit.
async fn lock(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        tx.execute("LOCK TABLE commit_marker IN SHARE ROW EXCLUSIVE MODE", &[]).await?;
    }
    Ok(())
}

impl Operation for MakeReadOnly {
    type Output = String;
    type Refusal = Never;
    const NAME: &'static str = "MakeReadOnly";
    const ACCESS: Access = Access::Durable;
    const DATABASE: crate::Database = DATABASE;
    const ON_READ_ONLY: bool = true;

    fn changes(&self) -> Vec<Scope> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Ruling<Self>, StoreError> {
        lock(tx).await?;
        if let Some(id) = current(tx).await? {
            return Ok(Ok(id));
        }
        let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2)";
        tx.execute(insert, &params![READ_ONLY_SETTING, self.id.as_bytes()]).await?;
        if tx.dialect() == Dialect::Postgres {
            for statement in REFUSE {
                tx.execute(statement, &[]).await?;
            }
        }
        Ok(Ok(self.id.clone()))
    }
}

impl Operation for MakeWritable {
    type Output = bool;
    type Refusal = Never;
    const NAME: &'static str = "MakeWritable";
    const ACCESS: Access = Access::Durable;
    const DATABASE: crate::Database = DATABASE;
    const ON_READ_ONLY: bool = true;

    fn changes(&self) -> Vec<Scope> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Ruling<Self>, StoreError> {
        lock(tx).await?;
        match current(tx).await? {
            None => return Ok(Ok(true)),
            Some(id) if self.id.as_ref().is_some_and(|own| *own != id) => return Ok(Ok(false)),
            Some(_) => {}
        }
        tx.execute("DELETE FROM setting WHERE name = ?1", &params![READ_ONLY_SETTING]).await?;
        if tx.dialect() == Dialect::Postgres {
            tx.execute(ACCEPT, &[]).await?;
        }
        Ok(Ok(true))
    }
}
