//! The rules for the passwords of an account's users.

use aws::ids::AccountId;

use crate::{AccountKey, Never, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// The rules, as IAM has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Characters.
    pub minimum_length: u32,
    pub require_symbols: bool,
    pub require_numbers: bool,
    pub require_uppercase: bool,
    pub require_lowercase: bool,
    /// Whether users may change their own password.
    pub allow_users_to_change: bool,
    /// Days until a password expires; never, if there are none.
    pub max_age_days: Option<u32>,
    /// How many earlier passwords must not be used again.
    pub reuse_prevention: Option<u32>,
    /// Whether a user whose password expired needs an administrator.
    pub hard_expiry: bool,
}

/// Replaces the rules of an account.
#[derive(Clone, Debug)]
pub struct SetPasswordPolicy<A = AccountKey> {
    /// The account.
    pub account: A,
    /// All rules.
    pub policy: PasswordPolicy,
}

operation!(SetPasswordPolicy<A: InAccount>: Durable [] -> (), Never, |op, tx| {
    let account: AccountKey = op.account.into();
    let policy = &op.policy;
    let upsert = "INSERT INTO password_policy (account, minimum_length, require_symbols, require_numbers, \
            require_uppercase, require_lowercase, allow_users_to_change, max_age_days, reuse_prevention, hard_expiry) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (account) DO UPDATE SET \
            minimum_length = excluded.minimum_length, require_symbols = excluded.require_symbols, \
            require_numbers = excluded.require_numbers, require_uppercase = excluded.require_uppercase, \
            require_lowercase = excluded.require_lowercase, allow_users_to_change = excluded.allow_users_to_change, \
            max_age_days = excluded.max_age_days, reuse_prevention = excluded.reuse_prevention, \
            hard_expiry = excluded.hard_expiry";
    let values = params![
        account,
        policy.minimum_length,
        policy.require_symbols,
        policy.require_numbers,
        policy.require_uppercase,
        policy.require_lowercase,
        policy.allow_users_to_change,
        policy.max_age_days,
        policy.reuse_prevention,
        policy.hard_expiry
    ];
    tx.execute(upsert, &values).await?;
    Ok(Ok(()))
});

/// Deletes the rules of an account.
#[derive(Clone, Debug)]
pub struct DeletePasswordPolicy<A = AccountKey> {
    /// The account.
    pub account: A,
}

/// The account has no rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPasswordPolicy;

operation!(DeletePasswordPolicy<A: InAccount>: Durable [] -> (), NoPasswordPolicy, |op, tx| {
    let account: AccountKey = op.account.into();
    let gone = tx.execute("DELETE FROM password_policy WHERE account = ?1", &params![account]).await? == 1;
    Ok(if gone { Ok(()) } else { Err(NoPasswordPolicy) })
});

/// Reads the rules of an account.
#[derive(Clone, Debug)]
pub struct GetPasswordPolicy {
    /// The account ID.
    pub account_id: AccountId,
}

operation!(GetPasswordPolicy: Point -> Option<PasswordPolicy>, Never, |op, tx| {
    let select = "SELECT p.minimum_length, p.require_symbols, p.require_numbers, p.require_uppercase, \
            p.require_lowercase, p.allow_users_to_change, p.max_age_days, p.reuse_prevention, p.hard_expiry \
        FROM password_policy p JOIN account a ON a.key = p.account WHERE a.account_id = ?1";
    let Some(mut row) = tx.row(select, &params![op.account_id]).await? else { return Ok(Ok(None)) };
    Ok(Ok(Some(PasswordPolicy {
        minimum_length: row.take()?,
        require_symbols: row.take()?,
        require_numbers: row.take()?,
        require_uppercase: row.take()?,
        require_lowercase: row.take()?,
        allow_users_to_change: row.take()?,
        max_age_days: row.take()?,
        reuse_prevention: row.take()?,
        hard_expiry: row.take()?,
    })))
});
