//! HTTP/2 connections of an attacker: many streams, bodies that never end, windows that stay closed. PINGs of the
//! server are answered.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use futures::stream;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::client::Route;

/// A body that is sent.
pub(super) type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// One connection.
#[derive(Clone)]
pub(super) struct Streams(http2::SendRequest<Sent>);

impl Streams {
    /// Connects. `window` is how much the server may send on a stream before it gets more window.
    pub(super) async fn open(route: Route, window: u32) -> Result<Self> {
        let stream = TokioIo::new(route.connect().await?);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window).max_send_buf_size(64 * 1024);
        let (sender, connection) = builder.handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Sends a request; the body of its answer is not read.
    pub(super) async fn send(&self, request: Request<Sent>) -> Result<Response<Incoming>> {
        let mut sender = self.0.clone();
        sender.ready().await?;
        Ok(sender.send_request(request).await?)
    }
}

/// The whole body at once.
pub(super) fn whole(body: Bytes) -> Sent {
    Full::new(body).boxed_unsync()
}

/// A body of this many bytes whose last byte is never sent.
pub(super) fn unfinished(bytes: usize) -> Sent {
    const PIECE: usize = 16 * 1024;
    let pieces = stream::unfold(bytes.saturating_sub(1), |left| async move {
        if left == 0 {
            return std::future::pending().await;
        }
        let length = left.min(PIECE);
        Some((Ok(frame(length)), left - length))
    });
    StreamBody::new(pieces).boxed_unsync()
}

fn frame(length: usize) -> Frame<Bytes> {
    static PIECE: [u8; 16 * 1024] = [b'a'; 16 * 1024];
    Frame::data(Bytes::from_static(PIECE.get(..length).unwrap_or(&PIECE)))
}
