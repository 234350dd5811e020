//! Connections of EventBridge: how API destinations authenticate. Their secrets are sealed, and sealed again when sealing
//! keys change.

use crate::{
    Micros, Never, StoreError,
    ops::{
        event_rule::{EventName, EventPage},
        operation, row_version,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A connection. It has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct EventConnection {
    /// Without the ID.
    pub arn: String,
    pub name: String,
    /// What the ARN that clients see ends with.
    pub id: String,
    pub description: Option<String>,
    /// EventBridge's name of the kind of authorization.
    pub authorization_type: String,
    /// How to authenticate, sealed.
    pub sealed_auth: Vec<u8>,
    pub created_at: Micros,
    pub updated_at: Micros,
    pub authorized_at: Micros,
    /// Grows with each change by a request.
    pub version: i64,
}

const SELECT: &str = "SELECT arn, name, id, description, authorization_type, sealed_auth, created_at, updated_at, \
    authorized_at, version FROM event_connection";

impl EventConnection {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            name: row.take()?,
            id: row.take()?,
            description: row.take()?,
            authorization_type: row.take()?,
            sealed_auth: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            authorized_at: row.take()?,
            version: row.take()?,
        })
    }
}

/// What a request gives a connection.
#[derive(Clone)]
pub struct ConnectionFields {
    pub description: Option<String>,
    pub authorization_type: String,
    pub sealed_auth: Vec<u8>,
}

/// Creates a connection.
#[derive(Clone)]
pub struct CreateEventConnection<K = String> {
    pub arn: K,
    pub id: String,
    pub fields: ConnectionFields,
    /// How many connections an account may have in a Region.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a connection or an API destination was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateNamedRefusal {
    /// There is one with this name.
    Exists,
    /// The account has as many as it may have.
    Limit,
}

operation!(CreateEventConnection<K: Key>: Durable [] -> (), CreateNamedRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    let named = EventName::of(arn)?;
    named.lock(tx).await?;
    let existing: Option<String> = tx.value("SELECT id FROM event_connection WHERE arn = ?1", &params![arn]).await?;
    if let Some(id) = existing {
        // The ID is random: finding it means that this operation created the row.
        return Ok(if id == op.id { Ok(()) } else { Err(CreateNamedRefusal::Exists) });
    }
    if named.count(tx, "event_connection").await? >= op.limit {
        return Ok(Err(CreateNamedRefusal::Limit));
    }
    let insert = "INSERT INTO event_connection (arn, account_id, region, name, id, description, authorization_type, \
        sealed_auth, created_at, updated_at, authorized_at, version) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?9, ?10)";
    let ConnectionFields { description, authorization_type, sealed_auth } = &op.fields;
    tx.execute(insert, &params![arn, named.account_id, named.region, named.name, op.id, description,
        authorization_type, sealed_auth, op.at, row_version::fresh()]).await?;
    Ok(Ok(()))
});

#[derive(Clone, Debug)]
pub struct FindEventConnection {
    /// Without the ID.
    pub arn: String,
}

operation!(FindEventConnection: Point -> Option<EventConnection>, Never, |op, tx| {
    let row = tx.row(&format!("{SELECT} WHERE arn = ?1"), &params![op.arn]).await?;
    Ok(Ok(row.map(EventConnection::read).transpose()?))
});

/// Lists connections.
#[derive(Clone, Debug)]
pub struct ListEventConnections(pub EventPage);

operation!(ListEventConnections: Point -> Vec<EventConnection>, Never, |op, tx| {
    let rows = op.0.rows(tx, SELECT).await?;
    Ok(Ok(rows.into_iter().map(EventConnection::read).collect::<Result<_, _>>()?))
});

/// Replaces a connection that was read.
#[derive(Clone)]
pub struct ReplaceEventConnection<K = String> {
    pub arn: K,
    /// The version that was read.
    pub version: i64,
    pub fields: ConnectionFields,
    /// Now.
    pub at: Micros,
}

/// The row was deleted or has changed since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedMeanwhile;

operation!(ReplaceEventConnection<K: Key>: Durable [] -> (), ChangedMeanwhile, |op, tx| {
    let update = "UPDATE event_connection SET description = ?3, authorization_type = ?4, sealed_auth = ?5, \
        updated_at = ?6, authorized_at = ?6, version = version + 1 WHERE arn = ?1 AND version = ?2";
    let ConnectionFields { description, authorization_type, sealed_auth } = &op.fields;
    let arn = op.arn.as_ref();
    let values = params![arn, op.version, description, authorization_type, sealed_auth, op.at];
    Ok(if tx.execute(update, &values).await? == 1 { Ok(()) } else { Err(ChangedMeanwhile) })
});

/// Deletes a connection; returns what it was.
#[derive(Clone, Debug)]
pub struct DeleteEventConnection<K = String> {
    pub arn: K,
}

operation!(DeleteEventConnection<K: Key>: Durable [] -> Option<EventConnection>, Never, |op, tx| {
    let row = tx.row(&format!("{SELECT} WHERE arn = ?1"), &params![op.arn.as_ref()]).await?;
    tx.execute("DELETE FROM event_connection WHERE arn = ?1", &params![op.arn.as_ref()]).await?;
    Ok(Ok(row.map(EventConnection::read).transpose()?))
});

/// Lists the secrets of connections that other keys than this one seal, by ARN.
#[derive(Clone, Debug)]
pub struct ListConnectionsNotUnder {
    /// The sealing key's id.
    pub sealing_key: u8,
    /// Begins after this ARN.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

/// The sealed secrets of a connection. It has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedConnection {
    pub arn: String,
    pub sealed: Vec<u8>,
}

operation!(ListConnectionsNotUnder: Page -> Vec<SealedConnection>, Never, |op, tx| {
    let select = "SELECT arn, sealed_auth FROM event_connection \
        WHERE substr(sealed_auth, 2, 1) <> ?1 AND arn > ?2 ORDER BY arn LIMIT ?3";
    let rows = tx.rows(select, &params![vec![op.sealing_key], op.after, op.limit]).await?;
    let sealed = |mut row: Row| Ok(SealedConnection { arn: row.take()?, sealed: row.take()? });
    Ok(Ok(rows.into_iter().map(sealed).collect::<Result<_, StoreError>>()?))
});

/// Replaces secrets that were read by the same under another key; false if they have changed.
#[derive(Clone)]
pub struct ResealConnection {
    /// What was read.
    pub old: SealedConnection,
    pub sealed: Vec<u8>,
}

operation!(ResealConnection: Durable [] -> bool, Never, |op, tx| {
    let update = "UPDATE event_connection SET sealed_auth = ?3 WHERE arn = ?1 AND sealed_auth = ?2";
    Ok(Ok(tx.execute(update, &params![op.old.arn, op.old.sealed, op.sealed]).await? == 1))
});
