//! Who pulls at a mirror without credentials of this deployment: a session of the role that the operator chose for the
//! mirror. Its policies decide, and can limit the networks of clients.

use std::sync::Arc;

use jiff::Timestamp;

use crate::Access;
use crate::context::Caller;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::permit::Permit;
use crate::service_role::work_for_registry;
use crate::settings::Mirror;
use crate::upstream_secret::SERVICE;

const SESSION_NAME: &str = "registry-mirror";

impl Access {
    /// The mirror at a host.
    pub fn mirror_at(&self, host: Option<&str>) -> Option<&Mirror> {
        self.settings.pull_through_cache.mirror_at(host?)
    }

    /// The session of the role of a mirror. None: the mirror has no role.
    pub async fn mirror_caller(&self, mirror: &Mirror, now: Timestamp) -> Result<Option<Arc<Caller>>> {
        let Some(role_arn) = &mirror.role_arn else { return Ok(None) };
        let permit = Permit::for_service(authority::ServeMirrors, self);
        let (by, registry) = ((SERVICE, SESSION_NAME), (&mirror.account_id, &mirror.region));
        let work = work_for_registry(&permit, role_arn, by, registry, (SESSION_NAME, now)).await?;
        let unusable = || {
            let message =
                format!("The role {role_arn} of this mirror does not exist or does not trust {SERVICE}.");
            Error::new(Code::AccessDenied, message)
        };
        work.map(|work| Some(work.caller)).ok_or_else(unusable)
    }
}
