//! API destinations of EventBridge: HTTP endpoints that get events.

use crate::{
    Micros, Never, StoreError,
    ops::{
        event_connection::{ChangedMeanwhile, CreateNamedRefusal},
        event_rule::{EventName, EventPage},
        operation, row_version,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// An API destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiDestinationRow {
    /// Without the ID.
    pub arn: String,
    pub name: String,
    /// What the ARN that clients see ends with.
    pub id: String,
    pub fields: ApiDestinationFields,
    /// Whether its connection exists.
    pub is_active: bool,
    pub created_at: Micros,
    pub updated_at: Micros,
    /// Grows with each change. A row that is written again under the same name begins elsewhere.
    pub version: i64,
}

/// What a request gives an API destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiDestinationFields {
    pub description: Option<String>,
    /// With the ID.
    pub connection_arn: String,
    /// The URL, in which `*` stands for values of the target.
    pub endpoint: String,
    /// The HTTP method.
    pub method: String,
    /// Requests in a second.
    pub rate: Option<u32>,
}

const SELECT: &str = "SELECT arn, name, id, description, connection_arn, endpoint, method, rate, \
    (SELECT COUNT(*) FROM event_connection c WHERE c.arn || '/' || c.id = connection_arn \
        AND c.account_id = api_destination.account_id AND c.region = api_destination.region), \
    created_at, updated_at, version FROM api_destination";

impl ApiDestinationRow {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            name: row.take()?,
            id: row.take()?,
            fields: ApiDestinationFields {
                description: row.take()?,
                connection_arn: row.take()?,
                endpoint: row.take()?,
                method: row.take()?,
                rate: row.take()?,
            },
            is_active: row.take::<i64>()? > 0,
            created_at: row.take()?,
            updated_at: row.take()?,
            version: row.take()?,
        })
    }
}

/// Creates an API destination.
#[derive(Clone, Debug)]
pub struct CreateApiDestination<K = String> {
    pub arn: K,
    pub id: String,
    pub fields: ApiDestinationFields,
    /// How many API destinations an account may have in a Region.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

operation!(CreateApiDestination<K: Key>: Durable [] -> (), CreateNamedRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    let named = EventName::of(arn)?;
    named.lock(tx).await?;
    let existing: Option<String> = tx.value("SELECT id FROM api_destination WHERE arn = ?1", &params![arn]).await?;
    if let Some(id) = existing {
        // The ID is random: finding it means that this operation created the row.
        return Ok(if id == op.id { Ok(()) } else { Err(CreateNamedRefusal::Exists) });
    }
    if named.count(tx, "api_destination").await? >= op.limit {
        return Ok(Err(CreateNamedRefusal::Limit));
    }
    let insert = "INSERT INTO api_destination (arn, account_id, region, name, id, description, connection_arn, \
        endpoint, method, rate, created_at, updated_at, version) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)";
    let ApiDestinationFields { description, connection_arn, endpoint, method, rate } = &op.fields;
    tx.execute(insert, &params![arn, named.account_id, named.region, named.name, op.id, description, connection_arn,
        endpoint, method, rate, op.at, row_version::fresh()]).await?;
    Ok(Ok(()))
});

#[derive(Clone, Debug)]
pub struct FindApiDestination {
    /// Without the ID.
    pub arn: String,
}

operation!(FindApiDestination: Point -> Option<ApiDestinationRow>, Never, |op, tx| {
    let row = tx.row(&format!("{SELECT} WHERE arn = ?1"), &params![op.arn]).await?;
    Ok(Ok(row.map(ApiDestinationRow::read).transpose()?))
});

/// Lists API destinations.
#[derive(Clone, Debug)]
pub struct ListApiDestinations(pub EventPage);

operation!(ListApiDestinations: Point -> Vec<ApiDestinationRow>, Never, |op, tx| {
    let rows = op.0.rows(tx, SELECT).await?;
    Ok(Ok(rows.into_iter().map(ApiDestinationRow::read).collect::<Result<_, _>>()?))
});

/// Replaces an API destination that was read.
#[derive(Clone, Debug)]
pub struct ReplaceApiDestination<K = String> {
    pub arn: K,
    /// The version that was read.
    pub version: i64,
    pub fields: ApiDestinationFields,
    /// Now.
    pub at: Micros,
}

operation!(ReplaceApiDestination<K: Key>: Durable [] -> (), ChangedMeanwhile, |op, tx| {
    let update = "UPDATE api_destination SET description = ?3, connection_arn = ?4, endpoint = ?5, method = ?6, \
        rate = ?7, updated_at = ?8, version = version + 1 WHERE arn = ?1 AND version = ?2";
    let ApiDestinationFields { description, connection_arn, endpoint, method, rate } = &op.fields;
    let arn = op.arn.as_ref();
    let values =
        params![arn, op.version, description, connection_arn, endpoint, method, rate, op.at];
    Ok(if tx.execute(update, &values).await? == 1 { Ok(()) } else { Err(ChangedMeanwhile) })
});

/// Deletes an API destination; returns whether it existed.
#[derive(Clone, Debug)]
pub struct DeleteApiDestination<K = String> {
    pub arn: K,
}

operation!(DeleteApiDestination<K: Key>: Durable [] -> bool, Never, |op, tx| {
    let delete = "DELETE FROM api_destination WHERE arn = ?1";
    Ok(Ok(tx.execute(delete, &params![op.arn.as_ref()]).await? == 1))
});
