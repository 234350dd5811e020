//! Moves the bytes of archived layers to the archive, and back. A copy is made, synced and read again; then the row names
//! it, and the old bytes are removed after the usual delay. A crash at any point leaves one of the two.

use std::sync::Arc;
use std::time::Duration;

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::reconcilers;
use access::store::{
    BeginMove, EndMove, HasArchivedObjects, MOVE_OBJECT, Micros, ObjectMove, StoreResultExt as _,
};
use fault::Fault;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::Registry;
use crate::layer::bytes::LayerBytes;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY, Reconciler};

const INTERVAL: Duration = Duration::from_secs(5);
/// Objects of one pass.
const OBJECTS: usize = 64;
/// Bytes of one pass; a larger object is a pass of its own.
const BYTES: u64 = 256 << 20;

/// Moves objects to their place.
pub(crate) struct MoveObjects(pub(crate) Arc<Registry>);

impl Reconciler for MoveObjects {
    fn name(&self) -> &'static str {
        reconcilers::MOVE_OBJECTS
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.0.move_objects(now))
    }
}

impl Registry {
    /// One pass over the objects that may not be in their place; returns how many were looked at.
    pub async fn move_objects(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::MoveObjects, &self.access);
        let (mut done, mut room, clock) = (0, BYTES, queue::Clock::at(now));
        while done < OBJECTS && room > 0 {
            let Some((work, _)) = queue::claim_one(&permit, MOVE_OBJECT, clock).await? else {
                return Ok(Pass { done, has_more: false });
            };
            done += 1;
            let moved = match work.key.parse() {
                // If another node takes over all the same, the copy that ends first counts.
                Ok(object) => {
                    queue::while_leased(&permit, &work.claim(), self.move_object(&permit, object)).await
                }
                Err(_) => Err(Error::internal(BadKey)),
            };
            let next = moved.map(|(next, bytes)| {
                room = room.saturating_sub(bytes);
                next
            });
            queue::end(&permit, work, next, micros(Timestamp::now()).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more: true })
    }

    /// Moves an object, if it is not in its place. Returns how many bytes were copied.
    async fn move_object(&self, permit: &Permit<authority::MoveObjects>, object: i64) -> Result<(Next, u64)> {
        if !self.bytes.has_archive() {
            // Another node has the archive, if there is anything in it.
            let is_elsewhere = permit.read(|()| HasArchivedObjects).await?;
            return Ok((if is_elsewhere { Next::At(now().plus(RETRY)) } else { Next::Finish }, 0));
        }
        let [standard, archive] = LayerBytes::new_keys();
        let begin = BeginMove { object, standard, archive, at: now() };
        let Some(begun) = permit.write(|()| begin).await.or_store_error()? else {
            return Ok((Next::Finish, 0));
        };
        fault::hit(Fault::MoveRecorded);
        let ObjectMove { from, to, digest, size, .. } = &begun;
        let (wanted, size) = (*digest, *size);
        let copied = self.bytes.copy(permit, (from, to), wanted.algorithm(), size).await?;
        if copied != wanted {
            // The copy is doomed when the object is tried again; the row names the old bytes.
            return Err(Error::internal(Damaged { wanted, copied }));
        }
        fault::hit(Fault::BeforeSwitch);
        let end = EndMove { of: begun, at: now() };
        let is_done = permit.write(|()| end).await.or_store_error()?;
        fault::hit(Fault::AfterSwitch);
        Ok((if is_done { Next::Finish } else { Next::At(now()) }, size))
    }
}

fn now() -> Micros {
    micros(Timestamp::now())
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no object")]
struct BadKey;

#[derive(Debug, thiserror::Error)]
#[error("the copy of {wanted} has the digest {copied}: run wharf fsck")]
struct Damaged {
    wanted: oci::digest::Digest,
    copied: oci::digest::Digest,
}
