//! Parts of a blob on their way to a client. A part is charged before it is read, until the kernel has it. If room is
//! short, the parts are small and are sent one at a time, so many slow clients fit.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use registry::layer::download::BlobStream;
use tokio::sync::Notify;

use crate::body::Kept;
use crate::ledger::{Charge, Full, Share};

/// The maximum size of a part, and how much of one answer may be in transfer when it is read, by how full the share is
/// in eighths.
const PACES: [(u64, u64, u64); 3] =
    [(2, 512 * 1024, 256 * 1024), (4, 64 * 1024, 64 * 1024), (u64::MAX, 16 * 1024, 0)];
/// How long an answer that has begun waits for room before it is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of one answer has been read and not been sent.
#[derive(Default)]
struct OnItsWay {
    bytes: AtomicU64,
    less: Notify,
}

/// One part of it.
struct Part {
    length: u64,
    on_its_way: Arc<OnItsWay>,
    _charge: Charge,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.on_its_way.bytes.fetch_sub(self.length, Ordering::Relaxed);
        self.on_its_way.less.notify_one();
    }
}

struct Sending {
    content: BlobStream,
    share: Arc<Share>,
    on_its_way: Arc<OnItsWay>,
    /// Room for the first part.
    first: Option<Charge>,
}

fn pace(share: &Share) -> (u64, u64) {
    let eighths = share.eighths();
    PACES.iter().find(|(most, ..)| eighths < *most).map_or((16 * 1024, 0), |(_, part, ahead)| (*part, *ahead))
}

/// The bytes of a blob in parts, each charged to the share.
pub(crate) async fn charged(
    content: BlobStream,
    share: &Arc<Share>,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Full> {
    let first = share.take(pace(share).0.min(content.remaining())).await?;
    let (share, on_its_way) = (Arc::clone(share), Arc::default());
    let sending = Sending { content, share, on_its_way, first: Some(first) };
    Ok(futures::stream::unfold(sending, |mut sending| async move {
        let part = sending.next().await?;
        Some((part, sending))
    }))
}

impl Sending {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.content.remaining() == 0 {
            return None;
        }
        let mut charge = match self.first.take() {
            Some(charge) => charge,
            None => match self.room().await {
                Ok(charge) => charge,
                Err(full) => return Some(Err(io::Error::other(full))),
            },
        };
        self.content.limit_chunk(usize::try_from(charge.bytes()).unwrap_or(usize::MAX));
        let bytes = match self.content.next().await? {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        let length = bytes.len() as u64;
        charge.shrink_to(length);
        // A part that was read ahead can be larger than the current size.
        if let Some(more) = self.share.try_take(length.saturating_sub(charge.bytes())) {
            charge.merge(more);
        }
        self.on_its_way.bytes.fetch_add(length, Ordering::Relaxed);
        let part = Part { length, on_its_way: Arc::clone(&self.on_its_way), _charge: charge };
        Some(Ok(Bytes::from_owner(Kept { bytes, _kept: part })))
    }

    /// Room for the next part, when enough of the earlier parts has been sent. Mutable, because the content is not `Sync`.
    async fn room(&mut self) -> Result<Charge, Full> {
        loop {
            let (part, ahead) = pace(&self.share);
            if self.on_its_way.bytes.load(Ordering::Relaxed) <= ahead {
                return self.share.take_within(part.min(self.content.remaining()), PATIENCE).await;
            }
            self.on_its_way.less.notified().await;
        }
    }
}
