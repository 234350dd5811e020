//! Reads all stored bytes over time and compares their digests, so that damage is found before a client finds it.

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::store::{GetScrub, ListObjects, Micros, Scrub, SetScrub, StoreResultExt as _};
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::Pass;

/// Objects of one pass.
const OBJECTS: usize = 64;
/// Bytes of one pass; a larger object is a pass of its own.
const BYTES: u64 = 64 << 20;
/// All objects are read again after this time.
const REST: Micros = Micros(7 * 24 * 3_600 * 1_000_000);

impl Registry {
    /// One slice of the scrub; returns how many objects were read. A pass that finds damage fails, so that `wharf status`
    /// and the metrics show it. The next pass continues behind it.
    pub async fn scrub_objects(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::ScrubObjects, &self.access);
        let at = micros(now);
        let scrub = permit.read(|()| GetScrub).await?;
        if scrub.ended_at.is_some_and(|ended| at.0.saturating_sub(ended.0) < REST.0) {
            return Ok(Pass { done: 0, has_more: false });
        }
        let after = scrub.object;
        let objects = permit.read(|()| ListObjects { after, limit: OBJECTS }).await?;
        let (mut next, mut room, mut done) = (Scrub { object: None, ended_at: Some(at) }, BYTES, 0);
        let mut damaged = Vec::new();
        for object in &objects {
            if object.size > room && done > 0 {
                break;
            }
            room = room.saturating_sub(object.size);
            done += 1;
            next = Scrub { object: Some(object.id), ended_at: None };
            if let Some(problem) = self.problem_of(&permit, object, false).await? {
                tracing::error!(digest = %object.digest, problem = problem.text, "stored bytes are damaged: see wharf fsck");
                damaged.push(object.digest.to_string());
            }
        }
        permit.write(|()| SetScrub { before: scrub, scrub: next }).await.or_store_error()?;
        if damaged.is_empty() {
            return Ok(Pass { done, has_more: false });
        }
        Err(Error::internal(Damaged(damaged.join(", "))))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the stored bytes of {0} are damaged: run wharf fsck")]
struct Damaged(String);
