//! Replication to other registries of the deployment (ECR User Guide, "Private image replication"). An effect queues an
//! item for each destination in its own transaction. The reconciler works on the items of all destinations at once, so
//! one that fails does not stop the others. Each item reads its source again when it is carried out: items may be
//! repeated, and may be done in any order.

pub(crate) mod backfill;
mod backfill_place;
mod image;
mod lag;
mod peer;
mod referrers;
mod retry;
mod settings;

pub(crate) use backfill_place::BackfillPlaces;
pub use image::failure_code;
pub use lag::DestinationLag;
pub(crate) use lag::lag_seconds;
pub use peer::{LAYERS, LayerPart, PATH, PeerAsk, PeerTraffic};
pub(crate) use peer::{Links, ReplicateToPeers};

use std::sync::Arc;
use std::time::Duration;

use access::authz::Permit;
use access::context::{Ctx, RepositoryRef, micros};
use access::effects::authority;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::reconcilers;
use access::store::{
    DeletionSource, EndReplication, FindReplicationRule, ForgetReplications, ListDueDestinations,
    ListDueReplications, OpError, ReplicateDeletion, ReplicateDeletionRefusal, ReplicationAction,
    ReplicationDestinationRow, ReplicationEnd, ReplicationItem, ReplicationPlaces, RepositoryKey,
    StoreResultExt as _, Target, store_error,
};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream;
use jiff::Timestamp;
use oci::digest::Digest;
use oci::name::Tag;

use crate::Registry;
use crate::image::{join, protected};
use crate::reconcile::{Pass, Reconciler};

type Authority = authority::ReplicateImages;

/// How often the queue is read.
const INTERVAL: Duration = Duration::from_secs(5);
/// The code of a failure that is final: the destination is in another database of the deployment.
const ELSEWHERE: &str = "RegistryInAnotherDatabase";
/// Destinations that are read at once, and those that are worked on at once.
const DESTINATIONS: usize = 1_000;
const DESTINATIONS_AT_ONCE: usize = 4;
/// Items of a destination in one pass, and those that are worked on at once: their commits share a sync.
const ITEMS: usize = 100;
const ITEMS_AT_ONCE: usize = 8;
/// Rows of removed destinations in one pass.
const FORGOTTEN: usize = 1_000;

/// Replicates images to other registries.
pub(crate) struct ReplicateImages(pub(crate) Arc<Registry>);

impl Reconciler for ReplicateImages {
    fn name(&self) -> &'static str {
        reconcilers::REPLICATE_IMAGES
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.0.replicate_images(now))
    }
}

/// A destination, and the identity that writes there.
pub(crate) struct Route {
    pub(crate) destination: ReplicationDestinationRow,
    /// None: the account that is replicated has no service-linked role.
    pub(crate) ctx: Option<Ctx>,
}

impl Route {
    pub(crate) fn places(&self) -> ReplicationPlaces {
        let ReplicationDestinationRow { source_account_id, source_region, account_id, region, .. } =
            &self.destination;
        ReplicationPlaces {
            source: (source_account_id.clone(), source_region.clone()),
            destination: (account_id.clone(), region.clone()),
        }
    }

    /// The identity in a request of its own.
    pub(crate) fn request(&self) -> Result<Ctx> {
        let ctx = self.ctx.as_ref().ok_or_else(no_role)?;
        let id = uuid::Uuid::new_v4().to_string();
        Ok(Ctx::new(Arc::clone(&ctx.caller), ctx.peer, ctx.user_agent.clone(), id, ctx.now, ctx.plane)
            .signed_for(self.destination.region.clone()))
    }

    /// The repository at the destination: it has the name of the one that is replicated.
    pub(crate) fn repository(&self, name: &str) -> Result<RepositoryRef> {
        let name = name.parse().map_err(Error::internal)?;
        let ReplicationDestinationRow { account_id, region, .. } = &self.destination;
        Ok(RepositoryRef { account_id: account_id.clone(), region: region.clone(), name })
    }
}

fn no_role() -> Error {
    let message =
        "The account has no service-linked role for replication. PutReplicationConfiguration creates it.";
    Error::new(Code::AccessDenied, message)
}

impl Registry {
    /// One pass over the destinations that have something to do; returns how many items ended.
    pub async fn replicate_images(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::ReplicateImages, &self.access);
        let mut pass = self.queue_referrers(&permit, now).await?;
        let mut after = i64::MIN;
        loop {
            let list = ListDueDestinations { now: micros(now), after, limit: DESTINATIONS };
            let due = permit.read(|()| list).await?;
            let Some(last) = due.last() else { break };
            after = last.id;
            let is_full = due.len() == DESTINATIONS;
            let here = due.into_iter().filter(|destination| self.peer_of(destination).is_none());
            let passes = here.map(|destination| self.replicate_to(&permit, destination, now));
            let mut passes = stream::iter(passes).buffer_unordered(DESTINATIONS_AT_ONCE);
            while let Some(of_destination) = passes.next().await {
                let Pass { done, has_more } = of_destination?;
                pass.done += done;
                pass.has_more |= has_more;
            }
            if !is_full {
                break;
            }
        }
        let forget = ForgetReplications { limit: FORGOTTEN };
        let forgotten = permit.write(|()| forget).await.or_store_error()?;
        pass.has_more |= forgotten > 0;
        let Pass { done, has_more } = self.work_on_backfills(&permit, now).await?;
        Ok(Pass { done: pass.done + done, has_more: pass.has_more || has_more })
    }

    /// The items of one destination that are due.
    async fn replicate_to(
        &self,
        permit: &Permit<Authority>,
        destination: ReplicationDestinationRow,
        now: Timestamp,
    ) -> Result<Pass> {
        let list = ListDueReplications { destination: destination.id, now: micros(now), limit: ITEMS };
        let items = permit.read(|()| list).await?;
        let (count, route) = (items.len(), self.route(destination, now).await?);
        let settings = self.replicate_settings(permit, &route, now).await?;
        let work = items.into_iter().map(|item| self.replicate_item(permit, &route, item, now));
        let mut work = stream::iter(work).buffer_unordered(ITEMS_AT_ONCE);
        while let Some(ended) = work.next().await {
            ended?;
        }
        Ok(Pass { done: count + settings, has_more: count == ITEMS || settings > 0 })
    }

    pub(crate) async fn route(
        &self,
        destination: ReplicationDestinationRow,
        now: Timestamp,
    ) -> Result<Route> {
        let source = (&destination.source_account_id, &destination.source_region);
        let id = uuid::Uuid::new_v4().to_string().into();
        let ctx = self.access.replication_ctx(source, &destination.region, id, now).await?;
        Ok(Route { destination, ctx })
    }

    /// Carries out one item. What fails is tried again later.
    async fn replicate_item(
        &self,
        permit: &Permit<Authority>,
        route: &Route,
        item: ReplicationItem,
        now: Timestamp,
    ) -> Result<()> {
        let outcome = match (&item.repository_name, item.action) {
            // It is removed with the rest of the repository.
            (None, _) => Ok(None),
            (Some(name), ReplicationAction::Push) => self.replicate_push(permit, route, &item, name).await,
            (Some(name), ReplicationAction::Untag | ReplicationAction::Delete) => {
                self.replicate_deletion(permit, route, &item, name).await
            }
        };
        let end = match outcome {
            Ok(Some(())) => return Ok(()),
            Ok(None) => ReplicationEnd::Complete,
            Err(error) => self.end_of_failure(route, &item, &error, now).await?,
        };
        end_item(permit, (item, route), end, now).await
    }

    /// A registry that was placed in another database after the rule was made stays there: nothing is tried again.
    async fn end_of_failure(
        &self,
        route: &Route,
        item: &ReplicationItem,
        error: &Error,
        now: Timestamp,
    ) -> Result<ReplicationEnd> {
        let account = &route.destination.account_id;
        if !retry::is_transient(error) && self.access.is_elsewhere(account).await? {
            return Ok(ReplicationEnd::Failed { code: ELSEWHERE.to_owned(), retry_at: None });
        }
        Ok(retry::after(item, error, micros(now)))
    }

    /// Removes a tag or an image. None: there is no repository to remove it from, or no rule that says so any more.
    async fn replicate_deletion(
        &self,
        permit: &Permit<Authority>,
        route: &Route,
        item: &ReplicationItem,
        name: &str,
    ) -> Result<Option<()>> {
        if !is_ruled(permit, (item.key.source, item.key.destination), true).await? {
            return Ok(None);
        }
        let ctx = route.request()?;
        let to = route.repository(name)?;
        let gate = self.access.gate(&ctx, &to, Target::None).await?;
        let permit = match gate.permit::<ecr::ReplicateImage>() {
            Err(error) if error.code == Code::RepositoryNotFound => return Ok(None),
            permit => permit?,
        };
        let source = DeletionSource::Here(item.key.clone(), item.version);
        remove(&ctx, &permit, (item.key.digest, item.key.tag.clone()), source).await.map(|_| Some(()))
    }
}

/// Whether a rule gives a repository to a destination now, or its deletions. What was queued, or read, before a change of the
/// rules is not sent after it.
async fn is_ruled(
    permit: &Permit<Authority>,
    (repository, destination): (RepositoryKey, i64),
    deletes: bool,
) -> Result<bool> {
    permit.read(|()| FindReplicationRule { repository, destination, deletes }).await
}

/// Ends an item.
async fn end_item(
    permit: &Permit<Authority>,
    (item, route): (ReplicationItem, &Route),
    end: ReplicationEnd,
    now: Timestamp,
) -> Result<()> {
    let ReplicationItem { key, version, repository_name, .. } = item;
    let repository_name = repository_name.unwrap_or_default();
    let (route, at) = (route.places(), micros(now));
    let end = EndReplication { key, version, end, repository_name, route, at };
    permit.write(|()| end).await.or_store_error().map(|_| ())
}

/// Removes a tag or an image at the destination. False: a later request of the peer was carried out.
async fn remove(
    ctx: &Ctx,
    permit: &Permit<ecr::ReplicateImage>,
    (digest, tag): (Digest, Option<Tag>),
    source: DeletionSource,
) -> Result<bool> {
    let delete = |repository| ReplicateDeletion { repository, digest, tag, source, at: ctx.at() };
    match permit.write(delete).await {
        Ok(_removed) => Ok(true),
        Err(OpError::Refused(ReplicateDeletionRefusal::Overtaken)) => Ok(false),
        Err(OpError::Refused(ReplicateDeletionRefusal::Protected(by))) => Err(protected(&by)),
        Err(OpError::Refused(ReplicateDeletionRefusal::Referenced(lists))) => {
            let message = format!("Requested image referenced by manifest list: [{}]", join(&lists));
            Err(Error::new(Code::ManifestReferenced, message))
        }
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}
