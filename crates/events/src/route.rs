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
use pattern::{EventBudget, Pattern};
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
        // Rules of the account share the steps, so that many rules do not delay the events of other accounts.
        let mut budget = EventBudget::default();
        let mut deliveries = Vec::new();
        for (event, part) in events.iter().zip(0_i64..) {
            deliveries.extend(self.deliveries(event, part, routes, &mut budget));
        }
        RoutedEvent { sequence: new.sequence, at: new.event.at, deliveries }
    }

    fn deliveries(
        &self,
        event: &Value,
        part: i64,
        routes: &[(Option<Pattern>, String)],
        budget: &mut EventBudget,
    ) -> Vec<NewDelivery> {
        let sinks = self.sinks.iter().filter(|sink| sink.wants(event)).map(|sink| (&sink.key, LIMITS));
        // A pattern that parsed when the rule was written, and does not parse now, matches nothing. An event that is too
        // complex for the patterns is delivered: it is one of the account.
        let mut wants = |pattern: &Option<Pattern>| {
            pattern.as_ref().is_some_and(|pattern| pattern.matches_within(event, budget).unwrap_or(true))
        };
        let rules = routes.iter().filter(|(pattern, _)| wants(pattern));
        let rules = rules.map(|(_, target)| (target, TENANT_LIMITS));
        let delivery = |(target, limits): (&String, _)| NewDelivery {
            target: target.clone(),
            part,
            body: event.to_string(),
            limits,
        };
        sinks.chain(rules).map(delivery).collect()
    }
}

async fn routes(permit: &Permit<authority::DeliverEvents>, place: &(String, String)) -> Result<Routes> {
    let (account_id, region) = place.clone();
    let routes = permit.read(|()| ListEventRoutes { account_id, region }).await?;
    Ok(routes.into_iter().map(|route| (Pattern::parse(&route.pattern).ok(), route.target)).collect())
}
