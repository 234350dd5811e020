//! Routes new events: writes a delivery for each target that wants an event, in one transaction with the mark that the
//! event is routed.

use std::collections::HashMap;

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
use access::store::{
    ListEventRoutes, ListNewEvents, NewDelivery, NewEvent, RouteEvents, RoutedEvent, StoreResultExt as _,
};
use fault::Fault;
use jiff::Timestamp;
use pattern::Pattern;
use serde_json::Value;

use crate::Events;
use crate::envelope::envelopes;
use crate::retry::{LIMITS, TENANT_LIMITS};

/// Events of one transaction.
const SLICE: usize = 100;
/// A transaction with so many deliveries gets no more events.
const DELIVERIES: usize = 1_000;

/// The targets of the enabled rules of an account in a Region.
type Routes = Vec<(Option<Pattern>, String)>;
/// By account and Region.
type Places = HashMap<(String, String), Routes>;

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
        let (mut places, mut events, mut written) = (Places::new(), Vec::new(), 0);
        for new in &new {
            if written >= DELIVERIES {
                break;
            }
            let place = (new.event.account_id.clone(), new.event.region.clone());
            if !places.contains_key(&place) {
                places.insert(place.clone(), routes(permit, &place).await?);
            }
            let routes = places.get(&place).map(Vec::as_slice).unwrap_or_default();
            let routed = self.routed(new, routes);
            written += routed.deliveries.len();
            events.push(routed);
        }
        let count = events.len();
        let route = RouteEvents { events, at: micros(now) };
        permit.write(|()| route).await.or_store_error()?;
        fault::hit(Fault::EventsRouted);
        Ok(count)
    }

    fn routed(&self, new: &NewEvent, routes: &[(Option<Pattern>, String)]) -> RoutedEvent {
        let is_wanted = !self.sinks.is_empty() || !routes.is_empty();
        let events = if is_wanted { envelopes(new) } else { Vec::new() };
        let deliveries =
            events.iter().zip(0_i64..).flat_map(|(event, part)| self.deliveries(event, part, routes));
        RoutedEvent { sequence: new.sequence, at: new.event.at, deliveries: deliveries.collect() }
    }

    fn deliveries<'e>(
        &'e self,
        event: &'e Value,
        part: i64,
        routes: &'e [(Option<Pattern>, String)],
    ) -> impl Iterator<Item = NewDelivery> + 'e {
        let sinks = self.sinks.iter().filter(|sink| sink.wants(event)).map(|sink| (&sink.key, LIMITS));
        // A pattern that parsed when the rule was written, and does not parse now, matches nothing. An event that is too
        // complex for a pattern is delivered: it is one of the account.
        let wants = |pattern: &Option<Pattern>| {
            pattern.as_ref().is_some_and(|pattern| pattern.matches(event).unwrap_or(true))
        };
        let rules = routes.iter().filter(move |(pattern, _)| wants(pattern));
        let rules = rules.map(|(_, target)| (target, TENANT_LIMITS));
        let delivery = move |(target, limits): (&String, _)| NewDelivery {
            target: target.clone(),
            part,
            body: event.to_string(),
            limits,
        };
        sinks.chain(rules).map(delivery)
    }
}

async fn routes(permit: &Permit<authority::DeliverEvents>, place: &(String, String)) -> Result<Routes> {
    let (account_id, region) = place.clone();
    let routes = permit.read(|()| ListEventRoutes { account_id, region }).await?;
    Ok(routes.into_iter().map(|route| (Pattern::parse(&route.pattern).ok(), route.target)).collect())
}
