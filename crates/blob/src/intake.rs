//! The receiving side of an append: divides a request's body into batches. One batch is received while the previous one
//! is written.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep_until};

/// The size of a batch. An upload holds at most two batches.
const BATCH_BYTES: usize = 512 * 1024;

/// If a client sends nothing for this long, the bytes so far are written.
const PAUSE: Duration = Duration::from_millis(50);

/// How a batch ended.
pub(crate) enum End<E> {
    /// The batch is full, and there may be more.
    More,
    /// The body is complete.
    Complete,
    /// The body ended with an error.
    Failed(E),
    /// The object would become longer than the limit.
    TooLarge,
}

/// The receiving side: divides a body into batches.
pub(crate) struct Intake<'a, S> {
    body: &'a mut S,
    /// The number of bytes that the object may still grow.
    room: u64,
    /// The bytes that did not fit into the last batch.
    waiting: Option<Bytes>,
    /// Fires at the end of a pause or before. It is set again only when it fires: setting a timer can wake another
    /// thread.
    alarm: Pin<Box<Sleep>>,
}

impl<'a, S, E> Intake<'a, S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    /// `room` is the number of bytes that the object may still grow.
    pub(crate) fn new(body: &'a mut S, room: u64) -> Self {
        Self { body, room, waiting: None, alarm: Box::pin(sleep_until(Instant::now() + PAUSE)) }
    }

    /// The next batch, and whether there may be another.
    pub(crate) async fn batch(&mut self) -> (Vec<Bytes>, End<E>) {
        let mut batch = Vec::new();
        let mut size = 0;
        loop {
            let chunk = match self.waiting.take() {
                Some(chunk) => chunk,
                None => match self.next_within(batch.is_empty()).await {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => return (batch, End::More),
                    Err(end) => return (batch, end),
                },
            };
            if chunk.len() as u64 > self.room {
                return (batch, End::TooLarge);
            }
            if size > 0 && size + chunk.len() > BATCH_BYTES {
                self.waiting = Some(chunk);
                return (batch, End::More);
            }
            self.room -= chunk.len() as u64;
            size += chunk.len();
            batch.push(chunk);
        }
    }

    /// The next chunk. None if the client pauses while there are bytes to write: they are not held in memory then.
    async fn next_within(&mut self, may_wait: bool) -> Result<Option<Bytes>, End<E>> {
        if may_wait {
            return received(self.body.next().await).map(Some);
        }
        let end = Instant::now() + PAUSE;
        loop {
            tokio::select! {
                biased;
                chunk = self.body.next() => return received(chunk).map(Some),
                () = self.alarm.as_mut() => {}
            }
            let is_over = Instant::now() >= end;
            self.alarm.as_mut().reset(if is_over { Instant::now() + PAUSE } else { end });
            if is_over {
                return Ok(None);
            }
        }
    }
}

fn received<E>(chunk: Option<Result<Bytes, E>>) -> Result<Bytes, End<E>> {
    match chunk {
        None => Err(End::Complete),
        Some(Err(error)) => Err(End::Failed(error)),
        Some(Ok(chunk)) => Ok(chunk),
    }
}
