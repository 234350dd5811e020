//! Delivers events: to several targets at once, and to one target in the order of the events.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::store::{
    BuryDeliveries, Delivery, DeliveryTarget, EndDeliveries, FailDelivery, ListDeliveries, RULE_TARGETS,
    StoreResultExt as _,
};
use bytes::Bytes;
use fault::Fault;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::{Method, Request, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::authorization::Credentials;
use crate::cloud_event::{CONTENT_TYPE, cloud_event};
use crate::invocation::Invocation;
use crate::retry::{Failure, LIMITS, Retries, TENANT_LIMITS, next_attempt};
use crate::sink::Kind;
use crate::{Events, lines, webhook};

/// Deliveries of one target that are read at once.
const BATCH: usize = 50;
/// After this time a pass begins nothing more.
const PASS: Duration = Duration::from_secs(30);
/// A target is called for this time before what it got is recorded.
const TURN: Duration = Duration::from_secs(5);
/// How often a pass looks for new events while targets are being called.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Events that were routed, and deliveries that ended or failed.
    pub done: usize,
    /// Whether work is left.
    pub has_more: bool,
    /// When a target that failed is called again, if that is soon.
    pub next_in: Option<Duration>,
}

/// Where the events of a target go.
enum Destination {
    Sink(Kind),
    Rule(Box<Invocation>),
    /// The target of a rule that cannot be called now.
    Unusable(Failure),
}

/// What is called over HTTP.
enum Endpoint<'a> {
    Sink { url: &'a str, secret: &'a [u8] },
    Rule(&'a Invocation),
}

impl Events {
    /// One pass: routes new events and calls the targets that are due. A slow target delays only its own deliveries.
    pub async fn pass(&self) -> Result<Delivered> {
        let permit = Permit::for_service(authority::DeliverEvents, &self.access);
        let (began, mut done) = (Instant::now(), 0);
        let mut calls = FuturesUnordered::new();
        let mut called = BTreeSet::new();
        let is_left = self.forget_removed(&permit).await?;
        loop {
            let is_over = began.elapsed() > PASS;
            let mut routed = 0;
            if !is_over {
                routed = self.route(&permit, Timestamp::now()).await?;
                done += routed;
                for target in self.due(&permit, &called).await? {
                    called.insert(target.target.clone());
                    calls.push(self.call(&permit, target));
                }
            }
            if calls.is_empty() && routed == 0 {
                return Ok(Delivered {
                    done,
                    has_more: is_over || is_left,
                    next_in: self.next_in(&permit).await?,
                });
            }
            let look = tokio::time::timeout(if routed > 0 { Duration::ZERO } else { LOOK }, calls.next());
            if let Ok(Some(ended)) = look.await {
                let (key, count) = ended?;
                called.remove(&key);
                done += count;
            }
        }
    }

    /// Calls one target. Returns its key and how many deliveries ended or failed.
    async fn call(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        target: DeliveryTarget,
    ) -> Result<(String, usize)> {
        let key = target.target.clone();
        let Some(to) = self.destination(permit, &key).await? else {
            self.forget(permit, &key).await?;
            return Ok((key, 1));
        };
        let list = ListDeliveries { target: key.clone(), limit: BATCH };
        let batch = permit.read(|()| list).await?;
        let (count, failure) = self.send(&key, &to, &batch).await;
        // Also a turn without a call is over: others come first.
        if count > 0 || failure.is_none() {
            fault::hit(Fault::EventsSent);
            let sequences = batch.iter().take(count).map(|delivery| delivery.sequence).collect();
            let end = EndDeliveries { target: key.clone(), sequences, at: micros(Timestamp::now()) };
            permit.write(|()| end).await.or_store_error()?;
        }
        if let (Some(failure), Some(failed)) = (failure, batch.get(count..)) {
            let failures = if count > 0 { 0 } else { target.failures };
            let ended = self.fail(permit, (&key, &to), (failed, failures), failure).await?;
            return Ok((key, count + ended));
        }
        Ok((key, count))
    }

    /// Where the events of a target go; None: it does not exist.
    async fn destination(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        key: &str,
    ) -> Result<Option<Destination>> {
        if key.starts_with(RULE_TARGETS) {
            let found = self.invocation(permit, key).await?;
            return Ok(found.map(|found| match found {
                Ok(invocation) => Destination::Rule(Box::new(invocation)),
                Err(failure) => Destination::Unusable(failure),
            }));
        }
        let sink = self.sinks.iter().find(|sink| sink.key == key);
        Ok(sink.map(|sink| Destination::Sink(sink.kind.clone())))
    }

    /// Sends deliveries in their order until one fails. Returns how many were sent.
    async fn send(&self, key: &str, to: &Destination, batch: &[Delivery]) -> (usize, Option<Failure>) {
        match to {
            Destination::Unusable(failure) => (0, Some(failure.clone())),
            Destination::Sink(Kind::File(path)) => {
                let path = path.clone();
                self.writer.write(key, batch, move |bodies| lines::append(&path, bodies)).await
            }
            Destination::Sink(Kind::StandardOutput) => self.writer.write(key, batch, lines::print).await,
            Destination::Sink(Kind::Http { url, secret }) => {
                self.in_turn(&Endpoint::Sink { url, secret }, batch).await
            }
            Destination::Rule(invocation) => self.in_turn(&Endpoint::Rule(invocation), batch).await,
        }
    }

    /// Calls an endpoint for one delivery after the other, until one fails or the turn is over.
    async fn in_turn(&self, endpoint: &Endpoint<'_>, batch: &[Delivery]) -> (usize, Option<Failure>) {
        let began = Instant::now();
        for (count, delivery) in batch.iter().enumerate() {
            if began.elapsed() > TURN {
                return (count, None);
            }
            let sent = match endpoint {
                Endpoint::Sink { url, secret } => self.post(url, secret, delivery).await.map(|()| true),
                Endpoint::Rule(invocation) => self.invoke(invocation, delivery, began).await,
            };
            match sent {
                Ok(true) => {}
                Ok(false) => return (count, None),
                Err(failure) => return (count, Some(failure)),
            }
        }
        (batch.len(), None)
    }

    /// Calls the API destination of a rule. False: its rate allows no more calls in this turn.
    async fn invoke(
        &self,
        invocation: &Invocation,
        delivery: &Delivery,
        began: Instant,
    ) -> std::result::Result<bool, Failure> {
        while let Err(pause) = self.rates.take(&invocation.destination_arn, invocation.rate(), Instant::now())
        {
            let left = TURN.saturating_sub(began.elapsed());
            tokio::time::sleep(pause.min(left)).await;
            if pause >= left {
                return Ok(false);
            }
        }
        let role = &invocation.permit.caller().arn;
        tracing::debug!(role, destination = invocation.destination_arn, "an API destination is invoked");
        let event: Value = serde_json::from_str(&delivery.body).map_err(Failure::permanent)?;
        let client = self.client()?;
        let Credentials::OAuth(oauth) = &invocation.authorization.credentials else {
            return webhook::send(client, invocation.request(&event, None)?).await.map(|()| true);
        };
        let token = self.tokens.token(client, &invocation.connection, oauth).await?;
        let sent = webhook::send(client, invocation.request(&event, Some(&token))?).await;
        if sent.as_ref().is_err_and(|failure| failure.is_unauthorized) {
            self.tokens.forget(&invocation.connection);
        }
        sent.map(|()| true)
    }

    async fn post(&self, url: &str, secret: &[u8], delivery: &Delivery) -> std::result::Result<(), Failure> {
        let event: Value = serde_json::from_str(&delivery.body).map_err(Failure::permanent)?;
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = Bytes::from(cloud_event(&event).to_string());
        let request =
            Request::builder().method(Method::POST).uri(url).header(header::CONTENT_TYPE, CONTENT_TYPE);
        let mut request = request.body(body).map_err(Failure::permanent)?;
        webhook::sign(&mut request, &id, secret, Timestamp::now());
        webhook::send(self.client()?, request).await
    }

    /// Records that the first of these deliveries failed; returns how many are recorded. What cannot be called at all
    /// fails for all of them, so a target without its role costs one transaction and one line, not one for each event.
    async fn fail(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        (key, to): (&str, &Destination),
        (deliveries, failures): (&[Delivery], i64),
        failure: Failure,
    ) -> Result<usize> {
        let Some(failed) = deliveries.first() else { return Ok(0) };
        let (retries, limits) = match to {
            Destination::Rule(invocation) => (invocation.retries(), TENANT_LIMITS),
            Destination::Unusable(_) => (Retries::default(), TENANT_LIMITS),
            Destination::Sink(_) => (Retries::default(), LIMITS),
        };
        let now = Timestamp::now();
        let happened = Timestamp::from_microsecond(failed.at.0).map_err(Error::internal)?;
        let counts = (failed.attempts + 1, failures);
        let next = next_attempt(&failure, retries, counts, (happened, now));
        let (target, error) = (key.to_owned(), failure.error.clone());
        let ended = if let Some(next) = next {
            let fail = FailDelivery { target, sequence: failed.sequence, error, retry_at: micros(next) };
            permit.write(|()| fail).await.or_store_error()?;
            1
        } else {
            let is_unusable = matches!(to, Destination::Unusable(_)) && !failure.is_temporary;
            let dead = if is_unusable { deliveries.len() } else { 1 };
            let sequences = deliveries.iter().take(dead).map(|delivery| delivery.sequence).collect();
            let bury = BuryDeliveries { target, sequences, error, limits, at: micros(now) };
            permit.write(|()| bury).await.or_store_error()?;
            dead
        };
        let error = failure.error;
        tracing::warn!(target = key, error, retry_at = ?next, deliveries = ended, "an event could not be delivered");
        Ok(ended)
    }
}
