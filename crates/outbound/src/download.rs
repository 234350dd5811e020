//! An answer whose body is read as it arrives, because it is too large for memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use crate::send::{Client, OutboundError, Target};

/// Time limits of an answer that is read as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// The time from the name resolution to the head of the answer.
    pub head: Duration,
    /// The time between two parts of the body.
    pub idle: Duration,
}

/// The body of an answer. The connection ends when it is dropped.
pub struct Download {
    host: String,
    body: Incoming,
    idle: Option<Duration>,
    /// Drive the connection, and hold its place among the connections of the dialler.
    _connection: (JoinSet<hyper::Result<()>>, Option<OwnedSemaphorePermit>),
}

impl Client {
    /// Sends a request with an absolute URI, and reads the head of the answer. Its body is of any length: the caller
    /// limits it.
    pub async fn open(
        &self,
        request: Request<Bytes>,
        waits: Waits,
    ) -> Result<Response<Download>, OutboundError> {
        let target = Target::of(request.uri())?;
        let host = target.authority.clone();
        let answer = tokio::time::timeout(waits.head, self.begin(request, target)).await;
        let answer = answer.unwrap_or(Err(OutboundError::Slow(host)))?;
        Ok(answer.map(|download| Download { idle: Some(waits.idle), ..download }))
    }
}

impl Download {
    pub(crate) fn new(
        host: String,
        body: Incoming,
        connection: (JoinSet<hyper::Result<()>>, Option<OwnedSemaphorePermit>),
    ) -> Self {
        Self { host, body, idle: None, _connection: connection }
    }

    /// The host and port that answered.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The next bytes; None at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        loop {
            let frame = self.body.frame();
            let frame = match self.idle {
                None => frame.await,
                Some(idle) => match tokio::time::timeout(idle, frame).await {
                    Ok(frame) => frame,
                    Err(_) => return Err(OutboundError::Slow(self.host.clone())),
                },
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|source| OutboundError::Http { host: self.host.clone(), source })?;
            // Trailers are of no use here.
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }

    /// The whole body, which must not be longer than `most` bytes.
    pub async fn collect(mut self, most: usize) -> Result<Bytes, OutboundError> {
        let mut all = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            if all.len() + bytes.len() > most {
                return Err(OutboundError::TooLong(self.host));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }
}
