//! Reads a layer that is still arriving: what has come is read from the store, and the rest is waited for. If the layer
//! turns out to be wrong, the stream ends with an error before its last byte.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use access::op::ecr::GetDownloadUrlForLayer;
use access::permit::Permit;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _};

use super::Arrival;
use crate::layer::bytes::{ContentStream, LayerBytes};

/// The bytes `[at, end)` of a layer.
pub(crate) struct ArrivingStream {
    permit: Arc<Permit<GetDownloadUrlForLayer>>,
    bytes: LayerBytes,
    arrival: Arc<Arrival>,
    at: u64,
    end: u64,
    chunk: usize,
    state: State,
}

enum State {
    /// Waits for more, and opens it.
    Opening(BoxFuture<'static, io::Result<ContentStream>>),
    Reading(Box<ContentStream>),
    /// Everything that was opened has been read.
    Read,
}

impl ArrivingStream {
    pub(crate) fn new(
        permit: Arc<Permit<GetDownloadUrlForLayer>>,
        bytes: LayerBytes,
        arrival: Arc<Arrival>,
        (start, len): (u64, u64),
    ) -> Self {
        let end = start.saturating_add(len).min(arrival.size);
        Self { permit, bytes, arrival, at: start, end, chunk: usize::MAX, state: State::Read }
    }

    pub(crate) fn limit_chunk(&mut self, bytes: usize) {
        self.chunk = bytes;
        if let State::Reading(content) = &mut self.state {
            content.limit_chunk(bytes);
        }
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    fn open(&self) -> BoxFuture<'static, io::Result<ContentStream>> {
        let (permit, bytes, arrival) =
            (Arc::clone(&self.permit), self.bytes.clone(), Arc::clone(&self.arrival));
        let (at, end) = (self.at, self.end);
        Box::pin(async move {
            let there = arrival.beyond(at, end).await.map_err(io::Error::other)?;
            let len = there.saturating_sub(at);
            let content = bytes.open_slices(&permit, &arrival.object_key, at, len).await;
            Ok(content.map_err(io::Error::other)?.into_stream())
        })
    }
}

impl Stream for ArrivingStream {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Read if this.at >= this.end => return Poll::Ready(None),
                State::Read => this.state = State::Opening(this.open()),
                State::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok(mut content) => {
                        content.limit_chunk(this.chunk);
                        this.state = State::Reading(Box::new(content));
                    }
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                State::Reading(content) => match ready!(content.poll_next_unpin(cx)) {
                    Some(Ok(bytes)) => {
                        this.at = this.at.saturating_add(bytes.len() as u64);
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => this.state = State::Read,
                },
            }
        }
    }
}
