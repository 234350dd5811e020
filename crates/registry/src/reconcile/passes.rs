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

reconcilers! {
    /// Ends abandoned uploads.
    ExpireUploads(reconcilers::EXPIRE_UPLOADS, every Duration::from_mins(1)) =
        |registry, now| registry.expire_uploads(now);
    /// Removes the rows of deleted repositories.
    PurgeRepositories(reconcilers::PURGE_REPOSITORIES, every Duration::from_secs(30), rests_in_passes) =
        |registry, now| registry.purge_repositories(now);
    /// Removes bytes whose rows are gone.
    SweepObjects(reconcilers::SWEEP_OBJECTS, every Duration::from_secs(30)) =
        |registry, now| registry.sweep_doomed(now);
    /// Removes expired large sessions.
    ForgetSessions(reconcilers::FORGET_SESSIONS, every Duration::from_mins(1)) =
        |registry, now| registry.access.forget_session_contexts(now);
    /// Seals secrets with the newest key, and retires keys that are no longer needed.
    ResealSecrets(reconcilers::RESEAL_SECRETS, every Duration::from_secs(30)) =
        |registry, now| registry.access.tend_keys(now);
    /// Removes old events.
    TrimEvents(reconcilers::TRIM_EVENTS, every Duration::from_mins(1)) =
        |registry, now| registry.access.trim_events(now);
}
