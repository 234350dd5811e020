//! Events: written in the transaction of what they tell of, read in order, deleted when they are delivered.

use crate::{Access, Micros, Never, Operation, Ruling, Scope, StoreError, Tx, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// The largest body of an event, in bytes.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened, such as `ecr.image.push`.
    pub kind: String,
    /// When.
    pub at: Micros,
    /// The account that owns the resource.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// The ARN of what it happened to.
    pub resource: String,
    /// A JSON document of at most [`MAX_EVENT_BYTES`].
    pub body: String,
}

/// Where an event stands in the outbox: the id of its transaction, and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey {
    /// Made by whoever recorded it. Ids grow with time.
    pub id: i64,
    /// Its place among the events of that id.
    pub position: i64,
}

/// An operation whose events are written with it, in one transaction: both are there or neither. A refused operation
/// has no events; a repeated one writes them once.
pub struct Recorded<O: Operation> {
    /// The operation. It must be durable.
    pub operation: O,
    /// The id of its events, made by the caller.
    pub id: i64,
    /// The events of an output.
    #[expect(clippy::type_complexity, reason = "the one function of an operation's output")]
    pub events: Box<dyn Fn(&O::Output) -> Vec<Event> + Send + Sync>,
}

impl<O: Operation> Operation for Recorded<O> {
    type Output = O::Output;
    type Refusal = O::Refusal;
    const NAME: &'static str = O::NAME;
    const ACCESS: Access = {
        assert!(matches!(O::ACCESS, Access::Durable | Access::Contended), "events are of what stays");
        O::ACCESS
    };
    const DATABASE: crate::Database = O::DATABASE;

    fn changes(&self) -> Vec<Scope> {
        self.operation.changes()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Ruling<Self>, StoreError> {
        let output = match self.operation.run(tx).await? {
            Ok(output) => output,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for (event, position) in (self.events)(&output).iter().zip(0_i64..) {
            insert_event(tx, EventKey { id: self.id, position }, event).await?;
        }
        Ok(Ok(output))
    }
}

/// Writes an event, if it is not there.
pub(crate) async fn insert_event(tx: &mut Tx<'_>, key: EventKey, event: &Event) -> Result<(), StoreError> {
    if event.body.len() > MAX_EVENT_BYTES {
        return Err(StoreError::Corrupt("the body of an event is too large"));
    }
    let insert = "INSERT INTO outbox (id, position, at, kind, account_id, region, resource, body) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id, position) DO NOTHING";
    let Event { kind, at, account_id, region, resource, body } = event;
    let values = params![key.id, key.position, *at, kind, account_id, region, resource, body];
    tx.execute(insert, &values).await.map(|_| ())
}

/// Reads events in their order.
#[derive(Clone, Debug)]
pub struct ListEvents {
    /// Those after this one.
    pub after: Option<EventKey>,
    /// How many at most.
    pub limit: usize,
}

operation!(ListEvents: Page -> Vec<(EventKey, Event)>, Never, |op, tx| {
    let after = op.after.unwrap_or(EventKey { id: i64::MIN, position: 0 });
    let select = "SELECT id, position, at, kind, account_id, region, resource, body FROM outbox \
                  WHERE (id, position) > (?1, ?2) ORDER BY id, position LIMIT ?3";
    let rows = tx.rows(select, &params![after.id, after.position, op.limit]).await?;
    let events: Result<_, StoreError> = rows
        .into_iter()
        .map(|mut row| {
            let key = EventKey { id: row.take()?, position: row.take()? };
            let at = row.take()?;
            let (kind, account_id, region) = (row.take()?, row.take()?, row.take()?);
            let (resource, body) = (row.take()?, row.take()?);
            Ok((key, Event { kind, at, account_id, region, resource, body }))
        })
        .collect();
    Ok(Ok(events?))
});

/// Deletes an event that was delivered.
#[derive(Clone, Copy, Debug)]
pub struct DeleteEvent {
    /// Which.
    pub key: EventKey,
}

operation!(DeleteEvent: Durable [] -> (), Never, |op, tx| {
    let delete = "DELETE FROM outbox WHERE id = ?1 AND position = ?2";
    tx.execute(delete, &params![op.key.id, op.key.position]).await?;
    Ok(Ok(()))
});

/// Removes the oldest events; returns how many.
#[derive(Clone, Copy, Debug)]
pub struct TrimEvents {
    /// Events with a smaller ID are removed. IDs grow with time.
    pub before: i64,
    /// The maximum number of events.
    pub limit: usize,
}

// A power cut can bring them back; the next pass removes them again.
operation!(TrimEvents: Relaxed [] -> usize, Never, |op, tx| {
    let delete = "DELETE FROM outbox WHERE (id, position) IN \
                  (SELECT id, position FROM outbox WHERE id < ?1 ORDER BY id, position LIMIT ?2)";
    let removed = tx.execute(delete, &params![op.before, op.limit]).await?;
    Ok(Ok(usize::try_from(removed).unwrap_or(usize::MAX)))
});
