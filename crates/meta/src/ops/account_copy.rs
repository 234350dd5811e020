//! The row of an account in the database of its registries, which refer to it. Nothing in it ever changes: whether the
//! account is open, its name and its organization are read from the directory.

use aws::ids::AccountId;

use crate::{Account, Micros, Never, StoreError, ops::operation, value::params};

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

/// The row of an account in the database of its registries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedAccount {
    pub account_id: AccountId,
    /// Whether it has a registry.
    pub has_registries: bool,
}

/// Lists accounts that were copied to this database, by account ID.
#[derive(Clone, Debug)]
pub struct ListCopiedAccounts {
    /// Only accounts after this one.
    pub after: Option<AccountId>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListCopiedAccounts: Page -> Vec<CopiedAccount>, Never, |op, tx| {
    let select = "SELECT a.account_id, \
            (SELECT COUNT(*) FROM (SELECT 1 FROM registry g WHERE g.account = a.key LIMIT 1) one) \
        FROM account a WHERE a.account_id > ?1 ORDER BY a.account_id LIMIT ?2";
    let after = op.after.as_ref().map_or("", |after| after.as_str());
    let rows = tx.rows(select, &params![after, op.limit]).await?;
    let copied = rows
        .into_iter()
        .map(|mut row| Ok(CopiedAccount { account_id: row.take()?, has_registries: row.take()? }));
    Ok(Ok(copied.collect::<Result<_, StoreError>>()?))
});
