//! The log: on standard error, as text on a terminal and as JSON elsewhere. One thread writes it, so a request never
//! waits for the disk or for the reader of a pipe (docs/adr/0020-the-log-has-a-thread.md).

mod clock;
mod json;
mod queue;

use std::fs::File;
use std::io::{IsTerminal as _, stderr};
use std::os::fd::AsFd as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use server::{DroppedLines, LogKind};
use tracing::Metadata;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{LogFormat, Logging};
use queue::{Line, Queue};

/// How long the end of the process waits for the reader of the log.
const LAST_LINES: Duration = Duration::from_secs(1);
/// The same when a second signal must end the process at once.
const AT_ONCE: Duration = Duration::from_millis(100);

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Starts logging for the whole process.
pub(crate) fn start(logging: &Logging) -> anyhow::Result<()> {
    let filter: Targets = logging.log.parse().with_context(|| format!("--log {}", logging.log))?;
    // Not Rust's own handle: its lock would be held while the reader blocks.
    let file = File::from(stderr().as_fd().try_clone_to_owned().context("cannot write to standard error")?);
    let queue = Queue::start(file).context("cannot start the thread of the log")?;
    let writer = ToQueue(Arc::clone(QUEUE.get_or_init(|| queue)));
    let (registry, layer) = (tracing_subscriber::registry().with(filter), layer().with_writer(writer));
    let format =
        logging.log_format.unwrap_or(if stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json });
    match format {
        LogFormat::Text => registry.with(layer.with_ansi(stderr().is_terminal())).init(),
        LogFormat::Json => registry.with(layer.event_format(json::Json)).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("{panic}");
        // No other thread ends the process.
        if std::thread::current().name() == Some("main") {
            finish();
        }
    }));
    Ok(())
}

/// Writes what is queued, before the process ends.
pub(crate) fn finish() {
    flush(LAST_LINES);
}

/// The same, but hardly waits.
pub(crate) fn finish_at_once() {
    flush(AT_ONCE);
}

fn flush(limit: Duration) {
    if let Some(queue) = QUEUE.get() {
        queue.flush(limit);
    }
}

/// The counters of lines that were lost.
pub(crate) fn dropped() -> DroppedLines {
    QUEUE.get().map(|queue| queue.dropped().clone()).unwrap_or_default()
}

/// Gives each line to the queue.
struct ToQueue(Arc<Queue>);

impl<'a> MakeWriter<'a> for ToQueue {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line::new(&self.0, LogKind::Other)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a> {
        Line::new(&self.0, LogKind::of(metadata.target()))
    }
}
