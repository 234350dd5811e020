//! The replication configuration of a registry, and its destinations.

use std::collections::HashSet;

use aws::ids::{AccountId, Region};

use crate::{
    Micros, Never, RegistryKey, StoreError, Tx,
    ops::{operation, registry::lock_registry},
    value::{Row, ToParam, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A part of the configuration: what goes to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationRoute {
    /// The destination's ID if it is new. The same for all routes to one destination.
    pub id_if_new: i64,
    pub account_id: AccountId,
    pub region: Region,
    /// The names of the repositories begin with it.
    pub prefix: String,
    /// Whether deletions are replicated.
    pub deletes: bool,
}

/// Replaces the configuration of a registry.
#[derive(Clone, Debug)]
pub struct PutReplicationConfiguration {
    pub registry: RegistryKey,
    /// The rules as they are shown.
    pub rules: String,
    pub routes: Vec<ReplicationRoute>,
    /// Now.
    pub at: Micros,
}

operation!(PutReplicationConfiguration: Durable [] -> (), Never, |op, tx| {
    // Of two requests the later one counts as a whole.
    lock_registry(tx, op.registry).await?;
    let put = "INSERT INTO replication_configuration (registry, rules) VALUES (?1, ?2) \
               ON CONFLICT (registry) DO UPDATE SET rules = excluded.rules";
    tx.execute(put, &params![op.registry, op.rules]).await?;
    tx.execute("DELETE FROM replication_rule WHERE registry = ?1", &params![op.registry]).await?;
    let mut unused = op.current(tx).await?;
    let mut added: HashSet<i64> = HashSet::new();
    let known = unused.clone();
    for route in &op.routes {
        let is_same = |place: &Place| place.account_id == route.account_id && place.region == route.region;
        let id = known.iter().find(|place| is_same(place)).map_or(route.id_if_new, |place| place.id);
        unused.retain(|place| place.id != id);
        if id == route.id_if_new && added.insert(id) && !known.iter().any(is_same) {
            op.add(tx, route).await?;
        }
        let rule = "INSERT INTO replication_rule (registry, destination, prefix, deletes) VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT (registry, destination, prefix) DO UPDATE SET deletes = \
            CASE WHEN replication_rule.deletes = 1 THEN 1 ELSE excluded.deletes END";
        tx.execute(rule, &params![op.registry, id, route.prefix, route.deletes]).await?;
    }
    for place in unused {
        let remove = "UPDATE replication_destination SET removed_at = ?2 WHERE id = ?1";
        tx.execute(remove, &params![place.id, op.at]).await?;
    }
    Ok(Ok(()))
});

#[derive(Clone)]
struct Place {
    id: i64,
    account_id: AccountId,
    region: Region,
}

impl PutReplicationConfiguration {
    async fn current(&self, tx: &mut Tx<'_>) -> Result<Vec<Place>, StoreError> {
        let select = "SELECT id, account_id, region FROM replication_destination \
                      WHERE registry = ?1 AND removed_at IS NULL";
        let rows = tx.rows(select, &params![self.registry]).await?;
        let place =
            |mut row: Row| Ok(Place { id: row.take()?, account_id: row.take()?, region: row.take()? });
        rows.into_iter().map(place).collect()
    }

    async fn add(&self, tx: &mut Tx<'_>, route: &ReplicationRoute) -> Result<(), StoreError> {
        let insert = "INSERT INTO replication_destination \
            (id, registry, account_id, region, created_at, failures, retry_at) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)";
        let ReplicationRoute { id_if_new, account_id, region, .. } = route;
        tx.execute(insert, &params![*id_if_new, self.registry, account_id, region, self.at]).await?;
        Ok(())
    }
}

/// Reads the rules of a registry as they are shown. None: it was never configured.
#[derive(Clone, Debug)]
pub struct GetReplicationConfiguration {
    pub registry: RegistryKey,
}

operation!(GetReplicationConfiguration: Point -> Option<String>, Never, |op, tx| {
    let select = "SELECT rules FROM replication_configuration WHERE registry = ?1";
    Ok(Ok(tx.value(select, &params![op.registry]).await?))
});

/// A destination of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationDestinationRow {
    pub id: i64,
    /// The registry that is replicated.
    pub source_account_id: AccountId,
    pub source_region: Region,
    pub account_id: AccountId,
    pub region: Region,
}

/// The columns that [`ReplicationDestinationRow::read`] reads, of `replication_destination d`, `registry g`, `account a`.
pub(crate) const DESTINATION: &str = "SELECT d.id, a.account_id, g.region, d.account_id, d.region FROM replication_destination d \
    JOIN registry g ON g.key = d.registry JOIN account a ON a.key = g.account WHERE d.removed_at IS NULL";

impl ReplicationDestinationRow {
    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            source_account_id: row.take()?,
            source_region: row.take()?,
            account_id: row.take()?,
            region: row.take()?,
        })
    }
}

/// Lists the destinations that have something to do now, in the order of their IDs.
#[derive(Clone, Debug)]
pub struct ListDueDestinations {
    /// Now.
    pub now: Micros,
    /// Only destinations after this one.
    pub after: i64,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDueDestinations: Page -> Vec<ReplicationDestinationRow>, Never, |op, tx| {
    let select = format!("{DESTINATION} AND d.id > ?1 AND (EXISTS (SELECT 1 FROM replication r \
        WHERE r.destination = d.id AND r.due_at <= ?2) OR EXISTS (SELECT 1 FROM settings_replication s \
        WHERE s.destination = d.id AND s.due_at <= ?2)) ORDER BY d.id LIMIT ?3");
    let rows = tx.rows(&select, &params![op.after, op.now, op.limit]).await?;
    let read: Result<_, StoreError> =
        rows.into_iter().map(|mut row| ReplicationDestinationRow::read(&mut row)).collect();
    Ok(Ok(read?))
});

/// How far a destination is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationLag {
    pub destination: ReplicationDestinationRow,
    /// How many images and tags wait, up to the limit.
    pub waiting: i64,
    /// How many failed, up to the limit.
    pub failed: i64,
    /// When the oldest that waits was queued.
    pub oldest: Option<Micros>,
}

/// Shows how far the destinations are behind, in the order of their IDs.
#[derive(Clone, Debug)]
pub struct ListReplicationLags {
    /// Only those of this registry.
    pub registry: Option<RegistryKey>,
    /// The largest count.
    pub most: i64,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListReplicationLags: Page -> Vec<ReplicationLag>, Never, |op, tx| {
    let of_registry = if op.registry.is_some() { " AND d.registry = ?2" } else { "" };
    let select = format!("{DESTINATION}{of_registry} ORDER BY d.id LIMIT ?1");
    let mut values = params![op.limit].to_vec();
    values.extend(op.registry.as_ref().map(ToParam::to_param));
    let rows = tx.rows(&select, &values).await?;
    let mut lags = Vec::with_capacity(rows.len());
    for mut row in rows {
        let destination = ReplicationDestinationRow::read(&mut row)?;
        let (mut waiting, mut failed, mut oldest) = (0, 0, None);
        for table in ["replication", "settings_replication"] {
            let select = format!("SELECT COUNT(*), MIN(w.queued_at) FROM (SELECT queued_at FROM {table} \
                WHERE destination = ?1 AND status = 1 ORDER BY queued_at LIMIT ?2) w");
            let row = tx.row(&select, &params![destination.id, op.most]).await?;
            let mut row = row.ok_or(StoreError::Bug("a count has a row"))?;
            waiting += row.take::<i64>()?;
            oldest = [oldest, row.take::<Option<Micros>>()?].into_iter().flatten().min();
            let select = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} \
                WHERE destination = ?1 AND status = 3 LIMIT ?2) AS f");
            failed += tx.value::<i64>(&select, &params![destination.id, op.most]).await?.unwrap_or_default();
        }
        let (waiting, failed) = (waiting.min(op.most), failed.min(op.most));
        lags.push(ReplicationLag { destination, waiting, failed, oldest });
    }
    Ok(Ok(lags))
});
