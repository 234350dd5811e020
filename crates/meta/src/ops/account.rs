//! Accounts: twelve digits, a surrogate key, a name.

use aws::ids::AccountId;

use crate::{
    AccountKey, Dialect, Micros, Never, StoreError, Tx,
    ops::operation,
    value::{Param, Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// Its key, chosen by the caller at random.
    pub key: AccountKey,
    pub account_id: AccountId,
    /// The display name.
    pub name: String,
    /// Now.
    pub at: Micros,
}

/// Another account has this ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountExists;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Surrogate key.
    pub key: AccountKey,
    /// The account ID.
    pub account_id: AccountId,
    /// The display name.
    pub name: String,
    /// `ACTIVE`, as Organizations names the state.
    pub status: String,
    /// Whether it is in the organization.
    pub in_organization: bool,
    /// The units that it is in, from the root on, each followed by a slash; empty in the root.
    pub unit_path: String,
}

impl Account {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.take()?,
            account_id: row.take()?,
            name: row.take()?,
            status: row.take()?,
            in_organization: row.take()?,
            unit_path: row.take()?,
        })
    }
}

const SELECT: &str =
    "SELECT key, account_id, name, status, in_organization, unit_path FROM account WHERE account_id = ?1";

operation!(CreateAccount: Durable [Identity] -> Account, AccountExists, |op, tx| {
    let insert = "INSERT INTO account (key, account_id, name, status, created_at) \
                  VALUES (?1, ?2, ?3, 'ACTIVE', ?4) ON CONFLICT (account_id) DO NOTHING";
    tx.execute(insert, &params![op.key, op.account_id, op.name, op.at]).await?;
    let mut row = tx.row(SELECT, &params![op.account_id]).await?.ok_or(StoreError::Conflict)?;
    let account = Account::read(&mut row)?;
    // The caller chose the key at random: finding it means that this operation created the row.
    Ok(if account.key == op.key { Ok(account) } else { Err(AccountExists) })
});

/// Holds the row of an account on PostgreSQL until the commit: only one transaction at a time counts and names what the
/// account has.
pub(crate) async fn lock_account(tx: &mut Tx<'_>, account: AccountKey) -> Result<(), StoreError> {
    lock_account_where(tx, "key = ?1", &params![account]).await
}

/// [`lock_account`] for the account that a condition names.
pub(crate) async fn lock_account_where(
    tx: &mut Tx<'_>,
    condition: &str,
    values: &[Param<'_>],
) -> Result<(), StoreError> {
    match tx.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => {
            let lock = format!("SELECT 1 FROM account WHERE {condition} FOR NO KEY UPDATE");
            tx.rows(&lock, values).await.map(|_| ())
        }
    }
}

/// Holds the organization on PostgreSQL until the commit. The row of the first account stands for it.
pub(crate) async fn lock_organization(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    lock_account_where(tx, "key = (SELECT key FROM account ORDER BY created_at, key LIMIT 1)", &[]).await
}

/// Finds an account by its ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FindAccount {
    /// The account ID.
    pub account_id: AccountId,
}

operation!(FindAccount: Point -> Option<Account>, Never, |op, tx| {
    Ok(Ok(tx.row(SELECT, &params![op.account_id]).await?.map(|mut row| Account::read(&mut row)).transpose()?))
});
