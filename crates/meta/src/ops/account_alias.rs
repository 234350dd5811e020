//! The alias of an account. It is unique in the deployment, and an account has at most one.

use aws::ids::AccountId;

use crate::{AccountKey, Never, ops::account::lock_account, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// Gives an account its alias. An alias that it had before is gone.
#[derive(Clone, Debug)]
pub struct SetAccountAlias<A = AccountKey> {
    /// The account.
    pub account: A,
    /// The new alias.
    pub alias: String,
}

/// Another account has this alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AliasTaken;

operation!(SetAccountAlias<A: InAccount>: Durable [] -> (), AliasTaken, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    tx.execute("DELETE FROM account_alias WHERE account = ?1 AND alias <> ?2", &params![account, op.alias]).await?;
    let insert = "INSERT INTO account_alias (alias, account) VALUES (?1, ?2) ON CONFLICT (alias) DO NOTHING";
    tx.execute(insert, &params![op.alias, account]).await?;
    let select = "SELECT account FROM account_alias WHERE alias = ?1";
    let owner: Option<AccountKey> = tx.value(select, &params![op.alias]).await?;
    Ok(if owner == Some(account) { Ok(()) } else { Err(AliasTaken) })
});

/// Takes the alias from an account.
#[derive(Clone, Debug)]
pub struct DeleteAccountAlias<A = AccountKey> {
    /// The account.
    pub account: A,
    /// The alias that it must have.
    pub alias: String,
}

/// The account does not have this alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchAlias;

operation!(DeleteAccountAlias<A: InAccount>: Durable [] -> (), NoSuchAlias, |op, tx| {
    let account: AccountKey = op.account.into();
    let delete = "DELETE FROM account_alias WHERE alias = ?1 AND account = ?2";
    let gone = tx.execute(delete, &params![op.alias, account]).await? == 1;
    Ok(if gone { Ok(()) } else { Err(NoSuchAlias) })
});

/// Reads the alias of an account.
#[derive(Clone, Debug)]
pub struct GetAccountAlias {
    /// The account ID.
    pub account_id: AccountId,
}

operation!(GetAccountAlias: Point -> Option<String>, Never, |op, tx| {
    let select = "SELECT l.alias FROM account_alias l JOIN account a ON a.key = l.account WHERE a.account_id = ?1";
    Ok(Ok(tx.value(select, &params![op.account_id]).await?))
});
