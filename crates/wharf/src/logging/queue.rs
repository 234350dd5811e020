//! The lines of the log on their way to the thread that writes them. The queue is bounded: a line that does not fit is
//! dropped and counted. Nothing here waits, except [`Queue::flush`], which has a limit.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use server::{DroppedLines, LogKind};

/// The maximum of queued bytes. Requests may fill half of it and decisions three quarters: warnings still fit.
const MAX_BYTES: usize = 1 << 20;
/// From this many bytes on the writer does not wait for more.
const BATCH_BYTES: usize = 128 << 10;
/// How long a line of a request waits for more lines. Other lines do not wait.
const GATHER: Duration = Duration::from_millis(100);
/// How often the log says that lines were dropped.
const SAY_EVERY: Duration = Duration::from_mins(1);
/// The pause before another try, if the reader of a pipe that does not block is slow.
const AGAIN: Duration = Duration::from_millis(10);

/// The queue, shared by all threads that log.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// For the writer: there is something to do.
    wake: Condvar,
    /// For those who flush: something was written.
    written: Condvar,
    dropped: DroppedLines,
}

#[derive(Default)]
struct State {
    text: Vec<u8>,
    /// The number of lines in the text, by kind.
    lines: [u64; LogKind::COUNT],
    is_urgent: bool,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread that writes to `sink`.
    pub(crate) fn start(sink: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            written: Condvar::new(),
            dropped: DroppedLines::default(),
        });
        let shared = Arc::clone(&queue);
        thread::Builder::new().name("log".to_owned()).spawn(move || Writer::new(sink, &shared).run())?;
        Ok(queue)
    }

    pub(crate) fn dropped(&self) -> &DroppedLines {
        &self.dropped
    }

    /// Queues one line, or drops it.
    fn push(&self, kind: LogKind, line: &[u8]) {
        let mut state = self.lock();
        let before = state.text.len();
        let after = before + line.len();
        if after > room(kind) {
            drop(state);
            self.dropped.count(kind, 1);
            return;
        }
        state.text.extend_from_slice(line);
        if let Some(lines) = state.lines.get_mut(kind as usize) {
            *lines += 1;
        }
        let is_urgent = kind == LogKind::Other;
        state.is_urgent |= is_urgent;
        drop(state);
        if is_urgent || before == 0 || (before < BATCH_BYTES && after >= BATCH_BYTES) {
            self.wake.notify_one();
        }
    }

    /// Waits until everything is written, up to the limit.
    pub(crate) fn flush(&self, limit: Duration) {
        let end = Instant::now() + limit;
        let mut state = self.lock();
        while state.is_writing || !state.text.is_empty() {
            state.is_urgent = true;
            self.wake.notify_one();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.written.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for lines and takes them. The empty buffer takes their place.
    fn take(&self, buffer: &mut Vec<u8>) -> [u64; LogKind::COUNT] {
        let idle = |state: &mut State| state.text.is_empty();
        let waited = self.wake.wait_while(self.lock(), idle);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let gathers = |state: &mut State| !state.is_urgent && state.text.len() < BATCH_BYTES;
        let waited = self.wake.wait_timeout_while(state, GATHER, gathers);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut state.text, buffer);
        state.is_urgent = false;
        state.is_writing = true;
        std::mem::take(&mut state.lines)
    }

    fn end_of_write(&self) {
        self.lock().is_writing = false;
        self.written.notify_all();
    }
}

/// How many bytes may be queued with one more line of this kind.
const fn room(kind: LogKind) -> usize {
    match kind {
        LogKind::Access => MAX_BYTES / 2,
        LogKind::Audit => MAX_BYTES / 4 * 3,
        LogKind::Other => MAX_BYTES,
    }
}

/// The thread that writes.
struct Writer<'a, W> {
    sink: W,
    queue: &'a Queue,
    /// How many dropped lines the log has told of, and when.
    told: (u64, Option<Instant>),
}

impl<'a, W: Write> Writer<'a, W> {
    fn new(sink: W, queue: &'a Queue) -> Self {
        Self { sink, queue, told: (0, None) }
    }

    fn run(mut self) {
        let mut buffer = Vec::new();
        loop {
            let lines = self.queue.take(&mut buffer);
            if write(&mut self.sink, &buffer).is_err() {
                for (kind, lines) in LogKind::ALL.into_iter().zip(lines) {
                    self.queue.dropped.count(kind, lines);
                }
            }
            buffer.clear();
            buffer.shrink_to(2 * BATCH_BYTES);
            self.tell();
            self.queue.end_of_write();
        }
    }

    /// Says how many lines were dropped since the last time.
    fn tell(&mut self) {
        let (told, at) = self.told;
        let dropped = self.queue.dropped.total();
        if dropped == told || at.is_some_and(|at| at.elapsed() < SAY_EVERY) {
            return;
        }
        self.told = (dropped, Some(Instant::now()));
        tracing::warn!(
            dropped = dropped - told,
            "lines of the log were dropped: the disk or the reader of standard error is too slow"
        );
    }
}

fn write(sink: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One line. Each write is a complete line.
pub(crate) struct Line<'a> {
    queue: &'a Queue,
    kind: LogKind,
}

impl<'a> Line<'a> {
    pub(crate) fn new(queue: &'a Queue, kind: LogKind) -> Self {
        Self { queue, kind }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.queue.push(self.kind, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
