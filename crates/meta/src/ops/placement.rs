//! Which database has the registries of an account. An account without a row has them in the directory.
//!
//! A row is written once and never changes. It can be written only while the account has no private registry, and
//! `EnsureRegistry` creates none in the directory afterwards. So both answers, once they are final, stay true.

use aws::ids::{AccountId, Region};

use crate::{
    AccountKey, COMPAT, Micros, Never, StoreError, Tx,
    migrate::PLACEMENT,
    ops::{account::lock_account, operation},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Places the registries of an account in a database. The account has none yet.
#[derive(Clone, Debug)]
pub struct PlaceAccount {
    pub account: AccountKey,
    /// The name of the database.
    pub database: String,
    /// Now.
    pub at: Micros,
}

/// Why an account is not placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceAccountRefusal {
    /// It has registries in the directory.
    HasRegistries,
    /// It is placed in this database.
    Placed(String),
}

operation!(PlaceAccount: Durable [] -> (), PlaceAccountRefusal, |op, tx| {
    // `EnsureRegistry` holds the same row.
    lock_account(tx, op.account).await?;
    let placed = "SELECT database_name FROM placement WHERE account = ?1";
    if let Some(database) = tx.value::<String>(placed, &params![op.account]).await? {
        let is_same = database == op.database;
        return Ok(if is_same { Ok(()) } else { Err(PlaceAccountRefusal::Placed(database)) });
    }
    let registry = "SELECT key FROM registry WHERE account = ?1 AND region <> ?2 LIMIT 1";
    if tx.row(registry, &params![op.account, Region::public()]).await?.is_some() {
        return Ok(Err(PlaceAccountRefusal::HasRegistries));
    }
    let insert = "INSERT INTO placement (account, database_name, placed_at) VALUES (?1, ?2, ?3)";
    tx.execute(insert, &params![op.account, op.database, op.at]).await?;
    // An older binary would create the registries of the account here.
    demand_placements(tx).await?;
    Ok(Ok(()))
});

/// From now on only binaries that know placements open this database.
async fn demand_placements(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let newer = "UPDATE schema_migration SET oldest_compat = ?1 WHERE number = ?2";
    if tx.execute(newer, &params![COMPAT, PLACEMENT]).await? != 1 {
        return Err(StoreError::Bug("the migration that made the table of placements is not noted"));
    }
    Ok(())
}

/// The settings of another database: the directory that it belongs to, and its ID, which the directory has too.
pub const DIRECTORY_SETTING: &str = "directory";
pub const DATABASE_ID_SETTING: &str = "database-id";

/// Writes into another database that it is one, once. It must not be brought to its directory yet.
#[derive(Clone, Debug)]
pub struct JoinDirectory {
    /// The directory, and the name of this database in it.
    pub directory: String,
    /// The ID of this database, if it has none.
    pub id: String,
}

// The database belongs to the directory in the output, and has the ID in it.
operation!(JoinDirectory: Durable [] -> (String, String), Never, |op, tx| {
    let mut stored = Vec::new();
    for (name, value) in [(DIRECTORY_SETTING, &op.directory), (DATABASE_ID_SETTING, &op.id)] {
        let insert = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
        tx.execute(insert, &params![name, value.as_bytes()]).await?;
        let found: Option<Vec<u8>> = tx.value("SELECT value FROM setting WHERE name = ?1", &params![name]).await?;
        let text = String::from_utf8(found.ok_or(StoreError::Conflict)?);
        stored.push(text.map_err(|_| StoreError::Corrupt("setting.value"))?);
    }
    demand_placements(tx).await?;
    let mut stored = stored.into_iter();
    let (directory, id) = (stored.next(), stored.next());
    Ok(Ok((directory.ok_or(StoreError::Conflict)?, id.ok_or(StoreError::Conflict)?)))
});

/// Where the registries of an account are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The database; None: the directory.
    pub database: Option<String>,
    /// Whether the answer can no longer change.
    pub is_final: bool,
}

/// Finds where the registries of an account are.
#[derive(Clone, Debug)]
pub struct FindPlacement {
    pub account_id: AccountId,
}

operation!(FindPlacement: Point -> Placement, Never, |op, tx| {
    let select = "SELECT p.database_name, \
            (SELECT COUNT(*) FROM (SELECT 1 FROM registry g WHERE g.account = a.key AND g.region <> ?2 LIMIT 1) one) \
        FROM account a LEFT JOIN placement p ON p.account = a.key WHERE a.account_id = ?1";
    let Some(mut row) = tx.row(select, &params![op.account_id, Region::public()]).await? else {
        return Ok(Ok(Placement::default()));
    };
    let (database, has_registries): (Option<String>, bool) = (row.take()?, row.take()?);
    Ok(Ok(Placement { is_final: database.is_some() || has_registries, database }))
});

/// An account whose registries are placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedAccount {
    pub account_id: AccountId,
    pub database: String,
    pub placed_at: Micros,
}

/// Lists accounts whose registries are placed, by account ID.
#[derive(Clone, Debug)]
pub struct ListPlacements {
    /// Only accounts after this one.
    pub after: Option<AccountId>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListPlacements: Page -> Vec<PlacedAccount>, Never, |op, tx| {
    let select = "SELECT a.account_id, p.database_name, p.placed_at FROM placement p \
        JOIN account a ON a.key = p.account WHERE a.account_id > ?1 ORDER BY a.account_id LIMIT ?2";
    let after = op.after.as_ref().map_or("", |after| after.as_str());
    let rows = tx.rows(select, &params![after, op.limit]).await?;
    let placed = rows.into_iter().map(|mut row| {
        Ok(PlacedAccount { account_id: row.take()?, database: row.take()?, placed_at: row.take()? })
    });
    Ok(Ok(placed.collect::<Result<_, StoreError>>()?))
});

/// Lists the databases that have the registries of an account.
#[derive(Clone, Copy, Debug)]
pub struct ListPlacedDatabases;

operation!(ListPlacedDatabases: Point -> Vec<String>, Never, |_op, tx| {
    let rows = tx.rows("SELECT DISTINCT database_name FROM placement ORDER BY database_name", &[]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, StoreError>>()?))
});
