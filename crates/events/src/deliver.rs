//! Delivers events: to several targets at once, and to one target in the order of the events.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::store::{
    Delivery, DeliveryTarget, EndDeliveries, FailDelivery, ForgetTarget, ListDeliveries, ListDueTargets,
    StoreResultExt as _,
};
use bytes::Bytes;
use fault::Fault;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::{Method, Request, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::cloud_event::{CONTENT_TYPE, cloud_event};
use crate::retry::{Failure, LIMITS, Retries, next_attempt};
use crate::sink::Kind;
use crate::{Events, lines, webhook};

/// Targets that are called at the same time.
const TARGETS: usize = 16;
/// Deliveries of one target that are read at once.
const BATCH: usize = 50;
/// After this time a pass begins nothing more.
const PASS: Duration = Duration::from_secs(30);
/// A target is called for this time before what it got is recorded.
const TURN: Duration = Duration::from_secs(5);
/// How often a pass looks for new events while targets are being called.
const LOOK: Duration = Duration::from_millis(200);
/// A target that is due within this time is called without waiting for the usual interval.
const SOON: Duration = Duration::from_secs(30);
/// Rows that are removed at once for a target that no longer exists.
const SLICE: usize = 500;

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

impl Events {
    /// One pass: routes new events and calls the targets that are due. A slow target delays only its own deliveries.
    pub async fn pass(&self) -> Result<Delivered> {
        let permit = Permit::for_service(authority::DeliverEvents, &self.access);
        let (began, mut done) = (Instant::now(), 0);
        let mut calls = FuturesUnordered::new();
        let mut called = BTreeSet::new();
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
                return Ok(Delivered { done, has_more: is_over, next_in: self.next_in(&permit).await? });
            }
            let look = tokio::time::timeout(if routed > 0 { Duration::ZERO } else { LOOK }, calls.next());
            if let Ok(Some(ended)) = look.await {
                let (key, count) = ended?;
                called.remove(&key);
                done += count;
            }
        }
    }

    async fn next_in(&self, permit: &Permit<authority::DeliverEvents>) -> Result<Option<Duration>> {
        let now = Timestamp::now();
        let list = ListDueTargets { at: micros(now).plus(SOON), limit: 1 };
        let next = permit.read(|()| list).await?.pop();
        let micros = |target: DeliveryTarget| target.retry_at.0.saturating_sub(micros(now).0);
        let pause = |target| Duration::from_micros(u64::try_from(micros(target)).unwrap_or_default());
        Ok(next.map(|target| pause(target).max(LOOK)))
    }

    /// Targets that are due and that this pass does not call already.
    async fn due(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        called: &BTreeSet<String>,
    ) -> Result<Vec<DeliveryTarget>> {
        let free = TARGETS.saturating_sub(called.len());
        if free == 0 {
            return Ok(Vec::new());
        }
        let list = ListDueTargets { at: micros(Timestamp::now()), limit: TARGETS * 2 };
        let due = permit.read(|()| list).await?;
        Ok(due.into_iter().filter(|target| !called.contains(&target.target)).take(free).collect())
    }

    /// Calls one target. Returns its key and how many deliveries ended or failed.
    async fn call(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        target: DeliveryTarget,
    ) -> Result<(String, usize)> {
        let key = target.target.clone();
        let Some(kind) = self.sinks.iter().find(|sink| sink.key == key).map(|sink| sink.kind.clone()) else {
            let forget = ForgetTarget { target: key.clone(), limit: SLICE };
            permit.write(|()| forget).await.or_store_error()?;
            return Ok((key, 1));
        };
        let list = ListDeliveries { target: key.clone(), limit: BATCH };
        let batch = permit.read(|()| list).await?;
        let (count, failure) = self.send(&kind, &batch).await;
        if count > 0 {
            fault::hit(Fault::EventsSent);
            let sequences = batch.iter().take(count).map(|delivery| delivery.sequence).collect();
            let end = EndDeliveries { target: key.clone(), sequences, at: micros(Timestamp::now()) };
            permit.write(|()| end).await.or_store_error()?;
        }
        if let (Some(failure), Some(failed)) = (failure, batch.get(count)) {
            let failures = if count > 0 { 0 } else { target.failures };
            self.fail(permit, &key, (failed, failures), failure).await?;
            return Ok((key, count + 1));
        }
        Ok((key, count))
    }

    /// Sends deliveries in their order until one fails. Returns how many were sent.
    async fn send(&self, kind: &Kind, batch: &[Delivery]) -> (usize, Option<Failure>) {
        match kind {
            Kind::File(path) => {
                let path = path.clone();
                write(batch, move |bodies| lines::append(&path, bodies)).await
            }
            Kind::StandardOutput => write(batch, lines::print).await,
            Kind::Http { url, secret } => {
                let began = Instant::now();
                for (count, delivery) in batch.iter().enumerate() {
                    if began.elapsed() > TURN {
                        return (count, None);
                    }
                    if let Err(failure) = self.post(url, secret, delivery).await {
                        return (count, Some(failure));
                    }
                }
                (batch.len(), None)
            }
        }
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

    async fn fail(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        key: &str,
        (failed, failures): (&Delivery, i64),
        failure: Failure,
    ) -> Result<()> {
        let now = Timestamp::now();
        let happened = Timestamp::from_microsecond(failed.at.0).map_err(Error::internal)?;
        let counts = (failed.attempts + 1, failures);
        let next = next_attempt(&failure, Retries::default(), counts, (happened, now));
        tracing::warn!(target = key, error = failure.error, retry_at = ?next, "an event could not be delivered");
        let fail = FailDelivery {
            target: key.to_owned(),
            sequence: failed.sequence,
            error: failure.error,
            retry_at: next.map(micros),
            limits: LIMITS,
            at: micros(now),
        };
        permit.write(|()| fail).await.or_store_error()
    }
}

/// Writes all deliveries as lines, or none.
async fn write(
    batch: &[Delivery],
    write: impl FnOnce(&[String]) -> std::io::Result<()> + Send + 'static,
) -> (usize, Option<Failure>) {
    let bodies: Vec<String> = batch.iter().map(|delivery| delivery.body.clone()).collect();
    let written = tokio::task::spawn_blocking(move || write(&bodies)).await;
    match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(()) => (batch.len(), None),
        Err(error) => (0, Some(Failure::temporary(error))),
    }
}
