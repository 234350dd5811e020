//! Events of registries that are placed in a database of their own: they come to the outbox of the directory, where they
//! are routed like all others.

use crate::{
    Event, EventKey, Never,
    ops::{operation, outbox::insert_event},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Takes events of another database. One that is here already is left as it is.
#[derive(Clone, Debug)]
pub struct TakeEvents {
    /// In the order of the other database.
    pub events: Vec<(EventKey, Event)>,
}

operation!(TakeEvents: Durable [] -> (), Never, |op, tx| {
    for (key, event) in &op.events {
        insert_event(tx, *key, event).await?;
    }
    Ok(Ok(()))
});
