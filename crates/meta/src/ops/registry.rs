//! Registries: one account in one region.

use aws::ids::{AccountId, Region};

use crate::{
    AccountKey, Dialect, Micros, RegistryKey, StoreError, Tx,
    ops::{account::lock_account, operation},
    value::{Row, params},
};

/// A registry with its account's digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Surrogate key.
    pub key: RegistryKey,
    /// The account's key.
    pub account: AccountKey,
    /// The account ID.
    pub account_id: AccountId,
    pub region: Region,
    /// Bumped by every change of the registry policy.
    pub policy_version: i64,
    /// How many pull-through cache rules it has.
    pub pull_through_cache_rules: i64,
}

/// The columns that [`Registry::read`] reads, of `account a` and `registry g`.
macro_rules! registry_columns {
    () => {
        "g.key, a.key, a.account_id, g.region, g.policy_version, g.pull_through_cache_rules"
    };
}
pub(crate) use registry_columns;

const DATABASE: crate::Database = crate::Database::Registries;

impl Registry {
    pub(crate) const COLUMNS: usize = 6;

    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.take()?,
            account: row.take()?,
            account_id: row.take()?,
            region: row.take()?,
            policy_version: row.take()?,
            pull_through_cache_rules: row.take()?,
        })
    }
}

/// Locks a registry's row alone on PostgreSQL until the commit: of two changes the second one reads, and counts, what the
/// first one wrote. SQLite has only one writer.
pub(crate) async fn lock_registry(tx: &mut Tx<'_>, registry: RegistryKey) -> Result<(), StoreError> {
    match tx.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => {
            let lock = "SELECT key FROM registry WHERE key = ?1 FOR UPDATE";
            tx.row(lock, &params![registry]).await.map(|_| ())
        }
    }
}

/// Returns the registry of an account in a Region, and creates it if it is new.
#[derive(Clone, Debug)]
pub struct EnsureRegistry {
    /// Its key if it has to be made.
    pub key_if_new: RegistryKey,
    pub account: AccountKey,
    pub region: Region,
    /// How many registries the account may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a registry is not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnsureRegistryRefusal {
    /// The account has as many registries as its quota allows, and none in this Region.
    TooMany,
    /// The registries of the account are in another database.
    Elsewhere,
}

operation!(EnsureRegistry: Durable [Identity, Registry(op.key_if_new)] -> Registry, EnsureRegistryRefusal, |op, tx| {
    lock_account(tx, op.account).await?;
    // The public registry of an account does not count.
    let state = "SELECT \
        (SELECT COUNT(*) FROM registry WHERE account = ?1 AND region <> ?2 AND region <> ?3), \
        (SELECT COUNT(*) FROM account a WHERE a.key = ?1 \
            AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.account = a.key))";
    let row = tx.row(state, &params![op.account, op.region, Region::public()]).await?;
    let mut row = row.ok_or(StoreError::Bug("no row from counts"))?;
    let (others, is_here): (i64, bool) = (row.take()?, row.take()?);
    if !is_here {
        return Ok(Err(EnsureRegistryRefusal::Elsewhere));
    }
    let find = "SELECT 1 FROM registry WHERE account = ?1 AND region = ?2";
    if others >= op.limit && tx.value::<i64>(find, &params![op.account, op.region]).await?.is_none() {
        return Ok(Err(EnsureRegistryRefusal::TooMany));
    }
    let insert = "INSERT INTO registry (key, account, region, policy_version, repository_count, created_at) \
                  VALUES (?1, ?2, ?3, 0, 0, ?4) ON CONFLICT (account, region) DO NOTHING";
    tx.execute(insert, &params![op.key_if_new, op.account, op.region, op.at]).await?;
    let select = concat!("SELECT ", registry_columns!(), " FROM registry g JOIN account a ON a.key = g.account \
                          WHERE g.account = ?1 AND g.region = ?2");
    let row = tx.row(select, &params![op.account, op.region]).await?;
    Ok(Ok(Registry::read(&mut row.ok_or(StoreError::Conflict)?)?))
});
