//! The bytes of a blob as a client sends them. Each part is charged until it is written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use registry::layer::upload::BodyError;

use crate::body::{Kept, RequestBody};
use crate::ledger::{Full, Share};

/// A part that is smaller may be a view into a buffer of the connection that is much larger: it is copied.
const COPIED_BELOW: usize = 8 * 1024;
/// A part that is larger is handed on in several: each of them, with what it costs beside its bytes, is a small charge of
/// the ledger, which goes through where large bodies have no room.
const MOST_BYTES: usize = 32 * 1024;
/// What a part costs beside its bytes.
const OVERHEAD: u64 = 128;
/// How long a part waits for room. Until then the client is held up, as by a slow disk.
const PATIENCE: Duration = Duration::from_secs(20);

/// The body in parts, each charged to the share.
pub(crate) fn charged(
    body: RequestBody,
    share: Arc<Share>,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
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
