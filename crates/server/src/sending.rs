//! Parts of a blob on their way to a client. A part is charged before it is read, until the kernel has it. If room is
//! short, the parts are small and are sent one at a time, so many slow clients fit.
//!
//! A connection to a bucket also holds what it reads ahead. If there is no room for that, each part is a request of its
//! own to the bucket.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use access::error::Error;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _};
use registry::layer::download::BlobStream;
use tokio::sync::Notify;

use crate::body::Kept;
use crate::error::Refusal;
use crate::ledger::{Charge, Full, Share};

/// The maximum size of a part, and how much of one answer may be in transfer when it is read, by how full the share is
/// in eighths.
const PACES: [(u64, u64, u64); 3] =
    [(2, 512 * 1024, 256 * 1024), (4, 64 * 1024, 64 * 1024), (u64::MAX, 16 * 1024, 0)];
/// What is read ahead may fill so many eighths of a share.
const MOST_AHEAD: u64 = 4;
/// The least size of a part that is a request of its own.
const LEAST_NARROW: u64 = 64 * 1024;
/// How long an answer that has begun waits for room before it is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a blob is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsent {
    #[error(transparent)]
    NoRoom(#[from] Full),
    #[error(transparent)]
    NotRead(#[from] Error),
}

impl From<Unsent> for Refusal {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::NoRoom(full) => full.into(),
            Unsent::NotRead(error) => error.into(),
        }
    }
}

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
    /// Room for what is read ahead.
    ahead: Option<Charge>,
}

fn pace(share: &Share) -> (u64, u64) {
    let eighths = share.eighths();
    PACES.iter().find(|(most, ..)| eighths < *most).map_or((16 * 1024, 0), |(_, part, ahead)| (*part, *ahead))
}

/// `length` bytes of a blob in parts, each charged to the share. The blob is opened when there is room for the first.
pub(crate) async fn charged(
    length: u64,
    share: &Arc<Share>,
    open: BoxFuture<'_, Result<BlobStream, Error>>,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, Unsent> {
    let first = share.take(pace(share).0.min(length)).await?;
    let (content, share, on_its_way) = (open.await?, Arc::clone(share), Arc::default());
    let sending = Sending { content, share, on_its_way, first: Some(first), ahead: None };
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
        self.read_ahead();
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

    /// Takes room for what the content reads ahead. Without room it reads nothing ahead.
    fn read_ahead(&mut self) {
        let ahead = self.content.ahead();
        if let Some(charge) = &mut self.ahead {
            charge.shrink_to(ahead);
            return;
        }
        let fits = ahead == 0 || self.share.eighths() < MOST_AHEAD;
        self.ahead = if fits { self.share.try_take(ahead) } else { None };
        self.content.set_narrow(self.ahead.is_none());
    }

    /// Room for the next part, when enough of the earlier parts has been sent. Mutable, because the content is not `Sync`.
    async fn room(&mut self) -> Result<Charge, Full> {
        loop {
            let (mut part, ahead) = pace(&self.share);
            if self.ahead.is_none() {
                part = part.max(LEAST_NARROW);
            }
            if self.on_its_way.bytes.load(Ordering::Relaxed) <= ahead {
                return self.share.take_within(part.min(self.content.remaining()), PATIENCE).await;
            }
            self.on_its_way.less.notified().await;
        }
    }
}
