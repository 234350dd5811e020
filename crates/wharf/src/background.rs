//! What a running node does that no request asks for: it runs the reconcilers, and follows changes of the keys.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::Access;
use access::clock;
use access::error::Result;
use access::reconcilers::DELIVER_EVENTS;
use events::Events;
use futures::future::BoxFuture;
use jiff::Timestamp;
use registry::reconcile::{Driver, Pass, Reconciler};
use server::Deployment;
use tokio::task::JoinSet;
use trace::Tracer;

use crate::databases::{self, Other};
use crate::master_rotation;

/// The file of the master key, and whether only this process can open the store.
pub(crate) struct MasterKeyFile {
    pub(crate) path: PathBuf,
    pub(crate) is_alone: bool,
}

/// Follows rotations of the sealing keys and of the master key until it is stopped. After a failure the keys that were
/// read before stay in use.
pub(crate) async fn follow_keys(deployment: Deployment, file: MasterKeyFile) {
    loop {
        if let Err(error) = master_rotation::follow(&deployment, &file.path, file.is_alone).await {
            tracing::error!(error = format!("{error:#}"), "the keys could not be read again");
        }
        tokio::time::sleep(access::keys::REFRESH).await;
    }
}

/// Compares the clocks of this node and of the database until it is stopped, and reports a difference.
pub(crate) async fn watch_clock(access: Arc<Access>) {
    if access.is_alone() {
        return;
    }
    let mut was_far = false;
    loop {
        // A store that does not answer is reported by what needs it.
        if let Ok(Some(skew)) = access.compare_clocks().await {
            let is_far = skew.abs() > clock::LIMIT;
            let seconds = skew.as_secs_f64();
            if is_far && !was_far {
                tracing::warn!(
                    seconds,
                    "the clock of this node is ahead of the database's, or behind it (< 0)"
                );
            } else if was_far && !is_far {
                tracing::info!(seconds, "the clock of this node agrees with the database's again");
            }
            was_far = is_far;
        }
        tokio::time::sleep(clock::INTERVAL).await;
    }
}

/// Runs the reconcilers until it is stopped.
pub(crate) async fn reconcile(deployment: Deployment, tracer: Tracer) {
    Driver::new(&deployment.registry).traced(tracer).run().await;
}

/// Replicates to other deployments until it is stopped, if there are any.
pub(crate) async fn replicate_to_peers(deployment: Deployment, tracer: Tracer) {
    if has_targets(&deployment) {
        Driver::of_peers(&deployment.registry).traced(tracer).run().await;
    }
}

/// Whether there are deployments to replicate to.
fn has_targets(deployment: &Deployment) -> bool {
    deployment.access.settings.peers.list.iter().any(|peer| peer.target.is_some())
}

/// Delivers events until it is stopped.
pub(crate) async fn deliver(deployment: Deployment, tracer: Tracer) {
    deliveries(&deployment).traced(tracer).run().await;
}

/// Works on the registries of the other databases until it is dropped. Each database has its own leases. Those that are away
/// are opened when they come back.
pub(crate) async fn run_beside(deployment: Deployment, mut away: Vec<Other>, tracer: Tracer) {
    let mut running = JoinSet::new();
    let mut begun = BTreeSet::new();
    loop {
        for (name, access) in deployment.access.databases() {
            if begun.insert(name.to_owned()) {
                work_on(&deployment, (name, access), &tracer, &mut running);
            }
        }
        if away.is_empty() {
            return std::future::pending().await;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        let mut still_away = Vec::new();
        for other in away {
            still_away.extend(databases::open_again(&deployment, other).await);
        }
        away = still_away;
    }
}

/// How often a database that is away is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

fn work_on(
    deployment: &Deployment,
    (name, access): (&str, &Arc<Access>),
    tracer: &Tracer,
    running: &mut JoinSet<()>,
) {
    let Some(registry) = deployment.beside.get(name).and_then(|opened| opened.get()) else { return };
    let drivers = [
        Some(Driver::of_database(registry)),
        has_targets(deployment).then(|| Driver::of_peers(registry)),
        Some(forwarding(access)),
    ];
    for driver in drivers.into_iter().flatten() {
        let driver = driver.traced(tracer.clone());
        running.spawn(async move { driver.run().await });
    }
}

/// The driver that brings the events of another database to the directory.
pub(crate) fn forwarding(access: &Arc<Access>) -> Driver {
    Driver::of_events(Arc::clone(access), Box::new(ForwardEvents(Arc::clone(access))))
}

/// Brings the events of another database to the directory, which delivers them.
struct ForwardEvents(Arc<Access>);

impl Reconciler for ForwardEvents {
    fn name(&self) -> &'static str {
        DELIVER_EVENTS
    }

    /// An event wakes its own node. Other nodes are looked for again and again.
    fn interval(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn pass(&self, _now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move {
            let forwarded = events::forward(&self.0).await?;
            Ok(Pass { done: forwarded.done, has_more: forwarded.has_more })
        })
    }
}

/// The driver of the delivery of events.
pub(crate) fn deliveries(deployment: &Deployment) -> Driver {
    let access = Arc::clone(&deployment.access);
    let events = Arc::clone(&deployment.events);
    Driver::of_events(
        Arc::clone(&access),
        Box::new(DeliverEvents { access, events, next_in: Mutex::new(None) }),
    )
}

/// Routes events to their targets and delivers them.
struct DeliverEvents {
    access: Arc<Access>,
    events: Arc<Events>,
    /// When a target that failed is called again.
    next_in: Mutex<Option<Duration>>,
}

impl Reconciler for DeliverEvents {
    fn name(&self) -> &'static str {
        DELIVER_EVENTS
    }

    /// An event wakes its own node. Other nodes, and targets that failed, are looked for again and again.
    fn interval(&self) -> Duration {
        let usual = Duration::from_secs(if self.access.is_alone() { 10 } else { 5 });
        let next_in = *self.next_in.lock().unwrap_or_else(PoisonError::into_inner);
        next_in.map_or(usual, |next_in| next_in.min(usual))
    }

    fn rests_in_passes(&self) -> bool {
        true
    }

    fn pass(&self, _now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move {
            let delivered = self.events.pass().await?;
            *self.next_in.lock().unwrap_or_else(PoisonError::into_inner) = delivered.next_in;
            Ok(Pass { done: delivered.done, has_more: delivered.has_more })
        })
    }
}
