//! The bytes of an answer on their way out. hyper does not request more while a client reads nothing, so they can be
//! taken away from outside: a stalled client releases its file and memory.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use crate::connection::{Cut, millis};
use crate::pace::Pace;
use crate::slots::{Block, Holder, Slot, now};

/// The bytes of a blob, from the registry.
pub(crate) type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Over HTTP/2 this much of a transfer is handed to a stream at once. It waits there for the window.
const PART_BYTES: usize = 16 * 1024;
/// A transfer without progress for this long releases its open file for another client, if files run short.
const RESTING_MS: u64 = 5000;
/// Windows open in steps, up to half of what the client allows at once. A client that took much may pause longer, as if
/// it had read at this rate (bytes per millisecond), up to this many times the idle limit.
const PATIENCE_BYTES_PER_MS: u64 = 32;
const MOST_PATIENCE: u64 = 3;

/// Bytes in memory, then those that must still be read.
pub(crate) struct Content {
    pub(crate) first: Bytes,
    pub(crate) rest: Option<Chunks>,
    /// The place among the open files, while a file is read.
    #[expect(dead_code, reason = "held for as long as the file is open")]
    pub(crate) file: Option<Slot<Transfer>>,
}

impl Content {
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        match &mut self.rest {
            Some(rest) => rest.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        }
    }
}

enum State {
    /// The content, and the waker for the case that it is taken away while its next bytes are awaited.
    Held { content: Content, waiting: Option<Waker> },
    /// Not started.
    Empty,
    /// Taken away.
    Cut,
}

/// A transfer that can be cut off from outside its sending task.
pub(crate) struct Transfer {
    address: IpAddr,
    pace: Pace,
    begun: u64,
    state: Mutex<State>,
    cut: OnceLock<Cut>,
    moved: AtomicU64,
    sent: AtomicU64,
    /// The socket needs the file for bytes that were handed over.
    is_kept: AtomicBool,
}

impl Transfer {
    pub(crate) fn new(address: IpAddr, pace: Pace) -> Arc<Self> {
        Arc::new(Self {
            address,
            pace,
            begun: now(),
            state: Mutex::new(State::Empty),
            cut: OnceLock::new(),
            moved: AtomicU64::new(now()),
            sent: AtomicU64::new(0),
            is_kept: AtomicBool::new(false),
        })
    }

    pub(crate) fn fill(&self, content: Content) {
        let mut state = self.lock();
        if matches!(*state, State::Empty) {
            *state = State::Held { content, waiting: None };
        }
    }

    /// The next bytes; in small parts over HTTP/2.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>, in_parts: bool) -> Poll<Option<io::Result<Bytes>>> {
        let mut state = self.lock();
        let State::Held { content, waiting } = &mut *state else {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        };
        let (now, sent) = (now(), self.sent.load(Ordering::Relaxed));
        if now.saturating_sub(self.begun) > millis(self.pace.allowed(sent)) {
            self.cut.get_or_init(|| Cut::TooSlow);
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        let polled = content.poll_next(cx);
        *waiting = polled.is_pending().then(|| cx.waker().clone());
        self.moved.store(now, Ordering::Relaxed);
        let mut bytes = match polled {
            Poll::Ready(Some(Ok(bytes))) => bytes,
            Poll::Pending => return Poll::Pending,
            ended @ Poll::Ready(_) => {
                // More is requested only while more is owed.
                self.cut.get_or_init(|| Cut::Store);
                return ended;
            }
        };
        if in_parts && bytes.len() > PART_BYTES {
            let part = bytes.split_to(PART_BYTES);
            content.first = bytes;
            // Copied, so the part does not keep the whole chunk in memory.
            bytes = Bytes::copy_from_slice(&part);
        }
        self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(bytes)))
    }

    /// Keeps the content until the socket has sent all of it.
    pub(crate) fn keep_until_sent(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept.load(Ordering::Relaxed)
    }

    /// Why it was cut off, if it was.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut.get().copied()
    }

    /// Whether the client has read nothing within the idle limit. Its memory and file are then released.
    pub(crate) fn give_up_stalled(&self, idle: Duration) -> bool {
        let idle = millis(idle);
        let patience = self.sent.load(Ordering::Relaxed) / PATIENCE_BYTES_PER_MS;
        let most = idle.saturating_add(patience.min(idle.saturating_mul(MOST_PATIENCE)));
        self.quiet_for() >= most && self.take_away(Cut::Stalled)
    }

    /// Releases the content; the sender gets an error. False if there is none yet.
    fn take_away(&self, cut: Cut) -> bool {
        let mut state = self.lock();
        if matches!(*state, State::Empty) {
            return false;
        }
        self.cut.get_or_init(|| cut);
        let taken = std::mem::replace(&mut *state, State::Cut);
        drop(state);
        if let State::Held { waiting: Some(waiting), content } = taken {
            drop(content);
            waiting.wake();
        }
        true
    }

    /// Releases everything: it is no longer needed.
    pub(crate) fn clear(&self) {
        let taken = std::mem::replace(&mut *self.lock(), State::Cut);
        drop(taken);
    }

    fn quiet_for(&self) -> u64 {
        now().saturating_sub(self.moved.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder for Transfer {
    fn block(&self) -> Block {
        Block::of(self.address)
    }

    fn is_idle(&self) -> bool {
        self.quiet_for() >= RESTING_MS
    }

    fn quiet_since(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    fn give_way(&self) {
        self.take_away(Cut::GaveWay);
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const PACE: Pace = Pace { grace: Duration::from_mins(1), bytes_per_second: Some(1) };

    fn transfer(bytes: usize, rest: Option<Chunks>) -> Arc<Transfer> {
        let transfer = Transfer::new([192, 0, 2, 1].into(), PACE);
        transfer.fill(Content { first: vec![7; bytes].into(), rest, file: None });
        transfer
    }

    async fn next(transfer: &Transfer) -> Option<io::Result<Bytes>> {
        std::future::poll_fn(|cx| transfer.poll_next(cx, true)).await
    }

    #[tokio::test]
    async fn an_answer_is_sent_in_small_parts_and_whole() {
        let transfer = transfer(40_000, Some(Box::pin(stream::iter([Ok(Bytes::from(vec![8; 20_000]))]))));
        let mut parts = Vec::new();
        for _ in 0..5 {
            parts.push(next(&transfer).await.unwrap().unwrap());
        }
        let lengths: Vec<_> = parts.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [16_384, 16_384, 7232, 16_384, 3616]);
        assert_eq!(parts.concat(), [vec![7; 40_000], vec![8; 20_000]].concat());
    }

    #[tokio::test]
    async fn content_taken_away_while_awaited_ends_with_an_error() {
        let transfer = transfer(0, Some(Box::pin(stream::pending())));
        let waiting = tokio::spawn({
            let transfer = Arc::clone(&transfer);
            async move { next(&transfer).await }
        });
        tokio::task::yield_now().await;
        assert!(!transfer.give_up_stalled(Duration::from_mins(1)), "it has just begun");
        assert!(transfer.give_up_stalled(Duration::ZERO));
        assert!(waiting.await.unwrap().unwrap().is_err());
        assert_eq!(transfer.cut(), Some(Cut::Stalled));
    }
}
