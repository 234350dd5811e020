//! Collects garbage while requests go on: links that no image needs, then objects that no repository links. Their bytes
//! are doomed with the object's row, and `sweep` removes them after a second delay. A slow walk over the store finds
//! what earlier versions left.

use std::collections::BTreeMap;

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
use access::store::{
    CollectLinks, CollectObjects, CorrectUsage, DueLinkReviews, DueObjectReviews, HasUsage, KeepNeededLinks,
    LinkReview, MeasureUsage, Micros, RepositoryKey, StoreResultExt as _, WalkStore,
};
use fault::Fault;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::Pass;

/// Rows reviewed in one pass.
const REVIEWS: usize = 200;
/// Rows changed in one transaction: few enough that a push never waits long for it.
const SLICE: usize = 100;
/// Rows that one pass of the walk looks at.
const WALKED: usize = 1_000;

type Collector = Permit<authority::CollectGarbage>;

impl Registry {
    /// Whether anything was ever pushed. An empty deployment has nothing to collect, and its server stays small.
    pub(crate) async fn has_content(&self) -> Result<bool> {
        Permit::for_service(authority::MeasureUsage, &self.access).read(|()| HasUsage).await
    }

    /// One pass of the collector. It can be repeated, and can run on several nodes: each transaction looks at the rows
    /// again.
    pub async fn collect_garbage(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::CollectGarbage, &self.access);
        let cutoff = micros(now).minus(self.access.settings.limits.collection.grace);
        let links = collect_links(&permit, cutoff).await?;
        fault::hit(Fault::AfterCollectLinks);
        let objects = collect_objects(&permit, cutoff, micros(now)).await?;
        fault::hit(Fault::AfterCollectObjects);
        // What ended a link has queued its object, which may be due at once.
        Ok(Pass {
            done: links.done + objects.done,
            has_more: links.has_more || objects.has_more || links.done > 0,
        })
    }

    /// One slice of the walk over all links and objects. Returns how many it queued for review.
    pub async fn walk_store(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::CollectGarbage, &self.access);
        let walk = WalkStore { limit: WALKED, at: micros(now) };
        let walked = permit.write(|()| walk).await.or_store_error()?;
        Ok(Pass { done: walked.queued, has_more: false })
    }

    /// Compares the counters of usage with the rows; returns how many were corrected.
    pub async fn measure_usage(&self) -> Result<Pass> {
        let permit = Permit::for_service(authority::MeasureUsage, &self.access);
        let drifts = permit.read(|()| MeasureUsage).await?;
        let done = drifts.len();
        for drifts in drifts.chunks(SLICE) {
            let drifts = drifts.to_vec();
            permit.write(|()| CorrectUsage { drifts }).await.or_store_error()?;
        }
        Ok(Pass { done, has_more: false })
    }
}

async fn collect_links(permit: &Collector, cutoff: Micros) -> Result<Pass> {
    let due = permit.read(|()| DueLinkReviews { cutoff, limit: REVIEWS }).await?;
    let has_more = due.len() == REVIEWS;
    let (needed, others): (Vec<_>, Vec<_>) = due.into_iter().partition(|review| review.is_needed);
    for reviews in needed.chunks(SLICE) {
        let reviews = reviews.to_vec();
        permit.write(|()| KeepNeededLinks { reviews }).await.or_store_error()?;
    }
    fault::hit(Fault::BeforeCollectLinks);
    let mut repositories: BTreeMap<RepositoryKey, Vec<LinkReview>> = BTreeMap::new();
    for review in others {
        repositories.entry(review.repository).or_default().push(review);
    }
    let mut done = 0;
    for (repository, reviews) in repositories {
        for reviews in reviews.chunks(SLICE) {
            let reviews = reviews.to_vec();
            let collect = CollectLinks { repository, reviews, cutoff };
            done += permit.write(|()| collect).await.or_store_error()?;
        }
    }
    Ok(Pass { done, has_more })
}

async fn collect_objects(permit: &Collector, cutoff: Micros, at: Micros) -> Result<Pass> {
    let due = permit.read(|()| DueObjectReviews { cutoff, limit: REVIEWS }).await?;
    let mut done = 0;
    for reviews in due.chunks(SLICE) {
        let reviews = reviews.to_vec();
        done += permit.write(|()| CollectObjects { reviews, at }).await.or_store_error()?;
    }
    Ok(Pass { done, has_more: due.len() == REVIEWS })
}
