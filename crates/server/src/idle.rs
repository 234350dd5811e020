//! An idle HTTP/1.1 connection. It gives up the buffers and the state of its last request, about 30 KiB, and waits for
//! the first byte of the next one.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::linger::Replay;
use crate::serve::App;
use crate::speak::unless_ended;

/// The stream with the first byte of its next request, or None if the connection has ended.
pub(crate) async fn next_request<S>(
    mut stream: Replay<S>,
    connection: &Connection,
    app: &App,
) -> Option<Replay<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !stream.is_closing() {
        if stream.has_read() {
            return Some(stream);
        }
        let mut first = [0];
        let reading = timeout(app.options.limits.header_read, stream.read(&mut first));
        if let Some(Ok(Ok(1))) = unless_ended(reading, connection, app).await {
            return Some(stream.again(&first));
        }
    }
    let mut closing = pin!(stream.shutdown());
    if connection.cut().is_some() {
        // Another client needs the slot: this does not wait for the client to close.
        poll_fn(|cx| Poll::Ready(closing.as_mut().poll(cx).is_ready())).await;
    } else if let Err(error) = closing.await {
        tracing::debug!(%error, "an idle connection was not closed cleanly");
    }
    None
}
