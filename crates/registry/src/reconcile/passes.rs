//! The reconcilers and how often each runs.

use std::sync::Arc;
use std::time::Duration;

use access::error::Result;
use access::reconcilers;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::{Pass, Reconciler};
use crate::Registry;

macro_rules! reconcilers {
    ($($(#[$doc:meta])* $name:ident($text:expr, every $interval:expr $(, $rests:ident)?) = |$registry:ident, $now:ident| $pass:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(pub(super) Arc<Registry>);

        impl Reconciler for $name {
            fn name(&self) -> &'static str {
                $text
            }

            fn interval(&self) -> Duration {
                let $registry = &self.0;
                let _ = $registry;
                $interval
            }

            $(fn $rests(&self) -> bool {
                true
            })?

            fn pass(&self, $now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
                let $registry = &self.0;
                Box::pin(async move { $pass.await.map(Into::into) })
            }
        }
    )*};
}

/// The pass, if anything was ever pushed.
async fn with_content(registry: &Registry, pass: BoxFuture<'_, Result<Pass>>) -> Result<Pass> {
    if registry.has_content().await? { pass.await } else { Ok(Pass { done: 0, has_more: false }) }
}

reconcilers! {
    /// Ends abandoned uploads.
    ExpireUploads(reconcilers::EXPIRE_UPLOADS, every Duration::from_mins(1)) =
        |registry, now| registry.expire_uploads(now);
    /// Removes the rows of deleted repositories.
    PurgeRepositories(reconcilers::PURGE_REPOSITORIES, every Duration::from_secs(30), rests_in_passes) =
        |registry, now| registry.purge_repositories(now);
    /// Ends links that no image needs and objects that no repository links.
    CollectGarbage(reconcilers::COLLECT_GARBAGE, every registry.access.settings.limits.collection.interval) =
        |registry, now| with_content(registry, Box::pin(registry.collect_garbage(now)));
    /// Looks for garbage that is not queued.
    WalkStore(reconcilers::WALK_STORE, every Duration::from_mins(1)) = |registry, now| with_content(registry, Box::pin(registry.walk_store(now)));
    /// Compares the counters of usage with the rows.
    MeasureUsage(reconcilers::MEASURE_USAGE, every Duration::from_hours(24)) =
        |registry, _now| with_content(registry, Box::pin(registry.measure_usage()));
    /// Removes bytes whose rows are gone.
    SweepObjects(reconcilers::SWEEP_OBJECTS,
        every registry.access.settings.limits.collection.interval.min(Duration::from_secs(30))) =
        |registry, now| registry.sweep_doomed(now);
    /// Removes expired large sessions.
    ForgetSessions(reconcilers::FORGET_SESSIONS, every Duration::from_mins(1)) =
        |registry, now| registry.access.forget_session_contexts(now);
    /// Removes expired reports of digests in use.
    ForgetReports(reconcilers::FORGET_REPORTS, every Duration::from_mins(1)) =
        |registry, now| registry.forget_in_use_reports(now);
    /// Removes deleted secrets that can no longer be restored.
    RemoveSecrets(reconcilers::REMOVE_SECRETS, every Duration::from_mins(1)) =
        |registry, now| registry.access.remove_deleted_secrets(now);
    /// Seals secrets with the newest key, and retires keys that are no longer needed.
    ResealSecrets(reconcilers::RESEAL_SECRETS, every Duration::from_secs(30)) =
        |registry, now| registry.access.tend_keys(now);
    /// Reads stored bytes and compares their digests.
    ScrubObjects(reconcilers::SCRUB_OBJECTS, every Duration::from_secs(30)) =
        |registry, now| with_content(registry, Box::pin(registry.scrub_objects(now)));
    /// Carries out a check of the store that a request started.
    CheckStore(reconcilers::CHECK_STORE, every Duration::from_mins(10)) = |registry, now| registry.check_store(now);
    /// Removes old events, and old history of tags.
    TrimEvents(reconcilers::TRIM_EVENTS, every Duration::from_mins(1)) =
        |registry, now| registry.trim_records(now);
}
