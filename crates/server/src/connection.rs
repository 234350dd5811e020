//! The connection of one client: what runs on it, when it last made progress, and why it was ended.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::serve::Ending;
use crate::slots::{Block, Holder, now};
use crate::transfer::Transfer;

/// A connection that was idle for less time does not count as idle: a client that has just connected will send its
/// request.
const FRESH_MS: u64 = 1000;

/// Why a connection or a transfer was ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The client acknowledged nothing within the idle limit.
    Stalled,
    /// The client's average rate was below the minimum.
    TooSlow,
    /// Another client needed the slot.
    GaveWay,
    /// There was no request within the idle limit.
    Idle,
    /// The bytes could not be read.
    Store,
    /// Any other reason: the client or the network closed the connection.
    ClientGone,
}

impl Cut {
    /// The label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::TooSlow => "too_slow",
            Self::GaveWay => "gave_way",
            Self::Idle => "idle",
            Self::Store => "store",
            Self::ClientGone => "client_gone",
        }
    }

    /// The text in the log.
    pub(crate) fn reason(self, idle: Duration) -> String {
        let text = match self {
            Self::Stalled => return format!("the client took nothing for {} s", idle.as_secs_f64()),
            Self::TooSlow => "the client was slower than the lowest rate",
            Self::GaveWay => "gave way to another client",
            Self::Idle => "the connection was idle",
            Self::Store => "the store could not read on",
            Self::ClientGone => "the connection ended",
        };
        text.to_owned()
    }
}

/// A connection, shared by its task and its requests.
pub(crate) struct Connection {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
    running: AtomicUsize,
    quiet_since: AtomicU64,
    /// The last request had no body, and the connection has not rested since.
    may_rest: AtomicBool,
    cut: OnceLock<Cut>,
    ended: Notify,
    /// The answers in transfer over HTTP/2, by their address in memory.
    answers: Mutex<HashMap<usize, Arc<Transfer>>>,
    /// The answer over HTTP/1 whose last bytes the socket has not taken.
    leaving: Mutex<Option<Ending>>,
    /// The transfers of such answers: the socket may still send from their files.
    unsent: Mutex<Vec<Arc<Transfer>>>,
}

impl Connection {
    pub(crate) fn new(address: IpAddr, tls: bool) -> Arc<Self> {
        Arc::new(Self {
            address,
            tls,
            running: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(now()),
            may_rest: AtomicBool::new(false),
            cut: OnceLock::new(),
            ended: Notify::new(),
            answers: Mutex::default(),
            leaving: Mutex::default(),
            unsent: Mutex::default(),
        })
    }

    /// A request runs until the returned value is dropped.
    pub(crate) fn begin(self: &Arc<Self>, has_body: bool) -> Running {
        self.may_rest.store(!has_body, Ordering::Relaxed);
        self.quiet_since.store(now(), Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Whether an idle HTTP/1.1 connection can give up its buffers now. That is possible once after each request without
    /// a body: every byte that was read and not used then belongs to the next request.
    pub(crate) fn rests(&self) -> bool {
        self.is_idle() && self.may_rest.swap(false, Ordering::Relaxed)
    }

    /// A significant number of bytes was transferred. Bytes between requests do not count: PING frames, incomplete
    /// request heads.
    pub(crate) fn moved(&self) {
        if self.running.load(Ordering::Relaxed) > 0 {
            self.quiet_since.store(now(), Ordering::Relaxed);
        }
    }

    /// Ends the connection. The first reason is kept.
    pub(crate) fn end(&self, cut: Cut) {
        self.cut.get_or_init(|| cut);
        self.ended.notify_one();
    }

    /// Ready when the connection must end.
    pub(crate) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// The reason, if this server ended it.
    pub(crate) fn cut(&self) -> Option<Cut> {
        self.cut.get().copied()
    }

    /// An answer is sent over HTTP/2, where the socket does not show that the window of its stream is closed.
    pub(crate) fn watch(&self, answer: &Arc<Transfer>) {
        self.answers().insert(Arc::as_ptr(answer).addr(), Arc::clone(answer));
    }

    /// It was sent, or ended early.
    pub(crate) fn unwatch(&self, answer: &Arc<Transfer>) {
        self.answers().remove(&Arc::as_ptr(answer).addr());
    }

    /// Ends HTTP/2 streams whose window stays closed. Ends a connection that has no other streams, or that made no
    /// progress within the idle limit. Answers to PING frames do not count.
    pub(crate) fn check(&self, body_idle: Duration, connection_idle: Duration) {
        let running = self.running.load(Ordering::Relaxed);
        if running == 0 {
            if now().saturating_sub(self.quiet_since()) >= millis(connection_idle) {
                self.end(Cut::Idle);
            }
            return;
        }
        let stalled = self.answers().values().filter(|answer| answer.give_up_stalled(body_idle)).count();
        if stalled >= running {
            self.end(Cut::Stalled);
        }
    }

    /// The whole answer was handed over. It is complete when the socket has taken it.
    pub(crate) fn leaves(&self, ending: Ending, transfer: Option<Arc<Transfer>>) {
        self.unsent().extend(transfer);
        let before = self.leaving().replace(ending);
        drop(before);
    }

    /// The socket has taken everything that was handed over.
    pub(crate) fn flushed(&self) {
        let whole = self.leaving().take();
        drop(whole);
        self.release();
    }

    /// Nothing more is sent: the bytes that the socket has not taken are lost.
    pub(crate) fn closed(&self) {
        let lost = self.leaving().take();
        let taken_away = self.release();
        if let Some(mut lost) = lost {
            lost.cut(taken_away.or(self.cut()).unwrap_or(Cut::ClientGone));
        }
    }

    /// Releases the transfers. Returns why one was taken away before.
    fn release(&self) -> Option<Cut> {
        let unsent = std::mem::take(&mut *self.unsent());
        unsent.iter().for_each(|transfer| transfer.clear());
        unsent.iter().find_map(|transfer| transfer.cut())
    }

    fn unsent(&self) -> MutexGuard<'_, Vec<Arc<Transfer>>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self) -> MutexGuard<'_, Option<Ending>> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<usize, Arc<Transfer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Holder for Connection {
    fn block(&self) -> Block {
        Block::of(self.address)
    }

    fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0 && now().saturating_sub(self.quiet_since()) >= FRESH_MS
    }

    fn quiet_since(&self) -> u64 {
        self.quiet_since.load(Ordering::Relaxed)
    }

    fn give_way(&self) {
        self.end(Cut::GaveWay);
    }
}

/// A running request.
pub(crate) struct Running(Arc<Connection>);

impl Running {
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.quiet_since.store(now(), Ordering::Relaxed);
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
