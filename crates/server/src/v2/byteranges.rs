//! Several ranges of a blob in one answer, `multipart/byteranges` (RFC 9110 §14.6). One part is open at a time.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};
use http::{StatusCode, header};
use oci::range::ByteRange;
use registry::layer::download::{BlobHandle, failed};

use super::Outcome;
use super::blob::{content_range, place};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, answer, value};
use crate::ledger::Share;
use crate::sending;
use crate::serve::App;
use crate::transfer::Chunks;

/// The ranges with their positions, in the requested order. The header of a part is made when the part starts: all
/// headers together are many times larger than the request.
pub(super) async fn answer_parts(
    app: &App,
    exchange: &Exchange,
    blob: BlobHandle,
    ranges: Vec<ByteRange>,
) -> Outcome {
    let share = exchange.tab().share();
    let room = share.take((ranges.len() * size_of::<ByteRange>()) as u64).await?;
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let size = blob.stat.size;
    let end = format!("\r\n--{boundary}--\r\n");
    let length = ranges.iter().enumerate().fold(end.len() as u64, |sum, (at, range)| {
        let head = head(at, &boundary, *range, size);
        sum.saturating_add(head.len() as u64).saturating_add(range.length())
    });
    let content_type = value(&format!("multipart/byteranges; boundary={boundary}"));
    let parts = parts(Arc::new(blob), Arc::clone(share), ranges, boundary);
    let end = futures::stream::once(async move {
        drop(room);
        Ok(Bytes::from(end))
    });
    let chunks: Chunks = Box::pin(parts.chain(end));
    let (transfer, file) = place(app, exchange)?;
    let body = ResponseBody::stream(transfer, chunks, length, Some(file)).await.map_err(failed)?;
    let mut response = answer(StatusCode::PARTIAL_CONTENT, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// The header of a part.
fn head(at: usize, boundary: &str, range: ByteRange, size: u64) -> String {
    let end_of_the_last = if at == 0 { "" } else { "\r\n" };
    let place = content_range(range, size);
    format!(
        "{end_of_the_last}--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {place}\r\n\r\n"
    )
}

fn parts(
    blob: Arc<BlobHandle>,
    share: Arc<Share>,
    ranges: Vec<ByteRange>,
    boundary: String,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let boundary: Arc<str> = boundary.into();
    let parts = futures::stream::iter(ranges.into_iter().enumerate()).then(move |(at, range)| {
        let (blob, share, boundary) = (Arc::clone(&blob), Arc::clone(&share), Arc::clone(&boundary));
        async move {
            let open = blob.open(range.start, range.length()).boxed();
            let content =
                sending::charged(range.length(), &share, open).await.map_err(std::io::Error::other)?;
            let head = Bytes::from(head(at, &boundary, range, blob.stat.size));
            Ok::<_, std::io::Error>(futures::stream::iter([Ok(head)]).chain(content))
        }
    });
    parts.try_flatten()
}
