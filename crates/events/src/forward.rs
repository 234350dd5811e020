//! Brings the events of registries in another database to the directory, which routes and delivers them like all others.

use access::Access;
use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
use access::store::{ListNewEvents, RouteEvents, RoutedEvent, StoreResultExt as _, TakeEvents};
use jiff::Timestamp;

use crate::Delivered;

/// Events of one transaction.
const SLICE: usize = 100;
/// Slices of one pass.
const SLICES: usize = 50;

/// One pass: forwards new events in their order. An event that the directory has already is not written again, so a pass
/// that was cut off between the two databases can be repeated.
pub async fn forward(access: &Access) -> Result<Delivered> {
    let permit = Permit::for_service(authority::ForwardEvents, access);
    let mut forwarded = Delivered::default();
    for _ in 0..SLICES {
        let new = permit.read(|()| ListNewEvents { limit: SLICE }).await?;
        if new.is_empty() {
            return Ok(forwarded);
        }
        forwarded.done += new.len();
        let is_forwarded = |sequence, at| RoutedEvent { sequence, at, deliveries: Vec::new() };
        let events = new.iter().map(|new| is_forwarded(new.sequence, new.event.at)).collect();
        let route = RouteEvents { events, at: micros(Timestamp::now()) };
        let take = TakeEvents { events: new.into_iter().map(|new| (new.key, new.event)).collect() };
        permit.write(|()| take).await.or_store_error()?;
        permit.write(|()| route).await.or_store_error()?;
        access.events_forwarded();
    }
    Ok(Delivered { has_more: true, ..forwarded })
}
