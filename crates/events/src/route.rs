//! Routes new events: writes a delivery for each target that wants an event, in one transaction with the mark that the
//! event is routed.

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
use access::store::{ListNewEvents, NewDelivery, NewEvent, RouteEvents, RoutedEvent, StoreResultExt as _};
use fault::Fault;
use jiff::Timestamp;
use serde_json::Value;

use crate::Events;
use crate::envelope::envelopes;
use crate::retry::LIMITS;

/// Events of one transaction.
const SLICE: usize = 100;

impl Events {
    /// Routes the oldest new events; returns how many.
    pub(crate) async fn route(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        now: Timestamp,
    ) -> Result<usize> {
        let new = permit.read(|()| ListNewEvents { limit: SLICE }).await?;
        if new.is_empty() {
            return Ok(0);
        }
        let count = new.len();
        let events = new.iter().map(|new| self.routed(new)).collect();
        let route = RouteEvents { events, limits: LIMITS, at: micros(now) };
        permit.write(|()| route).await.or_store_error()?;
        fault::hit(Fault::EventsRouted);
        Ok(count)
    }

    fn routed(&self, new: &NewEvent) -> RoutedEvent {
        let events = if self.sinks.is_empty() { Vec::new() } else { envelopes(new) };
        let deliveries = events.iter().zip(0_i64..).flat_map(|(event, part)| self.deliveries(event, part));
        RoutedEvent { sequence: new.sequence, at: new.event.at, deliveries: deliveries.collect() }
    }

    fn deliveries<'e>(&'e self, event: &'e Value, part: i64) -> impl Iterator<Item = NewDelivery> + 'e {
        let sinks = self.sinks.iter().filter(|sink| sink.wants(event));
        sinks.map(move |sink| NewDelivery { target: sink.key.clone(), part, body: event.to_string() })
    }
}
