//! The bytes of a blob from a client. Each part is charged until it is written. What a store in a bucket collects until it
//! has a whole part is charged, too.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use oci::range::ContentRange;
use registry::layer::upload::{BodyError, Held, Incoming, Memory};

use crate::body::{Kept, RequestBody};
use crate::ledger::{Full, Share};

/// A smaller part is copied, because it can be a view of a much larger buffer of the connection.
const COPIED_BELOW: usize = 8 * 1024;
/// A larger part is passed on in pieces. Each piece with its overhead is a small charge of the ledger, which fits where
/// large bodies do not.
const MOST_BYTES: usize = 32 * 1024;
/// The overhead of a part in addition to its bytes.
const OVERHEAD: u64 = 128;
/// How long a part waits for room. The client is slowed down meanwhile, as by a slow disk.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the memory of a whole part is waited for. The other parts are being received meanwhile, by slow clients, too.
const PART_PATIENCE: Duration = Duration::from_mins(1);

/// The bytes of a layer, all charged to the share.
pub(crate) fn incoming(body: RequestBody, range: Option<ContentRange>, share: &Arc<Share>) -> Incoming {
    let length = body.declared_length();
    let memory = PartMemory(Arc::clone(share));
    Incoming {
        range,
        length,
        body: Box::pin(charged(body, Arc::clone(share))),
        memory: Some(Arc::new(memory)),
    }
}

/// Pays for the parts of a layer that a store holds in memory.
struct PartMemory(Arc<Share>);

impl Memory for PartMemory {
    fn take(&self, bytes: u64) -> BoxFuture<'_, Option<Held>> {
        async move {
            let charge = self.0.take_within(bytes, PART_PATIENCE).await;
            charge.ok().map(|charge| Box::new(charge) as Held)
        }
        .boxed()
    }
}

/// The body in parts, each charged to the share.
fn charged(body: RequestBody, share: Arc<Share>) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    futures::stream::unfold((body, share, Bytes::new()), |(mut body, share, mut rest)| async move {
        if rest.is_empty() {
            match body.next().await? {
                Ok(part) => rest = part,
                Err(_) => return Some((Err(BodyError::Broken), (body, share, rest))),
            }
        }
        let part = rest.split_to(rest.len().min(MOST_BYTES));
        let part = kept(part, &share).await.map_err(|Full| BodyError::NoRoom);
        Some((part, (body, share, rest)))
    })
}

async fn kept(part: Bytes, share: &Arc<Share>) -> Result<Bytes, Full> {
    let charge = share.take_within(part.len() as u64 + OVERHEAD, PATIENCE).await?;
    let bytes = if part.len() < COPIED_BELOW { Bytes::copy_from_slice(&part) } else { part };
    Ok(Bytes::from_owner(Kept { bytes, _kept: charge }))
}
