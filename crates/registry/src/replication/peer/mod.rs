//! Replication to other deployments. The same items as within the deployment are carried out by a reconciler of its own,
//! because a transfer can take long. The items of a repository are carried out one after another: what was queued later
//! arrives later.

mod ask;
mod due;
mod link;
mod message;
mod pace;
mod receive;
mod send;
mod send_settings;

pub(crate) use link::Links;
pub use link::PeerTraffic;
pub use message::{LAYERS, PATH};
pub use receive::{LayerPart, PeerAsk};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use access::authz::Permit;
use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::reconcilers;
use access::store::{
    BackfillItem, BackfillItemStatus, BackfillStatus, EndBackfillItems, FindReplicationDestination,
    ListBackfillItems, ListDueDestinations, ListDueReplications, ReplicationAction, ReplicationBackfillRow,
    ReplicationDestinationRow, ReplicationEnd, ReplicationItem, ReplicationKey, RepositoryKey,
    StoreResultExt as _,
};
use futures::future::{BoxFuture, try_join_all};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use self::ask::{Failure, Way};
use self::due::Due;
use self::link::Link;
use super::backfill::open_backfills;
use super::backfill_place::Page;
use super::{Authority, DESTINATIONS, ITEMS, Route, end_item, failure_code, retry};
use crate::Registry;
use crate::reconcile::{Pass, Reconciler};

/// How often the queue is read.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long one pass may take. A layer that takes longer goes on in the next one.
const PASS: Duration = Duration::from_secs(20);
/// Repositories that a pass works on at once, and parts of layers that a node sends to a peer at once.
const AT_ONCE: usize = 4;

/// Replicates images to other deployments.
pub(crate) struct ReplicateToPeers(pub(crate) Arc<Registry>);

impl Reconciler for ReplicateToPeers {
    fn name(&self) -> &'static str {
        reconcilers::REPLICATE_TO_PEERS
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn rests_in_passes(&self) -> bool {
        true
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.0.replicate_to_peers(now))
    }
}

/// One pass for one peer.
struct Run {
    until: Instant,
    is_stopped: AtomicBool,
    /// Whether all images of a page failed, and others follow.
    has_skipped: AtomicBool,
    done: AtomicUsize,
}

impl Run {
    fn is_over(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// What became of the images of one repository in a backfill.
struct Sent {
    /// The positions, each with the code of its failure if it failed.
    ended: Vec<(i64, Option<String>)>,
    /// The first one that was not tried to its end.
    paused: Option<i64>,
}

/// Why an image of a backfill has not ended.
enum Unsent {
    /// The pass is over.
    Paused,
    /// It is tried again after those that follow it.
    Failed,
}

/// The items of each repository, in their order.
fn of_repositories<T>(items: Vec<T>, repository: impl Fn(&T) -> i64) -> impl Iterator<Item = Vec<T>> {
    let mut of_repositories: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for item in items {
        of_repositories.entry(repository(&item)).or_default().push(item);
    }
    of_repositories.into_values()
}

impl Link {
    /// What follows a failure. None: the item stays as it is, and nothing more is sent in this pass.
    fn after(
        &self,
        run: &Run,
        failure: Failure,
        item: &ReplicationItem,
        now: Timestamp,
    ) -> Option<ReplicationEnd> {
        let at = micros(now);
        match failure {
            Failure::Paused => None,
            Failure::NotReached(why) => {
                self.stop(run, &why);
                None
            }
            Failure::Failed(why) => {
                let (digest, peer) = (item.key.digest, &self.peer.name);
                tracing::warn!(%digest, peer, why, "a replication to a peer is tried again");
                Some(retry::again(item, at))
            }
            Failure::Moved => Some(retry::again(item, at)),
            Failure::Refused(code) => Some(retry::refused(item, code, at)),
            Failure::Here(error) => Some(retry::after(item, &error, at)),
        }
    }

    /// Ends the pass: the peer was not reached.
    fn stop(&self, run: &Run, why: &str) {
        if !run.is_stopped.swap(true, Ordering::Relaxed) {
            self.was_not_reached(why);
        }
    }
}

impl Registry {
    /// One pass over the destinations at peers.
    pub async fn replicate_to_peers(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::ReplicateImages, &self.access);
        let due = self.due_at_peers(&permit, now).await?;
        let links = due.into_iter().filter_map(|(at, due)| Some((self.peers.at(at)?, due)));
        let free = links.filter(|(link, _)| !link.rests());
        let runs = free.map(|(link, due)| self.replicate_to_peer(&permit, link, due, now));
        let passes = try_join_all(runs).await?;
        let done = passes.iter().map(|pass| pass.done).sum();
        Ok(Pass { done, has_more: passes.iter().any(|pass| pass.has_more) })
    }

    async fn due_at_peers(&self, permit: &Permit<Authority>, now: Timestamp) -> Result<BTreeMap<usize, Due>> {
        let mut due: BTreeMap<usize, Due> = BTreeMap::new();
        let mut after = i64::MIN;
        loop {
            let list = ListDueDestinations { now: micros(now), after, limit: DESTINATIONS };
            let destinations = permit.read(|()| list).await?;
            let is_full = destinations.len() == DESTINATIONS;
            for destination in destinations {
                after = destination.id;
                if let Some(peer) = self.peer_of(&destination) {
                    due.entry(peer).or_default().add(destination, None);
                }
            }
            if !is_full {
                break;
            }
        }
        for backfill in open_backfills(permit).await? {
            if backfill.status != BackfillStatus::InProgress {
                continue;
            }
            let find = FindReplicationDestination { id: backfill.destination };
            let destination = permit.read(|()| find).await?;
            let peer = destination.as_ref().and_then(|destination| self.peer_of(destination));
            if let Some((peer, destination)) = peer.zip(destination) {
                due.entry(peer).or_default().add(destination, Some(backfill));
            }
        }
        Ok(due)
    }

    async fn replicate_to_peer(
        &self,
        permit: &Permit<Authority>,
        link: &Link,
        due: Due,
        now: Timestamp,
    ) -> Result<Pass> {
        let until = Instant::now() + PASS;
        let run = Run {
            until,
            is_stopped: AtomicBool::new(false),
            has_skipped: AtomicBool::new(false),
            done: AtomicUsize::new(0),
        };
        let last = link.last_served();
        for (queue, (destination, backfill)) in due.after(last.as_ref()) {
            if run.is_over() {
                break;
            }
            link.serves(queue);
            match backfill {
                Some(backfill) => {
                    let route = self.route(destination, now).await?;
                    self.send_backfill(permit, (link, &route, &run), backfill).await?;
                }
                None => self.send_queue(permit, (link, &run), destination, now).await?,
            }
        }
        let done = run.done.load(Ordering::Relaxed);
        let is_stopped = run.is_stopped.load(Ordering::Relaxed);
        let has_skipped = run.has_skipped.load(Ordering::Relaxed);
        Ok(Pass { done, has_more: !is_stopped && (done > 0 || has_skipped || run.is_over()) })
    }

    /// Carries out the items of a destination that are due.
    async fn send_queue(
        &self,
        permit: &Permit<Authority>,
        (link, run): (&Link, &Run),
        destination: ReplicationDestinationRow,
        now: Timestamp,
    ) -> Result<()> {
        let list = ListDueReplications { destination: destination.id, now: micros(now), limit: ITEMS };
        let items = permit.read(|()| list).await?;
        let route = self.route(destination, now).await?;
        self.send_settings(permit, (link, &route, run), now).await?;
        let work = of_repositories(items, |item| item.key.source.id);
        let work = work.map(|items| self.send_items(permit, (link, &route, run), items));
        let mut work = stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(ended) = work.next().await {
            ended?;
        }
        Ok(())
    }

    /// Carries out the items of one repository, one after another.
    async fn send_items(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        items: Vec<ReplicationItem>,
    ) -> Result<()> {
        for item in items {
            if run.is_over() {
                break;
            }
            let outcome = self.send_item(permit, (link, route, run), &item).await;
            let now = Timestamp::now();
            let end = match outcome {
                Ok(Some(())) => ReplicationEnd::Replicated,
                Ok(None) => ReplicationEnd::Complete,
                Err(failure) => match link.after(run, failure, &item, now) {
                    Some(end) => end,
                    None => break,
                },
            };
            end_item(permit, (item, route), end, now).await?;
            run.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn send_item(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        item: &ReplicationItem,
    ) -> std::result::Result<Option<()>, Failure> {
        // What is left of a repository that is gone is removed with it.
        let Some(name) = &item.repository_name else { return Ok(None) };
        let way = self.way(link, route, name)?;
        match item.action {
            ReplicationAction::Push => self.send_image(permit, (&way, run), &item.key).await,
            ReplicationAction::Untag | ReplicationAction::Delete => {
                self.send_deletion(permit, &way, &item.key).await
            }
        }
    }

    /// The way to a repository. The account that is replicated must have its service-linked role.
    fn way<'a>(&'a self, link: &'a Link, route: &'a Route, name: &str) -> Result<Way<'a>> {
        route.request()?;
        let to = route.repository(name)?;
        Ok(Way { peers: &self.access.settings.peers, link, route, to })
    }

    /// Replicates the next images of a backfill.
    async fn send_backfill(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        backfill: ReplicationBackfillRow,
    ) -> Result<()> {
        let status = Some(BackfillItemStatus::Waiting);
        let after = self.backfill_places.after(&backfill.id);
        let list = ListBackfillItems { id: backfill.id.clone(), status, after, limit: ITEMS };
        let items = permit.read(|()| list).await?;
        let mut page = Page {
            last: items.last().map(|item| item.position),
            paused: None,
            is_full: items.len() == ITEMS,
        };
        let work = of_repositories(items, |item| item.repository)
            .map(|items| self.send_backfill_items(permit, (link, route, run), (&backfill, items)));
        let mut work = stream::iter(work).buffer_unordered(AT_ONCE);
        let mut ended = Vec::new();
        while let Some(Sent { ended: of_repository, paused }) = work.next().await {
            ended.extend(of_repository);
            page.paused = [page.paused, paused].into_iter().flatten().min();
        }
        drop(work);
        if self.backfill_places.go_on(&backfill.id, &page) && ended.is_empty() && page.paused.is_none() {
            run.has_skipped.store(true, Ordering::Relaxed);
        }
        if ended.is_empty() {
            return Ok(());
        }
        run.done.fetch_add(ended.len(), Ordering::Relaxed);
        let end = EndBackfillItems {
            id: backfill.id.clone(),
            ended,
            failure: None,
            is_at_peer: true,
            at: micros(Timestamp::now()),
        };
        if permit.write(|()| end).await.or_store_error()?.is_terminal() {
            self.backfill_places.forget(&backfill.id);
        }
        Ok(())
    }

    /// The images of one repository, one after another.
    async fn send_backfill_items(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        (backfill, items): (&ReplicationBackfillRow, Vec<BackfillItem>),
    ) -> Sent {
        let mut sent = Sent { ended: Vec::with_capacity(items.len()), paused: None };
        for item in items {
            let position = item.position;
            match self.send_backfill_item(permit, (link, route, run), (backfill, item)).await {
                Ok(code) => sent.ended.push((position, code)),
                Err(Unsent::Failed) => {}
                Err(Unsent::Paused) => {
                    sent.paused = Some(position);
                    break;
                }
            }
        }
        sent
    }

    /// The code of its failure, if the destination refuses it.
    async fn send_backfill_item(
        &self,
        permit: &Permit<Authority>,
        (link, route, run): (&Link, &Route, &Run),
        (backfill, item): (&ReplicationBackfillRow, BackfillItem),
    ) -> std::result::Result<Option<String>, Unsent> {
        if run.is_over() {
            return Err(Unsent::Paused);
        }
        let source = RepositoryKey { registry: backfill.registry, id: item.repository };
        let destination = backfill.destination;
        let key = ReplicationKey { source, digest: item.digest, tag: item.tag, destination };
        let sent = async {
            let way = self.way(link, route, &item.repository_name)?;
            self.send_image(permit, (&way, run), &key).await
        };
        match sent.await {
            Ok(Some(())) => Ok(None),
            Ok(None) => Ok(Some("ImageNotFound".to_owned())),
            Err(Failure::Refused(code)) => Ok(Some(code)),
            Err(Failure::Here(error)) if !retry::is_transient(&error) => Ok(Some(failure_code(&error))),
            Err(Failure::NotReached(why)) => {
                link.stop(run, &why);
                Err(Unsent::Paused)
            }
            Err(Failure::Paused) => Err(Unsent::Paused),
            Err(Failure::Failed(why)) => {
                tracing::warn!(digest = %key.digest, peer = link.peer.name, why, "an image is tried again");
                Err(Unsent::Failed)
            }
            Err(Failure::Moved | Failure::Here(_)) => Err(Unsent::Failed),
        }
    }
}
