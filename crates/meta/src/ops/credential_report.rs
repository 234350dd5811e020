//! Credential reports of accounts, and what they are made of.

use aws::ids::AccountId;

use crate::{AccountKey, Micros, Never, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// The last report of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialReport {
    pub started_at: Micros,
    /// When it was generated. None: it is not complete yet.
    pub generated_at: Option<Micros>,
    /// How long it is.
    pub bytes: u64,
}

/// Begins a report, unless there is one.
#[derive(Clone, Debug)]
pub struct StartCredentialReport<A = AccountKey> {
    pub account: A,
    /// A report that was generated after this is not replaced.
    pub fresh_after: Micros,
    /// A report that was begun after this, and is not complete, is waited for.
    pub begun_after: Micros,
    /// Now.
    pub at: Micros,
}

/// Who generates a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportStart {
    /// The caller.
    Started,
    /// Another request.
    InProgress,
    /// Nobody: there is one.
    Complete,
}

operation!(StartCredentialReport<A: InAccount>: Durable [] -> ReportStart, Never, |op, tx| {
    let account: AccountKey = op.account.into();
    let upsert = "INSERT INTO credential_report (account, started_at) VALUES (?1, ?2) \
        ON CONFLICT (account) DO UPDATE SET started_at = excluded.started_at, generated_at = NULL, content = NULL \
        WHERE CASE WHEN credential_report.generated_at IS NULL THEN credential_report.started_at <= ?4 \
            ELSE credential_report.generated_at <= ?3 END";
    let values = params![account, op.at, op.fresh_after, op.begun_after];
    if tx.execute(upsert, &values).await? == 1 {
        return Ok(Ok(ReportStart::Started));
    }
    let select = "SELECT started_at, generated_at FROM credential_report WHERE account = ?1";
    let Some(mut row) = tx.row(select, &params![account]).await? else {
        return Ok(Ok(ReportStart::InProgress));
    };
    let (started_at, generated_at): (Micros, Option<Micros>) = (row.take()?, row.take()?);
    Ok(Ok(match generated_at {
        Some(_) => ReportStart::Complete,
        // A repeated run of this operation finds its own row.
        None if started_at == op.at => ReportStart::Started,
        None => ReportStart::InProgress,
    }))
});

/// Stores a report that was begun.
#[derive(Clone, Debug)]
pub struct StoreCredentialReport<A = AccountKey> {
    pub account: A,
    /// When this report was begun.
    pub started_at: Micros,
    pub content: String,
    /// Now.
    pub at: Micros,
}

operation!(StoreCredentialReport<A: InAccount>: Durable [] -> (), Never, |op, tx| {
    let account: AccountKey = op.account.into();
    // If another request has begun one since, that one is stored.
    let update = "UPDATE credential_report SET generated_at = ?3, content = ?4 WHERE account = ?1 AND started_at = ?2";
    tx.execute(update, &params![account, op.started_at, op.at, op.content]).await?;
    Ok(Ok(()))
});

/// Finds the last report of an account.
#[derive(Clone, Debug)]
pub struct FindCredentialReport {
    pub account_id: AccountId,
}

operation!(FindCredentialReport: Point -> Option<CredentialReport>, Never, |op, tx| {
    let select = "SELECT r.started_at, r.generated_at, COALESCE(length(r.content), 0) FROM credential_report r \
        JOIN account a ON a.key = r.account WHERE a.account_id = ?1";
    let Some(mut row) = tx.row(select, &params![op.account_id]).await? else { return Ok(Ok(None)) };
    let (started_at, generated_at) = (row.take()?, row.take()?);
    Ok(Ok(Some(CredentialReport { started_at, generated_at, bytes: row.take()? })))
});

/// Loads the text of a report.
#[derive(Clone, Debug)]
pub struct LoadCredentialReport {
    pub account_id: AccountId,
    /// When it was generated.
    pub generated_at: Micros,
}

operation!(LoadCredentialReport: Page -> Option<String>, Never, |op, tx| {
    let select = "SELECT r.content FROM credential_report r JOIN account a ON a.key = r.account \
        WHERE a.account_id = ?1 AND r.generated_at = ?2";
    Ok(Ok(tx.value(select, &params![op.account_id, op.generated_at]).await?))
});

/// Reads when an account was created.
#[derive(Clone, Debug)]
pub struct GetAccountCreation {
    pub account_id: AccountId,
}

operation!(GetAccountCreation: Point -> Option<Micros>, Never, |op, tx| {
    Ok(Ok(tx.value("SELECT created_at FROM account WHERE account_id = ?1", &params![op.account_id]).await?))
});

/// An access key in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedKey {
    pub active: bool,
    pub created_at: Micros,
    /// When, in which Region and for which service it was last used.
    pub last_used: Option<(Micros, String, String)>,
}

/// A user and its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCredentials {
    pub name: String,
    pub path: String,
    pub created_at: Micros,
    /// When its password was set, if it has one.
    pub password_changed_at: Option<Micros>,
    pub has_mfa: bool,
    /// Its access keys, oldest first.
    pub keys: Vec<ReportedKey>,
}

/// The credentials of an account's users, by name.
#[derive(Clone, Debug)]
pub struct ListUserCredentials {
    pub account_id: AccountId,
    /// The name after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of users.
    pub limit: usize,
}

operation!(ListUserCredentials: List -> Vec<UserCredentials>, Never, |op, tx| {
    let after = op.after.to_ascii_lowercase();
    let select = "SELECT p.name, p.path, p.created_at, l.changed_at, \
            (SELECT COUNT(*) FROM mfa_device d WHERE d.owner = p.unique_id) \
        FROM principal p JOIN account a ON a.key = p.account \
        LEFT JOIN login_profile l ON l.owner = p.unique_id \
        WHERE a.account_id = ?1 AND p.kind = 'user' AND p.name_folded > ?2 ORDER BY p.name_folded LIMIT ?3";
    let mut users: Vec<UserCredentials> = Vec::new();
    for mut row in tx.rows(select, &params![op.account_id, after, op.limit]).await? {
        users.push(UserCredentials {
            name: row.take()?,
            path: row.take()?,
            created_at: row.take()?,
            password_changed_at: row.take()?,
            has_mfa: row.take::<i64>()? > 0,
            keys: Vec::new(),
        });
    }
    let Some(last) = users.last().map(|user| user.name.to_ascii_lowercase()) else { return Ok(Ok(users)) };
    let keys = "SELECT p.name, k.active, k.created_at, k.last_used_at, k.last_used_region, k.last_used_service \
        FROM principal p JOIN account a ON a.key = p.account JOIN access_key k ON k.owner = p.unique_id \
        WHERE a.account_id = ?1 AND p.kind = 'user' AND p.name_folded > ?2 AND p.name_folded <= ?3 \
        ORDER BY p.name_folded, k.created_at, k.id";
    let mut rest = users.iter_mut();
    let mut user = rest.next();
    for mut row in tx.rows(keys, &params![op.account_id, after, last]).await? {
        let owner: String = row.take()?;
        while user.as_ref().is_some_and(|user| user.name != owner) {
            user = rest.next();
        }
        let (active, created_at, at) = (row.take()?, row.take()?, row.take::<Option<Micros>>()?);
        let (region, service): (Option<String>, Option<String>) = (row.take()?, row.take()?);
        let last_used = at.map(|at| (at, region.unwrap_or_default(), service.unwrap_or_default()));
        if let Some(user) = &mut user {
            user.keys.push(ReportedKey { active, created_at, last_used });
        }
    }
    Ok(Ok(users))
});
