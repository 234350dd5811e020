//! The reconcilers of a deployment: work that no request asks for. Their state is in the store, so that one node runs
//! each at a time, and every node can show it. What they do is in `registry::reconcile`.

use std::time::Duration;

use jiff::Timestamp;

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{AwsCode, Error, Result};
use crate::permit::Permit;
use crate::store::{
    ClaimReconciler, CountBacklogs, FinishReconciler, ListReconcilers, Micros, ReconcilerState,
    RenewReconciler, RequestReconciler, StoreResultExt as _,
};

/// Ends abandoned uploads.
pub const EXPIRE_UPLOADS: &str = "expire-uploads";
/// Removes the rows of deleted repositories.
pub const PURGE_REPOSITORIES: &str = "purge-repositories";
/// Carries out a check of the store that a request started.
pub const CHECK_STORE: &str = "check-store";
/// Ends links that no image needs and objects that no repository links.
pub const COLLECT_GARBAGE: &str = "collect-garbage";
/// Looks for garbage that is not queued.
pub const WALK_STORE: &str = "walk-store";
/// Reads stored bytes and compares their digests.
pub const SCRUB_OBJECTS: &str = "scrub-objects";
/// Compares the counters of usage with the rows.
pub const MEASURE_USAGE: &str = "measure-usage";
/// Removes bytes whose rows are gone.
pub const SWEEP_OBJECTS: &str = "sweep-objects";
/// Removes expired large sessions.
pub const FORGET_SESSIONS: &str = "forget-sessions";
/// Removes deleted secrets that can no longer be restored.
pub const REMOVE_SECRETS: &str = "remove-secrets";
/// Removes reports of digests in use that expired.
pub const FORGET_REPORTS: &str = "forget-reports";
/// Seals secrets with the newest key, and retires keys that are no longer needed.
pub const RESEAL_SECRETS: &str = "reseal-secrets";

/// Evaluates lifecycle policies and carries them out.
pub const EXECUTE_LIFECYCLE: &str = "execute-lifecycle";
/// Works out previews of lifecycle policies.
pub const PREVIEW_LIFECYCLE: &str = "preview-lifecycle";
/// Replicates images to other registries.
pub const REPLICATE_IMAGES: &str = "replicate-images";
/// Replicates images to other deployments.
pub const REPLICATE_TO_PEERS: &str = "replicate-to-peers";
/// Ends the restoring of images from the archive.
pub const RESTORE_IMAGES: &str = "restore-images";
/// Moves objects to the archive and back.
pub const MOVE_OBJECTS: &str = "move-objects";
/// Routes events to their targets and delivers them.
pub const DELIVER_EVENTS: &str = "deliver-events";
/// Removes old events, and old history of tags.
pub const TRIM_EVENTS: &str = "trim-events";

/// Every reconciler, by name.
pub const NAMES: [&str; 20] = [
    CHECK_STORE,
    COLLECT_GARBAGE,
    DELIVER_EVENTS,
    EXECUTE_LIFECYCLE,
    EXPIRE_UPLOADS,
    FORGET_REPORTS,
    FORGET_SESSIONS,
    MEASURE_USAGE,
    MOVE_OBJECTS,
    PREVIEW_LIFECYCLE,
    PURGE_REPOSITORIES,
    REMOVE_SECRETS,
    REPLICATE_IMAGES,
    REPLICATE_TO_PEERS,
    RESEAL_SECRETS,
    RESTORE_IMAGES,
    SCRUB_OBJECTS,
    SWEEP_OBJECTS,
    TRIM_EVENTS,
    WALK_STORE,
];

/// An upload session without a write for this long is ended.
pub const UPLOAD_LIFETIME: Duration = Duration::from_hours(168);

/// Backlogs are counted up to this number.
pub const MOST_COUNTED: i64 = 1_000;

/// How a pass ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When it runs next.
    pub next_run_at: Timestamp,
    /// How much it did.
    pub done: usize,
    /// Whether it left work.
    pub has_more: bool,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl Access {
    /// The state of every reconciler, by name; an empty one if it never ran.
    pub async fn reconcilers(&self) -> Result<Vec<ReconcilerState>> {
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let kept = permit.read(|()| ListReconcilers).await?;
        let state = |name: &&str| {
            let found = kept.iter().find(|state| state.name == *name).cloned();
            found.unwrap_or_else(|| empty(name))
        };
        Ok(NAMES.iter().map(state).collect())
    }

    /// How many things wait for each reconciler, by name: at most [`MOST_COUNTED`].
    pub async fn backlogs(&self, now: Timestamp) -> Result<[(&'static str, i64); NAMES.len()]> {
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let collection = self.settings.limits.collection;
        let count = CountBacklogs {
            queued_until: micros(now).minus(collection.grace),
            doom_delay: Micros::of(collection.delay),
            uploads_idle_since: micros(now).minus(UPLOAD_LIFETIME),
            events_before: self.first_kept_event(now),
            sealing_key: self.keys.sealing(),
            at: micros(now),
            limit: MOST_COUNTED,
        };
        let counted = permit.read(|()| count).await?;
        Ok([
            // Walks and checks have no queue: each goes over all rows.
            (CHECK_STORE, 0),
            (COLLECT_GARBAGE, counted.reviews),
            (DELIVER_EVENTS, counted.deliveries),
            (EXECUTE_LIFECYCLE, counted.policies),
            (EXPIRE_UPLOADS, counted.uploads),
            (FORGET_REPORTS, counted.reports),
            (FORGET_SESSIONS, counted.sessions),
            (MEASURE_USAGE, 0),
            (MOVE_OBJECTS, counted.moves),
            (PREVIEW_LIFECYCLE, counted.previews),
            (PURGE_REPOSITORIES, counted.repositories),
            (REMOVE_SECRETS, counted.deleted_secrets),
            // What waits for peers is counted with the other replications.
            (REPLICATE_IMAGES, counted.replications),
            (REPLICATE_TO_PEERS, 0),
            (RESEAL_SECRETS, counted.secrets),
            (RESTORE_IMAGES, counted.restores),
            (SCRUB_OBJECTS, 0),
            (SWEEP_OBJECTS, counted.objects),
            (TRIM_EVENTS, counted.events),
            (WALK_STORE, 0),
        ])
    }

    /// Requests a run of a reconciler as soon as possible, on any node.
    pub async fn request_reconciler(&self, name: &str, now: Timestamp) -> Result<()> {
        if !NAMES.contains(&name) {
            return Err(unknown(name));
        }
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let request = RequestReconciler { name: name.to_owned(), at: micros(now) };
        permit.write(|()| request).await.or_store_error()?;
        if name == DELIVER_EVENTS {
            self.events_written.notify_one();
        } else {
            self.reconcilers_woken.notify_one();
        }
        Ok(())
    }

    /// Whether only one node can open the store.
    pub fn is_alone(&self) -> bool {
        self.meta.wal_bytes().is_some()
    }

    /// Waits for a requested run at this node.
    pub async fn reconcilers_woken(&self) {
        self.reconcilers_woken.notified().await;
    }

    /// Waits for an event of this node, or for a requested run of the delivery of events.
    pub async fn events_written(&self) {
        self.events_written.notified().await;
    }

    /// Starts a pass, if it is due or work came, and no other node runs it.
    pub async fn claim_reconciler(
        &self,
        name: &str,
        holder: &str,
        is_woken: bool,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<bool> {
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let claim = ClaimReconciler { name, holder, is_woken, now: micros(now), lease_until: micros(until) };
        permit.write(|()| claim).await.or_store_error()
    }

    /// Extends the lease of a pass that takes long. Returns whether this node still has it.
    pub async fn renew_reconciler(&self, name: &str, holder: &str, until: Timestamp) -> Result<bool> {
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let renew = RenewReconciler { name, holder, lease_until: micros(until) };
        permit.write(|()| renew).await.or_store_error()
    }

    /// Ends a pass.
    pub async fn finish_reconciler(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        ended: Ended,
    ) -> Result<()> {
        let permit = Permit::for_service(authority::RunReconcilers, self);
        let finish = FinishReconciler {
            name: name.to_owned(),
            holder: holder.to_owned(),
            now: micros(now),
            next_run_at: micros(ended.next_run_at),
            done: i64::try_from(ended.done).unwrap_or(i64::MAX),
            has_more: ended.has_more,
            error: ended.error,
        };
        permit.write(|()| finish).await.or_store_error()
    }
}

/// The error for a name that no reconciler has.
pub fn unknown(name: &str) -> Error {
    let known = NAMES.join(", ");
    let message = format!("There is no reconciler named '{name}'. There are: {known}.");
    Error::aws(AwsCode::OrganizationInvalidInput, message)
}

fn empty(name: &str) -> ReconcilerState {
    let never = Micros(0);
    ReconcilerState {
        name: name.to_owned(),
        holder: String::new(),
        lease_until: never,
        requested_at: never,
        started_at: never,
        ended_at: never,
        next_run_at: never,
        done: 0,
        has_more: false,
        error: None,
    }
}
