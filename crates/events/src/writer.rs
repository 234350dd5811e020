//! Writes to files and standard output without waiting for ever: a dead mount or a full pipe delays only its own sink.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use access::store::Delivery;
use tokio::task::JoinHandle;

use crate::retry::Failure;

/// A write that takes longer has failed. It may still end later, so its events can be written twice.
const LONGEST: Duration = Duration::from_secs(10);

pub(crate) struct Writer {
    longest: Duration,
    /// The writes that took too long and have not ended, by sink.
    unfinished: Mutex<HashMap<String, JoinHandle<io::Result<()>>>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self { longest: LONGEST, unfinished: Mutex::default() }
    }
}

impl Writer {
    /// Writes all deliveries as lines, or none. A sink has at most one write at a time.
    pub(crate) async fn write(
        &self,
        sink: &str,
        batch: &[Delivery],
        write: impl FnOnce(&[String]) -> io::Result<()> + Send + 'static,
    ) -> (usize, Option<Failure>) {
        if self.is_writing(sink) {
            return (0, Some(Failure::temporary("an earlier write has not ended")));
        }
        let bodies: Vec<String> = batch.iter().map(|delivery| delivery.body.clone()).collect();
        let mut task = tokio::task::spawn_blocking(move || write(&bodies));
        match tokio::time::timeout(self.longest, &mut task).await {
            Ok(Ok(Ok(()))) => (batch.len(), None),
            Ok(Ok(Err(error))) => (0, Some(Failure::temporary(error))),
            Ok(Err(error)) => (0, Some(Failure::temporary(error))),
            Err(_) => {
                self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).insert(sink.to_owned(), task);
                (0, Some(Failure::temporary("the write took too long")))
            }
        }
    }

    fn is_writing(&self, sink: &str) -> bool {
        let mut writing = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        writing.retain(|_, task| !task.is_finished());
        writing.contains_key(sink)
    }
}

#[cfg(test)]
mod tests {
    use access::store::Micros;

    use super::*;

    #[tokio::test]
    async fn a_write_that_hangs_has_failed_and_is_alone() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let batch = [Delivery { sequence: 1, at: Micros(0), attempts: 0, body: "{}".to_owned() }];
        let writer = Writer { longest: Duration::from_millis(200), ..Writer::default() };
        let hangs = writer.write("sink/a", &batch, move |_| held.recv().map_err(io::Error::other));
        let (count, failure) = hangs.await;
        assert_eq!((count, failure.unwrap().error.as_str()), (0, "the write took too long"));
        let (_, failure) = writer.write("sink/a", &batch, |_| Ok(())).await;
        assert_eq!(failure.unwrap().error, "an earlier write has not ended");
        assert_eq!(writer.write("sink/b", &batch, |_| Ok(())).await, (1, None));
        release.send(()).unwrap();
        while writer.is_writing("sink/a") {
            std::thread::yield_now();
        }
        assert_eq!(writer.write("sink/a", &batch, |_| Ok(())).await, (1, None));
    }
}
