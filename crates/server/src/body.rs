//! Bodies in both directions. A request's body is read only by who needs it, within a bound or as a stream;
//! an answer's body is bytes in hand (sent in one write with the head) or a stream of known length.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::ledger::{Charge, Full, Reading, Share};
use crate::serve::Ending;

/// Of an unread body, so much is read and thrown away so that the connection can be used again.
const DRAIN_BYTES: usize = 1024 * 1024;
/// And for so long.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More bytes than the operation takes.
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    /// The client went away, paused for too long, or broke the framing.
    #[error("the body ended early")]
    Broken(#[source] io::Error),
    /// There is no memory for it at the moment.
    #[error("there is no room for the body")]
    NoRoom(#[from] Full),
}

/// A body in memory, and the charge for it.
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) charge: Charge,
}

/// The body of a request as it arrives. Dropped unread, the rest is drained within bounds in the background,
/// so that a client that is still sending sees the answer instead of a reset.
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    declared: Option<u64>,
    expects_continue: bool,
    idle: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    received: Arc<AtomicU64>,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, headers: &HeaderMap, idle: Duration) -> Self {
        let incoming = if incoming.is_end_stream() { None } else { Some(incoming) };
        let declared = match &incoming {
            Some(body) => body.size_hint().exact(),
            None => Some(0),
        };
        let expects_continue = headers.contains_key(header::EXPECT);
        Self { incoming, declared, expects_continue, idle, pause: None, received: Arc::default() }
    }

    /// A body of no bytes, to leave where the real one is moved out.
    fn none() -> Self {
        let (idle, received) = (Duration::ZERO, Arc::default());
        Self { incoming: None, declared: Some(0), expects_continue: false, idle, pause: None, received }
    }

    /// The length that the client declared; None for a chunked body.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        self.declared
    }

    /// The counter of bytes received, which outlives the body.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// The whole body, if it has no more than `limit` bytes. A larger declared length is refused unread. It is charged
    /// to the share before it is held, `times` for each byte: with what will be made of it.
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

    /// Moves the body out, to be given to the rules as a stream.
    pub(crate) fn detach(&mut self) -> Self {
        let received = self.received();
        let taken = std::mem::replace(self, Self::none());
        self.received = received;
        taken
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = Instant::now() + self.idle;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        pause.as_mut().poll(cx)
    }
}

impl Stream for RequestBody {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let Some(incoming) = this.incoming.as_mut() else { return Poll::Ready(None) };
            this.expects_continue = false;
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.pause = None;
                    let Ok(data) = frame.into_data() else { continue };
                    this.received.fetch_add(data.len() as u64, Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.incoming = None;
                    return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, error))));
                }
                Poll::Ready(None) => {
                    this.incoming = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if this.poll_pause(cx).is_ready() {
                        this.incoming = None;
                        let error = io::Error::new(io::ErrorKind::TimedOut, "the client paused for too long");
                        return Poll::Ready(Some(Err(error)));
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // A client that waits for "100 Continue" has sent nothing: asking it to send would be wrong.
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

/// Bytes with something that ends with the last view of them.
pub(crate) struct Kept<K> {
    pub(crate) bytes: Bytes,
    pub(crate) _kept: K,
}

impl<K> AsRef<[u8]> for Kept<K> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a blob as the rules hand them out.
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

enum Content {
    Bytes(Bytes),
    Chunks { first: Bytes, rest: Chunks, remaining: u64 },
}

/// The body of an answer. Its end, by whatever cause, writes the request's line in the log.
pub(crate) struct ResponseBody {
    content: Content,
    ending: Option<Ending>,
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    pub(crate) fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self { content: Content::Bytes(bytes.into()), ending: None }
    }

    /// A stream of exactly `length` bytes. Its first chunk is awaited here, so that it leaves with the head and
    /// a store that cannot read answers with an error instead of a cut body.
    pub(crate) async fn stream(mut rest: Chunks, length: u64) -> io::Result<Self> {
        let first = match rest.next().await {
            Some(chunk) => chunk?,
            None => Bytes::new(),
        };
        if first.len() as u64 == length {
            return Ok(Self::bytes(first));
        }
        Ok(Self { content: Content::Chunks { first, rest, remaining: length }, ending: None })
    }

    /// How many bytes are in hand; none of a stream.
    pub(crate) fn in_hand(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Chunks { .. } => 0,
        }
    }

    /// Keeps something for as long as the bytes in hand are not all sent: the charge for them.
    pub(crate) fn keep(&mut self, kept: impl Send + Sync + 'static) {
        if let Content::Bytes(bytes) = &mut self.content
            && !bytes.is_empty()
        {
            let bytes_of = std::mem::take(bytes);
            *bytes = Bytes::from_owner(Kept { bytes: bytes_of, _kept: kept });
        }
    }

    pub(crate) fn attach(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    fn sending(&mut self, data: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(ending) = &mut self.ending {
            ending.sent(data.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let data = match &mut this.content {
            Content::Bytes(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Content::Bytes(bytes) => std::mem::take(bytes),
            Content::Chunks { remaining: 0, .. } => return Poll::Ready(None),
            Content::Chunks { first, rest, remaining } => {
                let data = if first.is_empty() {
                    match rest.as_mut().poll_next(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Some(Ok(data))) => data,
                        Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                        Poll::Ready(None) => {
                            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
                        }
                    }
                } else {
                    std::mem::take(first)
                };
                *remaining = remaining.saturating_sub(data.len() as u64);
                data
            }
        };
        this.sending(data)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Bytes(bytes) => bytes.is_empty(),
            Content::Chunks { remaining, .. } => *remaining == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Chunks { remaining, .. } => SizeHint::with_exact(*remaining),
        }
    }
}
