//! Bodies in both directions. The body of a request is read only when it is needed, with a size limit or as a stream.
//! The body of an answer is bytes in memory (sent in one write with the head) or a stream of known length.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::connection::Cut;
use crate::ledger::{Charge, Full, Reading, Share};
use crate::options::Limits;
use crate::pace::Pace;
use crate::serve::Ending;
use crate::slots::Slot;
pub(crate) use crate::transfer::Chunks;
use crate::transfer::{Content, Transfer};

/// At most this many bytes of an unread body are read and discarded, so the connection can be used again.
const DRAIN_BYTES: usize = 1024 * 1024;
/// And at most for this time.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// The counter of requests without a body. It stays at zero.
static NOTHING: LazyLock<Arc<AtomicU64>> = LazyLock::new(Arc::default);

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The body is larger than the operation accepts.
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The client disconnected, paused for too long, or violated the framing.
    #[error("the body ended early")]
    Broken(#[source] io::Error),
    /// There is no memory for it at the moment.
    #[error("there is no room for the body")]
    NoRoom(#[from] Full),
}

/// A body in memory, and its charge.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) charge: Charge,
}

/// The body of a request as it arrives. If it is dropped unread, the rest is drained in the background within limits,
/// so a client that is still sending sees the answer instead of a reset.
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    declared: Option<u64>,
    expects_continue: bool,
    patience: Patience,
    received: Arc<AtomicU64>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, headers: &HeaderMap, limits: &Limits) -> Self {
        let incoming = if incoming.is_end_stream() { None } else { Some(incoming) };
        let declared = match &incoming {
            Some(body) => body.size_hint().exact(),
            None => Some(0),
        };
        let expects_continue = headers.contains_key(header::EXPECT);
        let patience = Patience::new(limits.body_idle, limits.pace());
        let received = if incoming.is_some() { Arc::default() } else { Arc::clone(&NOTHING) };
        Self { incoming, declared, expects_continue, patience, received }
    }

    /// An empty body, to replace one that is moved out.
    fn none() -> Self {
        let none = Pace { grace: Duration::ZERO, bytes_per_second: None };
        let patience = Patience::new(Duration::ZERO, none);
        Self {
            incoming: None,
            declared: Some(0),
            expects_continue: false,
            patience,
            received: Arc::clone(&NOTHING),
        }
    }

    /// The whole body must arrive within a time limit that does not depend on its size: for a client that has not
    /// authenticated.
    pub(crate) fn within(&mut self, time: Duration) {
        self.patience.pace = Pace { grace: time, bytes_per_second: None };
    }

    /// Whether the request has a body that was not read yet.
    pub(crate) fn is_expected(&self) -> bool {
        self.incoming.is_some()
    }

    /// The length that the client declared; None for a chunked body.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        self.declared
    }

    /// The counter of received bytes. It outlives the body.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// The whole body, if it has at most `limit` bytes. A larger declared length is refused unread. The share is
    /// charged before the bytes are held, `times` for each byte: the charge includes the values that will be parsed
    /// from it.
    pub(crate) async fn read_bounded(
        &mut self,
        limit: usize,
        share: &Arc<Share>,
        times: u64,
    ) -> Result<Held, BodyError> {
        if self.declared.is_some_and(|declared| declared > limit as u64) {
            return Err(BodyError::TooLarge { limit });
        }
        if self.incoming.is_none() {
            return Ok(Held { bytes: Bytes::new(), charge: share.nothing() });
        }
        let expected = self.declared.unwrap_or(limit as u64);
        let mut reading = Reading::begin(share, expected, times).await?;
        let given_up = reading.given_up();
        tokio::select! {
            biased;
            () = given_up => Err(BodyError::NoRoom(Full)),
            bytes = self.read_into(limit, &mut reading) => {
                let bytes = bytes?;
                let charge = reading.end(bytes.len() as u64);
                Ok(Held { bytes, charge })
            }
        }
    }

    async fn read_into(&mut self, limit: usize, reading: &mut Reading) -> Result<Bytes, BodyError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await {
            let chunk = chunk.map_err(BodyError::Broken)?;
            let length = whole.len() + chunk.len();
            if length > limit {
                return Err(BodyError::TooLarge { limit });
            }
            let room = reading.make_room(length as u64).await?;
            if length > whole.capacity() {
                whole.reserve(usize::try_from(room).unwrap_or(length).max(length) - whole.len());
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Moves the body out, to be used as a stream.
    pub(crate) fn detach(&mut self) -> Self {
        let received = self.received();
        let taken = std::mem::replace(self, Self::none());
        self.received = received;
        taken
    }
}

impl Stream for RequestBody {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Some(incoming) = this.incoming.as_mut() else { return Poll::Ready(None) };
            this.expects_continue = false;
            let received = this.received.load(Ordering::Relaxed);
            let polled = Pin::new(incoming).poll_frame(cx);
            match this.patience.poll(cx, polled.is_pending(), received) {
                Ok(()) => {}
                Err(reason) => {
                    this.incoming = None;
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, reason))));
                }
            }
            match std::task::ready!(polled) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    this.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(data)));
                }
                Some(Err(error)) => {
                    this.incoming = None;
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, error))));
                }
                None => {
                    this.incoming = None;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

/// The time that the reader of a body waits for its client: in one pause, and in all pauses together. The time that the
/// server takes between two reads does not count.
struct Patience {
    idle: Duration,
    pace: Pace,
    waited: Duration,
    since: Option<Instant>,
    alarm: Alarm,
}

impl Patience {
    fn new(idle: Duration, pace: Pace) -> Self {
        Self { idle, pace, waited: Duration::ZERO, since: None, alarm: Alarm::default() }
    }

    /// Called for each read, with whether it must wait and how many bytes have arrived. Returns an error when a limit
    /// is exceeded.
    fn poll(&mut self, cx: &mut Context<'_>, is_pending: bool, received: u64) -> Result<(), &'static str> {
        let allowed = self.pace.allowed(received);
        if !is_pending {
            self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            return if self.waited > allowed { Err("the body came too slowly") } else { Ok(()) };
        }
        let left = allowed.saturating_sub(self.waited);
        let deadline = *self.since.get_or_insert_with(Instant::now) + self.idle.min(left);
        match self.alarm.poll(cx, deadline) {
            Poll::Ready(()) if left <= self.idle => Err("the body came too slowly"),
            Poll::Ready(()) => Err("the client paused for too long"),
            Poll::Pending => Ok(()),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A client that waits for "100 Continue" has sent nothing, and reading would make it send.
        let Some(mut incoming) = self.incoming.take() else { return };
        if self.expects_continue || self.declared.is_some_and(|declared| declared > DRAIN_BYTES as u64) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(DRAIN_TIME, async move {
            let mut drained = 0;
            while let Some(Ok(frame)) =
                std::future::poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
            {
                drained += frame.data_ref().map_or(0, Bytes::len);
                if drained > DRAIN_BYTES {
                    return;
                }
            }
        }));
    }
}

/// Bytes with a value that is dropped with their last view.
pub(crate) struct Kept<K> {
    pub(crate) bytes: Bytes,
    pub(crate) _kept: K,
}

impl<K> AsRef<[u8]> for Kept<K> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The source of an answer's bytes.
enum Source {
    Bytes(Bytes),
    Transfer(Arc<Transfer>),
}

/// The body of an answer. When it ends, for any reason, the request's line is written to the log.
pub(crate) struct ResponseBody {
    source: Source,
    remaining: u64,
    /// Over HTTP/2 an answer is sent in small parts, and its connection watches it.
    over_http2: bool,
    ending: Option<Ending>,
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let remaining = bytes.len() as u64;
        Self { source: Source::Bytes(bytes), remaining, over_http2: false, ending: None }
    }

    /// A stream of exactly `length` bytes. Its first chunk is awaited here, so it is sent with the head, and a store
    /// that cannot read returns an error instead of a cut body.
    pub(crate) async fn stream(
        transfer: Arc<Transfer>,
        mut rest: Chunks,
        length: u64,
        file: Option<Slot<Transfer>>,
    ) -> io::Result<Self> {
        let first = match rest.next().await {
            Some(chunk) => chunk?,
            None => Bytes::new(),
        };
        if first.len() as u64 == length {
            return Ok(Self::bytes(first));
        }
        transfer.fill(Content { first, rest: Some(rest), file });
        Ok(Self { source: Source::Transfer(transfer), remaining: length, over_http2: false, ending: None })
    }

    /// The number of bytes in memory; none for a stream.
    pub(crate) fn in_hand(&self) -> u64 {
        match &self.source {
            Source::Bytes(_) => self.remaining,
            Source::Transfer(_) => 0,
        }
    }

    /// Keeps a value until all bytes in memory are sent: their charge.
    pub(crate) fn keep(&mut self, kept: impl Send + Sync + 'static) {
        if let Source::Bytes(bytes) = &mut self.source
            && !bytes.is_empty()
        {
            let bytes_of = std::mem::take(bytes);
            *bytes = Bytes::from_owner(Kept { bytes: bytes_of, _kept: kept });
        }
    }

    /// Connects the answer with its request's line in the log.
    pub(crate) fn attach(&mut self, mut ending: Ending, over_http2: bool) {
        self.over_http2 = over_http2;
        if matches!(self.source, Source::Transfer(_)) {
            ending.traced.send();
        }
        if over_http2 && self.remaining > 0 {
            if let Source::Bytes(bytes) = &mut self.source {
                let transfer = Transfer::new(ending.connection().address, ending.pace());
                transfer.fill(Content { first: std::mem::take(bytes), rest: None, file: None });
                self.source = Source::Transfer(transfer);
            }
            if let Source::Transfer(transfer) = &self.source {
                ending.connection().watch(transfer);
            }
        }
        self.ending = Some(ending);
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.remaining == 0 {
            return Poll::Ready(None);
        }
        let polled = match &mut this.source {
            Source::Bytes(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Source::Transfer(transfer) => transfer.poll_next(cx, this.over_http2),
        };
        let data = match std::task::ready!(polled) {
            Some(data) => data?,
            None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        };
        let length = data.len() as u64;
        this.remaining = this.remaining.saturating_sub(length);
        if let Some(ending) = &mut this.ending {
            ending.sent(length);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let transfer = match &self.source {
            Source::Transfer(transfer) => Some(transfer),
            Source::Bytes(_) => None,
        };
        let Some(mut ending) = self.ending.take() else { return transfer.map_or((), |it| it.clear()) };
        if self.remaining == 0 && !self.over_http2 {
            return Arc::clone(ending.connection()).leaves(ending, transfer.map(Arc::clone));
        }
        let mut cut = None;
        if let Some(transfer) = transfer {
            cut = transfer.cut();
            // It can also be registered with the open files.
            transfer.clear();
            if self.over_http2 {
                ending.connection().unwatch(transfer);
            }
        }
        if self.remaining > 0 {
            ending.cut(cut.or(ending.connection().cut()).unwrap_or(Cut::ClientGone));
        }
    }
}
