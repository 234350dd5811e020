//! Accounts as members of the organization: created with their first role, listed, tagged, closed, removed.

use aws::ids::AccountId;

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{
        account::{CreateAccount, lock_account_where, lock_organization},
        entity::CreateEntity,
        identity_policy::AttachManagedPolicy,
        operation,
    },
    value::{Row, params},
};

/// An account as Organizations shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAccount {
    /// The account ID.
    pub account_id: AccountId,
    /// The display name.
    pub name: String,
    /// `ACTIVE` or `SUSPENDED`.
    pub status: String,
    /// Its root user's address.
    pub email: Option<String>,
    /// Whether it is in the organization.
    pub in_organization: bool,
    /// `CREATED` or `INVITED`.
    pub joined_method: String,
    /// When it joined; when it was created, for an account that is older than the organization.
    pub joined_at: Micros,
    /// The units that it is in, from the root on, each followed by a slash; empty in the root.
    pub unit_path: String,
}

macro_rules! member_columns {
    () => {
        "account_id, name, status, email, in_organization, joined_method, COALESCE(joined_at, created_at), unit_path \
         FROM account"
    };
}
pub(crate) use member_columns;

const DATABASE: crate::Database = crate::Database::Directory;

const COLUMNS: &str = member_columns!();

impl MemberAccount {
    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            account_id: row.take()?,
            name: row.take()?,
            status: row.take()?,
            email: row.take()?,
            in_organization: row.take()?,
            joined_method: row.take()?,
            joined_at: row.take()?,
            unit_path: row.take()?,
        })
    }
}

/// Finds an account, in the organization or not.
#[derive(Clone, Debug)]
pub struct FindMemberAccount {
    /// The account ID.
    pub account_id: AccountId,
}

operation!(FindMemberAccount: Point -> Option<MemberAccount>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE account_id = ?1");
    let row = tx.row(&select, &params![op.account_id]).await?;
    Ok(Ok(row.map(|mut row| MemberAccount::read(&mut row)).transpose()?))
});

/// Finds the account that was there first.
#[derive(Clone, Debug)]
pub struct FirstAccount;

operation!(FirstAccount: Point -> Option<AccountId>, Never, |_op, tx| {
    Ok(Ok(tx.value("SELECT account_id FROM account ORDER BY created_at, key LIMIT 1", &[]).await?))
});

/// Lists the members of the organization by account ID.
#[derive(Clone, Debug)]
pub struct ListMemberAccounts {
    /// The account ID after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListMemberAccounts: Page -> Vec<MemberAccount>, Never, |op, tx| {
    let select =
        format!("SELECT {COLUMNS} WHERE in_organization = 1 AND account_id > ?1 ORDER BY account_id LIMIT ?2");
    let rows = tx.rows(&select, &params![op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| MemberAccount::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Lists every account by its ID, in the organization or not.
#[derive(Clone, Debug)]
pub struct ListAccounts {
    /// The account ID after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListAccounts: Page -> Vec<MemberAccount>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE account_id > ?1 ORDER BY account_id LIMIT ?2");
    let rows = tx.rows(&select, &params![op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| MemberAccount::read(&mut row)).collect::<Result<_, _>>()?))
});

/// A change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// Another name.
    Rename(String),
    /// Closed: all requests of its principals are rejected.
    Close,
    /// No longer in the organization.
    Leave,
}

/// Changes an account. Returns its state before; None if it does not exist.
#[derive(Clone, Debug)]
pub struct ChangeMemberAccount {
    /// The account ID.
    pub account_id: AccountId,
    /// What changes.
    pub change: MemberChange,
    /// Now.
    pub at: Micros,
}

operation!(ChangeMemberAccount: Durable [Identity] -> Option<MemberAccount>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE account_id = ?1");
    let before = tx.row(&select, &params![op.account_id]).await?;
    let before = before.map(|mut row| MemberAccount::read(&mut row)).transpose()?;
    match &op.change {
        MemberChange::Rename(name) => {
            tx.execute("UPDATE account SET name = ?2 WHERE account_id = ?1", &params![op.account_id, name]).await?
        }
        MemberChange::Close => {
            let close = "UPDATE account SET status = 'SUSPENDED', closed_at = ?2 \
                WHERE account_id = ?1 AND closed_at IS NULL";
            tx.execute(close, &params![op.account_id, op.at]).await?
        }
        MemberChange::Leave => {
            let leave = "UPDATE account SET in_organization = 0, unit_path = '' WHERE account_id = ?1";
            tx.execute(leave, &params![op.account_id]).await?
        }
    };
    Ok(Ok(before))
});

/// Sets and removes tags of an account.
#[derive(Clone, Debug)]
pub struct TagAccount {
    /// The account ID.
    pub account_id: AccountId,
    /// Keys that go.
    pub remove: Vec<String>,
    /// Tags that come, over those of the same key.
    pub set: Vec<(String, String)>,
    /// Its quota.
    pub limit: i64,
}

/// Why tags of an account were not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagAccountRefusal {
    /// The quota would be exceeded.
    TooMany,
    /// A tag that comes would stand beside one whose key differs in nothing but case. Condition keys of policies ignore
    /// case, so that the one could hide the other.
    SameButForCase,
}

operation!(TagAccount: Durable [Identity] -> (), TagAccountRefusal, |op, tx| {
    lock_account_where(tx, "account_id = ?1", &params![op.account_id]).await?;
    for key in &op.remove {
        let delete = "DELETE FROM account_tag WHERE key = ?2 \
            AND account = (SELECT a.key FROM account a WHERE a.account_id = ?1)";
        tx.execute(delete, &params![op.account_id, key]).await?;
    }
    put_tags(tx, &op.account_id, &op.set).await?;
    let select = "SELECT t.key FROM account_tag t JOIN account a ON a.key = t.account WHERE a.account_id = ?1";
    let rows = tx.rows(select, &params![op.account_id]).await?;
    let keys = rows.into_iter().map(|mut row| row.take()).collect::<Result<Vec<String>, StoreError>>()?;
    if i64::try_from(keys.len()).unwrap_or(i64::MAX) > op.limit {
        return Ok(Err(TagAccountRefusal::TooMany));
    }
    // Older tags that violate this rule do not prevent other tags from being set.
    let is_hidden = |(key, _): &(String, String)| {
        keys.iter().any(|known| known != key && aws::tag::folded(known) == aws::tag::folded(key))
    };
    Ok(if op.set.iter().any(is_hidden) { Err(TagAccountRefusal::SameButForCase) } else { Ok(()) })
});

async fn put_tags(tx: &mut Tx<'_>, account: &AccountId, tags: &[(String, String)]) -> Result<(), StoreError> {
    for (key, value) in tags {
        let upsert = "INSERT INTO account_tag (account, key, value) \
            SELECT a.key, ?2, ?3 FROM account a WHERE a.account_id = ?1 \
            ON CONFLICT (account, key) DO UPDATE SET value = excluded.value";
        tx.execute(upsert, &params![account, key, value]).await?;
    }
    Ok(())
}

/// Reads an account's tags by key: at most 50.
#[derive(Clone, Debug)]
pub struct ListAccountTags {
    /// The account ID.
    pub account_id: AccountId,
}

operation!(ListAccountTags: Point -> Vec<(String, String)>, Never, |op, tx| {
    let select = "SELECT t.key, t.value FROM account_tag t JOIN account a ON a.key = t.account \
        WHERE a.account_id = ?1 ORDER BY t.key";
    let rows = tx.rows(select, &params![op.account_id]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect::<Result<_, StoreError>>()?))
});

/// Makes the root of an account a principal, so it can have an access key.
#[derive(Clone, Debug)]
pub struct EnsureRoot {
    /// The account ID, which is also the unique ID of the root.
    pub account_id: AccountId,
    /// Now.
    pub at: Micros,
}

/// The account does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootAccountGone;

operation!(EnsureRoot: Durable [Identity] -> (), RootAccountGone, |op, tx| {
    let insert = "INSERT INTO principal \
            (unique_id, account, kind, path, name, name_folded, version, created_at) \
        SELECT a.account_id, a.key, 'root', '/', 'root', 'root', 1, ?2 FROM account a WHERE a.account_id = ?1 \
        ON CONFLICT (unique_id) DO NOTHING";
    tx.execute(insert, &params![op.account_id, op.at]).await?;
    let select = "SELECT 1 FROM principal WHERE unique_id = ?1";
    let found: Option<i64> = tx.value(select, &params![op.account_id]).await?;
    Ok(found.map(|_| ()).ok_or(RootAccountGone))
});

/// How the making of an account went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCreation {
    /// `car-…`
    pub id: String,
    /// The name asked for.
    pub name: String,
    /// `SUCCEEDED` or `FAILED`.
    pub state: String,
    /// The account ID, if it was created.
    pub account_id: Option<String>,
    /// Why it was not created.
    pub failure_reason: Option<String>,
    /// When it was asked for, and done.
    pub requested_at: Micros,
}

const CREATION: &str = "id, name, state, account_id, failure_reason, requested_at FROM account_creation";

impl AccountCreation {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            name: row.take()?,
            state: row.take()?,
            account_id: row.take()?,
            failure_reason: row.take()?,
            requested_at: row.take()?,
        })
    }
}

/// Creates an account with the role that the management account can assume, and records the result.
#[derive(Clone, Debug)]
pub struct CreateMemberAccount {
    /// `car-…`, chosen by the caller at random.
    pub id: String,
    pub account: CreateAccount,
    /// Its root user's address.
    pub email: String,
    pub role: CreateEntity,
    /// ARN of the role's policy.
    pub policy_arn: String,
    pub tags: Vec<(String, String)>,
}

/// Another account has this ID; nothing was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountIdTaken;

operation!(CreateMemberAccount: Durable [Identity] -> AccountCreation, AccountIdTaken, |op, tx| {
    let (id, at, account_id) = (&op.id, op.account.at, &op.account.account_id);
    // An email address is unique in the whole organization.
    lock_organization(tx).await?;
    let taken = "SELECT 1 FROM account WHERE email = ?1 AND account_id <> ?2";
    let email_taken = tx.value::<i64>(taken, &params![op.email, account_id]).await?.is_some();
    if !email_taken {
        if op.account.run(tx).await?.is_err() {
            return Ok(Err(AccountIdTaken));
        }
        let join = "UPDATE account SET email = ?2, joined_method = 'CREATED', joined_at = ?3 WHERE account_id = ?1";
        tx.execute(join, &params![account_id, op.email, at]).await?;
        if op.role.run(tx).await?.is_err() {
            return Err(StoreError::Bug("a new account has a role"));
        }
        let attach = AttachManagedPolicy { owner: op.role.unique_id.clone(), arn: op.policy_arn.clone() };
        if attach.run(tx).await?.is_err() {
            return Err(StoreError::Bug("a role that was just made is gone"));
        }
        put_tags(tx, account_id, &op.tags).await?;
    }
    let (state, made, reason) = if email_taken {
        ("FAILED", None, Some("EMAIL_ALREADY_EXISTS"))
    } else {
        ("SUCCEEDED", Some(account_id.to_string()), None)
    };
    let insert = "INSERT INTO account_creation \
            (id, name, email, state, account_id, failure_reason, requested_at, completed_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (id) DO NOTHING";
    tx.execute(insert, &params![id, op.account.name, op.email, state, made, reason, at]).await?;
    let select = format!("SELECT {CREATION} WHERE id = ?1");
    let mut row = tx.row(&select, &params![id]).await?.ok_or(StoreError::Conflict)?;
    Ok(Ok(AccountCreation::read(&mut row)?))
});

/// Lists what was asked to be made, by id.
#[derive(Clone, Debug)]
pub struct ListAccountCreations {
    /// Only this one.
    pub id: Option<String>,
    /// The id after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListAccountCreations: Page -> Vec<AccountCreation>, Never, |op, tx| {
    let rows = if let Some(id) = &op.id {
        tx.rows(&format!("SELECT {CREATION} WHERE id = ?1"), &params![id]).await?
    } else {
        let select = format!("SELECT {CREATION} WHERE id > ?1 ORDER BY id LIMIT ?2");
        tx.rows(&select, &params![op.after, op.limit]).await?
    };
    Ok(Ok(rows.into_iter().map(|mut row| AccountCreation::read(&mut row)).collect::<Result<_, _>>()?))
});
