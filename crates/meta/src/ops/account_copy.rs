//! The row of an account in the database of its registries, which refer to it. Nothing in it ever changes: whether the
//! account is open, its name and its organization are read from the directory.

use crate::{Account, Micros, Never, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// Copies an account to the database of its registries.
#[derive(Clone, Debug)]
pub struct CopyAccount {
    /// The account in the directory.
    pub account: Account,
    /// Now.
    pub at: Micros,
}

operation!(CopyAccount: Durable [Identity] -> (), Never, |op, tx| {
    let Account { key, account_id, name, .. } = &op.account;
    let insert = "INSERT INTO account (key, account_id, name, status, created_at) \
                  VALUES (?1, ?2, ?3, 'ACTIVE', ?4) ON CONFLICT (key) DO NOTHING";
    tx.execute(insert, &params![*key, account_id, name, op.at]).await?;
    Ok(Ok(()))
});
