//! Deliveries of events: each event is routed once, to the targets whose rules match it. A target gets its deliveries
//! in the order of the events.

use crate::{
    DeadLetter, Event, EventKey, Micros, Never, StoreError, Tx,
    ops::{dead_letter::bury, operation},
    tx::{chunks, list, push_list},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// An event that is not routed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its place in the order of commits.
    pub sequence: i64,
    pub key: EventKey,
    pub event: Event,
}

/// Lists the oldest events that are not routed.
#[derive(Clone, Copy, Debug)]
pub struct ListNewEvents {
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListNewEvents: Point -> Vec<NewEvent>, Never, |op, tx| {
    let select = "SELECT sequence, id, position, at, kind, account_id, region, resource, body FROM outbox \
                  WHERE routed = 0 ORDER BY sequence LIMIT ?1";
    let rows = tx.rows(select, &params![op.limit]).await?;
    let event = |mut row: Row| {
        let sequence = row.take()?;
        let key = EventKey { id: row.take()?, position: row.take()? };
        let (at, kind, account_id) = (row.take()?, row.take()?, row.take()?);
        let event =
            Event { at, kind, account_id, region: row.take()?, resource: row.take()?, body: row.take()? };
        Ok(NewEvent { sequence, key, event })
    };
    Ok(Ok(rows.into_iter().map(event).collect::<Result<_, StoreError>>()?))
});

/// How many deliveries of one event a target can get: an event of an image with several tags is delivered once for each.
pub const PARTS: i64 = 128;

/// What a target gets of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    pub target: String,
    /// Which of its deliveries of the event: less than [`PARTS`].
    pub part: i64,
    pub body: String,
    pub limits: DeliveryLimits,
}

/// An event with its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedEvent {
    pub sequence: i64,
    /// When it happened.
    pub at: Micros,
    pub deliveries: Vec<NewDelivery>,
}

/// How much a target may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// Deliveries that wait. More become dead letters at once.
    pub waiting: i64,
    /// Dead letters. The oldest is removed if there is one more.
    pub dead: i64,
}

/// Writes the deliveries of events, for each event once.
#[derive(Clone, Debug)]
pub struct RouteEvents {
    pub events: Vec<RoutedEvent>,
    /// Now.
    pub at: Micros,
}

operation!(RouteEvents: Durable [] -> (), Never, |op, tx| {
    let mark = "UPDATE outbox SET routed = 1 WHERE sequence = ?1 AND routed = 0";
    for event in &op.events {
        if tx.execute(mark, &params![event.sequence]).await? == 0 {
            // Another node has routed it.
            continue;
        }
        for delivery in &event.deliveries {
            add(tx, event, delivery, op.at).await?;
        }
    }
    Ok(Ok(()))
});

async fn add(
    tx: &mut Tx<'_>,
    event: &RoutedEvent,
    NewDelivery { target, part, body, limits }: &NewDelivery,
    now: Micros,
) -> Result<(), StoreError> {
    let sequence = event.sequence.saturating_mul(PARTS).saturating_add(*part);
    let count = "INSERT INTO delivery_target \
                 (target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error) \
                 VALUES (?1, 1, 0, 0, 0, 0, 0, 0, NULL) \
                 ON CONFLICT (target) DO UPDATE SET waiting = delivery_target.waiting + 1 \
                 WHERE delivery_target.waiting < ?2";
    if tx.execute(count, &params![target, limits.waiting]).await? == 1 {
        let insert = "INSERT INTO delivery (target, sequence, at, attempts, body) VALUES (?1, ?2, ?3, 0, ?4)";
        tx.execute(insert, &params![target, sequence, event.at, body]).await?;
        return Ok(());
    }
    let letter = DeadLetter {
        sequence,
        at: event.at,
        attempts: 0,
        body: body.clone(),
        died_at: now,
        error: "too many deliveries were waiting for the target".to_owned(),
    };
    bury(tx, target, &letter, limits.dead).await
}

/// The state of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTarget {
    pub target: String,
    pub waiting: i64,
    pub dead: i64,
    /// How many events it got.
    pub delivered: i64,
    /// How many dead letters were removed because there were too many.
    pub dropped: i64,
    /// Failures since the last success.
    pub failures: i64,
    /// When it is called again after a failure, or else when its last turn was over.
    pub retry_at: Micros,
    /// The last success; 0 if there was none.
    pub delivered_at: Micros,
    /// The last failure, until the next success.
    pub error: Option<String>,
}

const TARGET: &str = "target, waiting, dead, delivered, dropped, failures, retry_at, delivered_at, error";

fn target(mut row: Row) -> Result<DeliveryTarget, StoreError> {
    Ok(DeliveryTarget {
        target: row.take()?,
        waiting: row.take()?,
        dead: row.take()?,
        delivered: row.take()?,
        dropped: row.take()?,
        failures: row.take()?,
        retry_at: row.take()?,
        delivered_at: row.take()?,
        error: row.take()?,
    })
}

/// What the names of an account's targets have in common: the length of `rule/` and an account ID.
const ACCOUNT_LENGTH: i64 = 17;

/// Lists targets with deliveries that are due: first the one of each account that is due for the longest time, then the
/// second of each, and so on. A target whose turn is over is due from then on, so others come before it.
#[derive(Clone, Copy, Debug)]
pub struct ListDueTargets {
    /// What their names begin with.
    pub prefix: &'static str,
    /// Now.
    pub at: Micros,
    /// The maximum number of targets of one account.
    pub of_account: usize,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDueTargets: Point -> Vec<DeliveryTarget>, Never, |op, tx| {
    let select = format!(
        "SELECT {TARGET} FROM (SELECT {TARGET}, ROW_NUMBER() OVER \
         (PARTITION BY substr(target, 1, CAST(?5 AS INTEGER)) ORDER BY retry_at, target) AS place FROM delivery_target \
         WHERE waiting > 0 AND retry_at <= ?1 AND substr(target, 1, length(?2)) = ?2) AS due \
         WHERE place <= ?4 ORDER BY place, retry_at, target LIMIT ?3"
    );
    let values = params![op.at, op.prefix, op.limit, op.of_account, ACCOUNT_LENGTH];
    let rows = tx.rows(&select, &values).await?;
    Ok(Ok(rows.into_iter().map(target).collect::<Result<_, StoreError>>()?))
});

/// Lists the states of targets whose names begin with a prefix, by name.
#[derive(Clone, Debug)]
pub struct ListDeliveryTargets {
    pub prefix: String,
    /// Begins after this target.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDeliveryTargets: Point -> Vec<DeliveryTarget>, Never, |op, tx| {
    let select = format!(
        "SELECT {TARGET} FROM delivery_target WHERE target > ?1 AND substr(target, 1, length(?2)) = ?2 \
         ORDER BY target LIMIT ?3"
    );
    let rows = tx.rows(&select, &params![op.after, op.prefix, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(target).collect::<Result<_, StoreError>>()?))
});

/// A delivery that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub sequence: i64,
    /// When the event happened.
    pub at: Micros,
    /// How often it was tried.
    pub attempts: i64,
    pub body: String,
}

/// Lists the first deliveries of a target.
#[derive(Clone, Debug)]
pub struct ListDeliveries {
    pub target: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDeliveries: Point -> Vec<Delivery>, Never, |op, tx| {
    let select = "SELECT sequence, at, attempts, body FROM delivery WHERE target = ?1 ORDER BY sequence LIMIT ?2";
    let rows = tx.rows(select, &params![op.target, op.limit]).await?;
    let delivery = |mut row: Row| {
        let (sequence, at) = (row.take()?, row.take()?);
        Ok(Delivery { sequence, at, attempts: row.take()?, body: row.take()? })
    };
    Ok(Ok(rows.into_iter().map(delivery).collect::<Result<_, StoreError>>()?))
});

/// Ends the turn of a target, with the deliveries that were delivered. Each is named: another one with a smaller
/// sequence can have come meanwhile, from a transaction that committed later, or from a dead letter.
#[derive(Clone, Debug)]
pub struct EndDeliveries {
    pub target: String,
    pub sequences: Vec<i64>,
    /// Now.
    pub at: Micros,
}

operation!(EndDeliveries: Durable [] -> (), Never, |op, tx| {
    let mut ended = 0_u64;
    for sequences in chunks(&op.sequences) {
        let delete = format!("DELETE FROM delivery WHERE target = ?1 AND sequence IN ({})", list(2, sequences.len()));
        let mut values = params![op.target].to_vec();
        push_list(&mut values, sequences);
        ended += tx.execute(&delete, &values).await?;
    }
    if op.sequences.is_empty() {
        let update = "UPDATE delivery_target SET retry_at = ?2 WHERE target = ?1";
        tx.execute(update, &params![op.target, op.at]).await?;
        return Ok(Ok(()));
    }
    let update = "UPDATE delivery_target SET waiting = waiting - ?2, delivered = delivered + ?2, failures = 0, \
                  retry_at = ?3, delivered_at = ?3, error = NULL WHERE target = ?1";
    tx.execute(update, &params![op.target, ended, op.at]).await?;
    Ok(Ok(()))
});

/// Records that a delivery failed, and when the target is called again.
#[derive(Clone, Debug)]
pub struct FailDelivery {
    pub target: String,
    pub sequence: i64,
    pub error: String,
    pub retry_at: Micros,
}

operation!(FailDelivery: Durable [] -> (), Never, |op, tx| {
    let count = "UPDATE delivery SET attempts = attempts + 1 WHERE target = ?1 AND sequence = ?2";
    tx.execute(count, &params![op.target, op.sequence]).await?;
    let update = "UPDATE delivery_target SET failures = failures + 1, retry_at = ?2, error = ?3 WHERE target = ?1";
    tx.execute(update, &params![op.target, op.retry_at, op.error]).await?;
    Ok(Ok(()))
});

/// Makes deliveries dead letters.
#[derive(Clone, Debug)]
pub struct BuryDeliveries {
    pub target: String,
    pub sequences: Vec<i64>,
    pub error: String,
    pub limits: DeliveryLimits,
    /// Now.
    pub at: Micros,
}

operation!(BuryDeliveries: Durable [] -> (), Never, |op, tx| {
    let mut buried = 0_u64;
    for sequence in &op.sequences {
        let take = "DELETE FROM delivery WHERE target = ?1 AND sequence = ?2 RETURNING at, attempts, body";
        let Some(mut row) = tx.rows(take, &params![op.target, sequence]).await?.pop() else { continue };
        let (at, attempts): (Micros, i64) = (row.take()?, row.take()?);
        let letter = DeadLetter {
            sequence: *sequence,
            at,
            attempts: attempts + 1,
            body: row.take()?,
            died_at: op.at,
            error: op.error.clone(),
        };
        bury(tx, &op.target, &letter, op.limits.dead).await?;
        buried += 1;
    }
    let update = "UPDATE delivery_target SET waiting = waiting - ?4, failures = 0, retry_at = ?3, error = ?2 \
                  WHERE target = ?1";
    tx.execute(update, &params![op.target, op.error, op.at, buried]).await?;
    Ok(Ok(()))
});

/// Removes what waits for a target that no longer exists; returns whether everything is removed.
#[derive(Clone, Debug)]
pub struct ForgetTarget {
    pub target: String,
    /// The maximum number of rows.
    pub limit: usize,
}

operation!(ForgetTarget: Durable [] -> bool, Never, |op, tx| {
    // It can have been added again since it was found to be removed. What came since then is its own.
    let exists = "SELECT 1 FROM event_target WHERE delivery = ?1";
    if tx.row(exists, &params![op.target]).await?.is_some() {
        return Ok(Ok(true));
    }
    for table in ["delivery", "dead_letter"] {
        let delete = format!(
            "DELETE FROM {table} WHERE target = ?1 AND sequence IN \
             (SELECT sequence FROM {table} WHERE target = ?1 ORDER BY sequence LIMIT ?2)"
        );
        if tx.execute(&delete, &params![op.target, op.limit]).await? == u64::try_from(op.limit).unwrap_or(u64::MAX) {
            return Ok(Ok(false));
        }
    }
    tx.execute("DELETE FROM delivery_target WHERE target = ?1", &params![op.target]).await?;
    tx.execute("DELETE FROM removed_event_target WHERE delivery = ?1", &params![op.target]).await?;
    Ok(Ok(true))
});

/// The time of the oldest event that is not routed.
#[derive(Clone, Copy, Debug)]
pub struct OldestNewEvent;

operation!(OldestNewEvent: Point -> Option<i64>, Never, |_op, tx| {
    Ok(Ok(tx.value("SELECT id FROM outbox WHERE routed = 0 ORDER BY sequence LIMIT 1", &[]).await?))
});
