//! The queue of finished spans. Who fills it never waits; who empties it takes batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::span::Finished;

/// Why a span was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The queue was full.
    Queue,
    /// The collector was away, or refused it.
    Collector,
    /// Its request or run had too many.
    Request,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Queue, Self::Collector, Self::Request];

    /// The name of the reason, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Collector => "collector",
            Self::Request => "request",
        }
    }
}

/// How many spans were sent and dropped. Clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sent: AtomicU64,
    queue: AtomicU64,
    collector: AtomicU64,
    request: AtomicU64,
}

impl Counts {
    fn counter(&self, why: Dropped) -> &AtomicU64 {
        match why {
            Dropped::Queue => &self.0.queue,
            Dropped::Collector => &self.0.collector,
            Dropped::Request => &self.0.request,
        }
    }

    /// Counts spans that were dropped.
    pub fn count_dropped(&self, why: Dropped, spans: u64) {
        self.counter(why).fetch_add(spans, Ordering::Relaxed);
    }

    /// Counts spans that the collector took.
    pub fn count_sent(&self, spans: u64) {
        self.0.sent.fetch_add(spans, Ordering::Relaxed);
    }

    /// Spans that were dropped for this reason.
    pub fn dropped(&self, why: Dropped) -> u64 {
        self.counter(why).load(Ordering::Relaxed)
    }

    /// Spans that the collector took.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }
}

/// Where finished spans go.
#[derive(Debug)]
pub(crate) struct Entrance {
    spans: mpsc::Sender<Finished>,
    pub(crate) counts: Counts,
}

impl Entrance {
    pub(crate) fn put(&self, span: Finished) {
        if self.spans.try_send(span).is_err() {
            self.counts.count_dropped(Dropped::Queue, 1);
        }
    }
}

/// The finished spans, for who sends them to a collector.
#[derive(Debug)]
pub struct Queue {
    spans: mpsc::Receiver<Finished>,
    counts: Counts,
}

/// A queue of at most `most` spans.
pub(crate) fn queue(most: usize) -> (Entrance, Queue) {
    let (entrance, spans) = mpsc::channel(most.max(1));
    let counts = Counts::default();
    (Entrance { spans: entrance, counts: counts.clone() }, Queue { spans, counts })
}

impl Queue {
    /// The counters of these spans.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Waits for a span, then for more until there are `most` or the time is over. Empty when no more can come. Nothing is
    /// lost if the caller stops waiting.
    pub async fn batch(&mut self, most: usize, time: Duration, batch: &mut Vec<Finished>) {
        if batch.is_empty() && self.spans.recv_many(batch, most).await == 0 {
            return;
        }
        let fill = async {
            while let Some(room) = most.checked_sub(batch.len()).filter(|room| *room > 0) {
                if self.spans.recv_many(batch, room).await == 0 {
                    return;
                }
            }
        };
        // When the time is over the batch has what came.
        let _ = tokio::time::timeout(time, fill).await;
    }

    /// The spans that are here now, at most `most`.
    pub fn rest(&mut self, most: usize) -> Vec<Finished> {
        std::iter::from_fn(|| self.spans.try_recv().ok()).take(most).collect()
    }
}
