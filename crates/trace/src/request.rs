//! What is traced, and the trace of one request or run of background work.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use futures::future::Either;
use tokio::task::futures::TaskLocalFuture;

use crate::parent::Parent;
use crate::queue::{Counts, Dropped, Entrance, Queue, queue};
use crate::run::Held;
use crate::span::{Finished, Kind, Open};

tokio::task_local! {
    /// The trace of the request, or of the run of background work, that a task runs.
    pub(crate) static CURRENT: Request;
}

/// Finished spans that wait for the collector. A span has about 500 bytes.
const MOST_WAITING: usize = 4096;
/// The maximum number of spans of one request or run. A request on hundreds of repositories has more.
const MOST_OF_REQUEST: u32 = 128;

/// Which requests are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The part of the traces that begin here: 0 to 1.
    pub ratio: f64,
    /// Whether a client that sends `traceparent` decides. Otherwise the ratio does, for its trace too.
    pub follows_clients: bool,
}

/// Begins the traces of requests and of background work. Clones share one queue. The default traces nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    sampling: Sampling,
    /// A trace is sampled if the last 7 bytes of its ID are below it.
    below: u64,
    entrance: Arc<Entrance>,
}

/// The number of values that 7 bytes have.
const VALUES: u64 = 1 << 56;

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sampling = self.0.as_ref().map(|inner| inner.sampling);
        f.debug_tuple("Tracer").field(&sampling).finish()
    }
}

impl Tracer {
    /// A tracer, and the queue of what it traces.
    pub fn new(sampling: Sampling) -> (Self, Queue) {
        Self::with_room(sampling, MOST_WAITING)
    }

    fn with_room(sampling: Sampling, room: usize) -> (Self, Queue) {
        let (entrance, queue) = queue(room);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of the values, rounded; a float becomes an integer within the range"
        )]
        let below = (sampling.ratio.clamp(0.0, 1.0) * VALUES as f64) as u64;
        (Self(Some(Arc::new(Inner { sampling, below, entrance: Arc::new(entrance) }))), queue)
    }

    /// The counters of the spans; None if nothing is traced.
    pub fn counts(&self) -> Option<&Counts> {
        self.0.as_deref().map(|inner| &inner.entrance.counts)
    }

    /// Begins the trace of a request, if it is traced. `traceparent` is the header that it has.
    pub fn begin<'a>(&self, traceparent: impl FnOnce() -> Option<&'a str>) -> Option<Request> {
        let inner = self.0.as_deref()?;
        inner.begin(traceparent().and_then(Parent::parse), None)
    }

    /// Begins a trace of this process, if it is traced. Its spans are held until [`Request::release`].
    pub(crate) fn begin_held(&self) -> Option<Request> {
        self.0.as_deref()?.begin(None, Some(Held::default()))
    }
}

impl Inner {
    fn begin(&self, parent: Option<Parent>, held: Option<Held>) -> Option<Request> {
        let trace = match parent {
            Some(parent) => parent.trace,
            None => random()?,
        };
        let is_sampled = match parent {
            Some(parent) if self.sampling.follows_clients => parent.is_sampled,
            _ => last_bytes(trace) < self.below,
        };
        is_sampled.then(|| {
            let parent = parent.map_or(0, |parent| u64::from_be_bytes(parent.span));
            let entrance = Arc::clone(&self.entrance);
            Request(Arc::new(Trace {
                entrance,
                held,
                id: trace,
                parent: AtomicU64::new(parent),
                begun: AtomicU32::new(0),
            }))
        })
    }
}

/// What OpenTelemetry's TraceIdRatioBased looks at (W3C Trace Context level 2: these bytes are random).
fn last_bytes(trace: [u8; 16]) -> u64 {
    trace.iter().skip(9).fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

/// Random bytes that are not all zero; None if the system gives none.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    (bytes != [0; N]).then_some(bytes)
}

/// The trace of one request, or of one run of background work. Clones are the same trace.
#[derive(Clone, Debug)]
pub struct Request(Arc<Trace>);

#[derive(Debug)]
struct Trace {
    entrance: Arc<Entrance>,
    /// Where its spans wait; None: they go to the queue at once.
    held: Option<Held>,
    /// The ID that all its spans have.
    id: [u8; 16],
    /// The span in which the next one begins; 0: none.
    parent: AtomicU64,
    begun: AtomicU32,
}

impl Request {
    /// Begins a span. Until it ends, those that begin later are its children.
    pub fn span(&self, name: &'static str, kind: Kind) -> Open {
        if self.0.begun.fetch_add(1, Ordering::Relaxed) >= MOST_OF_REQUEST {
            // Those of a trace that is held count when it is sent.
            if self.0.held.is_none() {
                self.0.entrance.counts.count_dropped(Dropped::Request, 1);
            }
            return Open::none();
        }
        let Some(id) = random().map(u64::from_be_bytes) else { return Open::none() };
        let parent = self.0.parent.swap(id, Ordering::Relaxed);
        Open::of(self.clone(), name, kind, (self.0.id, id, parent))
    }

    /// Ends a span: its parent is the span again in which the next one begins. Spans of concurrent steps can end in another
    /// order; then it stays as it is.
    pub(crate) fn leave(&self, id: u64, parent: u64) {
        let _ = self.0.parent.compare_exchange(id, parent, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, span: Finished) {
        match &self.0.held {
            Some(held) => held.put(span),
            None => self.0.entrance.put(span),
        }
    }

    /// Brings the spans that were held to the queue.
    pub(crate) fn release(&self) {
        let Some(held) = &self.0.held else { return };
        let too_many = self.0.begun.load(Ordering::Relaxed).saturating_sub(MOST_OF_REQUEST);
        self.0.entrance.counts.count_dropped(Dropped::Request, too_many.into());
        held.take().into_iter().for_each(|span| self.0.entrance.put(span));
    }
}

/// Runs a future as a part of a request, whose trace [`crate::begin`] finds.
pub fn within<F: Future>(request: Option<Request>, future: F) -> Either<TaskLocalFuture<Request, F>, F> {
    match request {
        Some(request) => Either::Left(CURRENT.scope(request, future)),
        None => Either::Right(future),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::begin;

    const ALL: Sampling = Sampling { ratio: 1.0, follows_clients: true };
    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";

    fn asks(tracer: &Tracer, header: Option<&str>) -> bool {
        tracer.begin(|| header).is_some()
    }

    #[test]
    fn a_client_decides_about_its_trace_if_it_may() {
        let (sampled, not) = (format!("{HEADER}1"), format!("{HEADER}0"));
        for (ratio, follows_clients, expected) in
            [(0.0, true, [false, true, false]), (1.0, true, [true, true, false]), (0.0, false, [false; 3])]
        {
            let (tracer, _queue) = Tracer::new(Sampling { ratio, follows_clients });
            assert_eq!([None, Some(&*sampled), Some(&*not)].map(|header| asks(&tracer, header)), expected);
        }
        assert!(!asks(&Tracer::default(), Some(&sampled)), "without a collector nothing is traced");
    }

    #[test]
    fn the_ratio_is_the_part_of_traces() {
        let (tracer, _queue) = Tracer::new(Sampling { ratio: 0.25, follows_clients: true });
        let traced = (0..4000).filter(|_| asks(&tracer, None)).count();
        assert!((800..1200).contains(&traced), "{traced}");
    }

    #[tokio::test]
    async fn spans_have_the_span_around_them_as_parent() {
        let (tracer, mut queue) = Tracer::new(ALL);
        let request = tracer.begin(|| Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        let root = request.as_ref().unwrap().span("request", Kind::Server);
        within(request, async {
            let outer = begin("outer", Kind::Internal);
            drop(begin("inner", Kind::Client));
            tokio::task::yield_now().await;
            drop(outer);
            drop(begin("next", Kind::Client));
        })
        .await;
        drop(begin("of no request", Kind::Internal));
        drop(root);
        let spans = queue.rest(10);
        let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        assert_eq!(spans.len(), 4);
        assert_eq!(named("request").parent.to_be_bytes(), [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert_eq!(named("outer").parent, named("request").id);
        assert_eq!(named("inner").parent, named("outer").id);
        assert_eq!(named("next").parent, named("request").id);
    }

    #[test]
    fn a_full_queue_drops_spans_and_counts_them() {
        let (tracer, mut queue) = Tracer::with_room(ALL, 2);
        let request = tracer.begin(|| None).unwrap();
        for _ in 0..5 {
            drop(request.span("step", Kind::Internal));
        }
        assert_eq!(tracer.counts().unwrap().dropped(Dropped::Queue), 3);
        assert_eq!(queue.rest(10).len(), 2);
        for _ in 0..2 * MOST_OF_REQUEST {
            drop(request.span("step", Kind::Internal));
        }
        assert_eq!(tracer.counts().unwrap().dropped(Dropped::Request), u64::from(MOST_OF_REQUEST) + 5);
    }
}
