//! Several ranges of a blob in one answer, `multipart/byteranges` (RFC 9110 §14.6). One part at a time is open.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use http::{StatusCode, header};
use oci::range::ByteRange;
use registry::blob::BlobHandle;
use registry::error::Error;

use super::Outcome;
use super::blob::{content_range, place};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, answer, value};
use crate::ledger::Share;
use crate::sending;
use crate::transfer::Chunks;

/// The ranges, each with its place, in the order asked for.
pub(super) async fn answer_parts(exchange: &Exchange, blob: BlobHandle, ranges: Vec<ByteRange>) -> Outcome {
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let size = blob.stat.size;
    let heads: Vec<String> =
        ranges.iter().enumerate().map(|(at, range)| head(at, &boundary, *range, size)).collect();
    let end = format!("\r\n--{boundary}--\r\n");
    let length = heads.iter().zip(&ranges).fold(end.len() as u64, |sum, (head, range)| {
        sum.saturating_add(head.len() as u64).saturating_add(range.length())
    });
    let chunks: Chunks = Box::pin(parts(blob, Arc::clone(exchange.tab.share()), ranges, heads, end));
    let (transfer, file) = place(exchange)?;
    let body = ResponseBody::stream(transfer, chunks, length, Some(file)).await.map_err(Error::internal)?;
    let mut response = answer(StatusCode::PARTIAL_CONTENT, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CONTENT_TYPE, value(&format!("multipart/byteranges; boundary={boundary}")));
    Ok(response)
}

/// What stands before a part.
fn head(at: usize, boundary: &str, range: ByteRange, size: u64) -> String {
    let end_of_the_last = if at == 0 { "" } else { "\r\n" };
    let place = content_range(range, size);
    format!(
        "{end_of_the_last}--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {place}\r\n\r\n"
    )
}

fn parts(
    blob: BlobHandle,
    share: Arc<Share>,
    ranges: Vec<ByteRange>,
    heads: Vec<String>,
    end: String,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let blob = Arc::new(blob);
    let parts = futures::stream::iter(ranges.into_iter().zip(heads)).then(move |(range, head)| {
        let (blob, share) = (Arc::clone(&blob), Arc::clone(&share));
        async move {
            let content = blob.open(range.start, range.length()).await.map_err(std::io::Error::other)?;
            let content =
                sending::charged(content.into_stream(), &share).await.map_err(std::io::Error::other)?;
            let head = futures::stream::iter([Ok(Bytes::from(head))]);
            Ok::<_, std::io::Error>(head.chain(content))
        }
    });
    parts.try_flatten().chain(futures::stream::iter([Ok(Bytes::from(end))]))
}
