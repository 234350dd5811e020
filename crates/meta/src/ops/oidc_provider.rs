//! OpenID Connect providers whose tokens an account accepts.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, Never, StoreError,
    ops::{account::lock_account, operation},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcProvider {
    pub arn: String,
    /// The issuer, with its scheme.
    pub url: String,
    /// Accepted audiences, a JSON list.
    pub client_ids: String,
    /// Certificate thumbprints, a JSON list. Stored and shown; trust comes from certificates.
    pub thumbprints: String,
    /// PEM of the certificate authority of the issuer, if it is not a public one.
    pub certificate_authority: Option<String>,
    /// An uploaded key set, in place of fetching one.
    pub key_set: Option<String>,
    /// When it was created.
    pub created_at: Micros,
}

const COLUMNS: &str =
    "SELECT arn, url, client_ids, thumbprints, certificate_authority, key_set, created_at FROM oidc_provider";

impl OidcProvider {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            url: row.take()?,
            client_ids: row.take()?,
            thumbprints: row.take()?,
            certificate_authority: row.take()?,
            key_set: row.take()?,
            created_at: row.take()?,
        })
    }
}

#[derive(Clone, Debug)]
pub struct CreateOidcProvider<A = AccountKey> {
    pub account: A,
    pub provider: OidcProvider,
    pub tags: Vec<(String, String)>,
    /// The account's quota.
    pub limit: i64,
}

/// Why it was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOidcProviderRefusal {
    /// The account has one with that URL.
    Exists,
    /// The account has as many as its quota allows.
    Limit,
}

operation!(CreateOidcProvider<A: InAccount>: Durable [Identity] -> (), CreateOidcProviderRefusal, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    let new = &op.provider;
    let count = "SELECT COUNT(*) FROM oidc_provider WHERE account = ?1 AND url <> ?2";
    if tx.value::<i64>(count, &params![account, new.url]).await?.unwrap_or_default() >= op.limit {
        return Ok(Err(CreateOidcProviderRefusal::Limit));
    }
    let insert = "INSERT INTO oidc_provider (arn, account, url, client_ids, thumbprints, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let values = params![new.arn, account, new.url, new.client_ids, new.thumbprints, new.created_at];
    if tx.execute(insert, &values).await? == 0 {
        // This operation created the same provider at the same time.
        let own = "SELECT 1 FROM oidc_provider \
            WHERE arn = ?1 AND created_at = ?2 AND client_ids = ?3 AND thumbprints = ?4";
        let values = params![new.arn, new.created_at, new.client_ids, new.thumbprints];
        let own: Option<i64> = tx.value(own, &values).await?;
        return Ok(own.map(|_| ()).ok_or(CreateOidcProviderRefusal::Exists));
    }
    for (key, value) in &op.tags {
        super::iam_tag::put_tag(tx, &new.arn, key, value).await?;
    }
    Ok(Ok(()))
});

#[derive(Clone, Debug)]
pub struct FindOidcProvider {
    pub arn: String,
}

operation!(FindOidcProvider: Point -> Option<OidcProvider>, Never, |op, tx| {
    let row = tx.row(&format!("{COLUMNS} WHERE arn = ?1"), &params![op.arn]).await?;
    Ok(Ok(row.map(|mut row| OidcProvider::read(&mut row)).transpose()?))
});

/// Lists an account's providers: at most as many as its quota allows.
#[derive(Clone, Debug)]
pub struct ListOidcProviders {
    pub account_id: AccountId,
}

operation!(ListOidcProviders: Point -> Vec<OidcProvider>, Never, |op, tx| {
    let select = format!("{COLUMNS} WHERE account = (SELECT key FROM account WHERE account_id = ?1) ORDER BY arn");
    let rows = tx.rows(&select, &params![op.account_id]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| OidcProvider::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Changes a provider; what is None stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateOidcProvider<K = String> {
    pub arn: K,
    /// Thumbprints, a JSON list.
    pub thumbprints: Option<String>,
    /// The authority's PEM; empty takes it away.
    pub certificate_authority: Option<String>,
    /// The key set; empty takes it away.
    pub key_set: Option<String>,
}

/// The provider does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OidcProviderGone;

operation!(UpdateOidcProvider<K: Key>: Durable [Identity] -> (), OidcProviderGone, |op, tx| {
    let arn = op.arn.as_ref();
    let update = "UPDATE oidc_provider SET thumbprints = COALESCE(?2, thumbprints), \
        certificate_authority = NULLIF(COALESCE(?3, certificate_authority), ''), \
        key_set = NULLIF(COALESCE(?4, key_set), '') WHERE arn = ?1";
    let values = params![arn, op.thumbprints, op.certificate_authority, op.key_set];
    Ok(if tx.execute(update, &values).await? == 1 { Ok(()) } else { Err(OidcProviderGone) })
});

/// Adds or removes an audience; it succeeds if nothing changes. One at a time: an audience that was removed does not
/// come back with a list that was read before.
#[derive(Clone, Debug)]
pub struct ChangeOidcAudience<K = String> {
    /// The provider's ARN.
    pub arn: K,
    /// The audience.
    pub client_id: String,
    /// Whether it is accepted from now on.
    pub accepted: bool,
    /// The quota of audiences.
    pub limit: usize,
}

/// Why the audience was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOidcAudienceRefusal {
    /// The provider does not exist.
    Gone,
    /// It has as many as its quota allows.
    Limit,
}

operation!(ChangeOidcAudience<K: Key>: Durable [Identity] -> (), ChangeOidcAudienceRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    let select = tx.fork(
        "SELECT client_ids FROM oidc_provider WHERE arn = ?1",
        "SELECT client_ids FROM oidc_provider WHERE arn = ?1 FOR NO KEY UPDATE",
    );
    let Some(kept) = tx.value::<String>(select, &params![arn]).await? else {
        return Ok(Err(ChangeOidcAudienceRefusal::Gone));
    };
    let mut client_ids: Vec<String> =
        serde_json::from_str(&kept).map_err(|_| StoreError::Corrupt("client_ids"))?;
    if !op.accepted {
        client_ids.retain(|known| *known != op.client_id);
    } else if !client_ids.contains(&op.client_id) {
        client_ids.push(op.client_id.clone());
        if client_ids.len() > op.limit {
            return Ok(Err(ChangeOidcAudienceRefusal::Limit));
        }
    }
    let changed = serde_json::to_string(&client_ids)
        .map_err(|_| StoreError::Bug("audiences cannot be written as JSON"))?;
    let update = "UPDATE oidc_provider SET client_ids = ?2 WHERE arn = ?1";
    tx.execute(update, &params![arn, changed]).await?;
    Ok(Ok(()))
});

/// Removes a provider.
#[derive(Clone, Debug)]
pub struct DeleteOidcProvider<K = String> {
    pub arn: K,
}

operation!(DeleteOidcProvider<K: Key>: Durable [Identity] -> (), OidcProviderGone, |op, tx| {
    let arn = op.arn.as_ref();
    // The row first: it waits for an operation that sets a tag, which is then deleted too. Tags are stored by ARN, and
    // an ARN can be used again.
    let gone = tx.execute("DELETE FROM oidc_provider WHERE arn = ?1", &params![arn]).await?;
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![arn]).await?;
    Ok(if gone == 1 { Ok(()) } else { Err(OidcProviderGone) })
});
