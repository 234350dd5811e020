//! Appends received bytes to an upload and records them.

use access::error::{Code, Error, Result};
use access::op::ecr::UploadLayerPart;
use access::storage_quota::More;
use access::store::{AdvanceUpload, RefusedExt as _, TakeUpload, UploadRefusal, UploadRow};
use bytes::Bytes;
use fault::Fault;
use futures::stream::PollNext;
use futures::{FutureExt as _, Stream, StreamExt as _};

use super::bytes::{Appended, too_large};
use super::permits::{Has, UploadPermits, upload_not_found};
use super::upload::{BodyError, ByteStream, Incoming, OwnedUpload, superseded};
use crate::Registry;

/// The decision under which received bytes are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecidedBy {
    /// The permit: the bytes were received before it was created.
    Permit,
    /// A new decision after the body, which can take long.
    NewDecision,
}

impl Registry {
    /// Appends the bytes and records the new offset, also if the body ends early. The caller runs it to its end: if the
    /// client disconnects, row and file must still agree. A request on this node that had the turn was stopped before.
    /// If there can be other nodes, it also takes the turn in the upload's row: a request on another node that had it
    /// can no longer record what it wrote.
    pub(crate) async fn append<P>(
        &self,
        mut upload: OwnedUpload<P>,
        incoming: Incoming,
        decided_by: DecidedBy,
    ) -> Result<OwnedUpload<P>>
    where
        P: UploadPermits + Has<UploadLayerPart>,
    {
        check_range(&upload.row, &incoming)?;
        if !self.has_others {
            return self.append_in_turn(upload, incoming, decided_by).await;
        }
        let (permit, id) = (upload.permits.permit(), upload.row.id.clone());
        let taken = permit.write(|repository| TakeUpload { repository, id }).await;
        let row = taken.or_refused(|_gone| upload_not_found(permit, &upload.row.id))?;
        if row.offset != upload.row.offset {
            // What the client was told, and what was checked against it, is outdated.
            return Err(superseded(row.offset));
        }
        upload.row = row;
        self.append_in_turn(upload, incoming, decided_by).await
    }

    /// Appends for a request that has the turn in the upload's row.
    pub(super) async fn append_in_turn<P>(
        &self,
        mut upload: OwnedUpload<P>,
        incoming: Incoming,
        decided_by: DecidedBy,
    ) -> Result<OwnedUpload<P>>
    where
        P: UploadPermits + Has<UploadLayerPart>,
    {
        check_range(&upload.row, &incoming)?;
        let added = incoming.length.unwrap_or_default();
        let limit = self.access.settings.limits.layer_bytes;
        if added > limit.saturating_sub(upload.row.offset) {
            return Err(too_large(limit));
        }
        let more = More::Uploaded { recorded: upload.row.offset, added };
        // Until the row counts the bytes.
        let _hold = self.access.hold_storage(&upload.asked.repository, more).await?;
        let mut body = stop_when(incoming.body, upload.turn.superseded());
        let permit = upload.permits.permit();
        let (appended, failure) =
            self.bytes.append(permit, &upload.row, &mut body, limit, incoming.memory).await?;
        drop(body);
        let wrong_length = incoming.length.is_some_and(|length| length != appended.written);
        if decided_by == DecidedBy::NewDecision {
            // Bytes that may no longer be written stay after the offset, where they do not count.
            self.decide_again(&mut upload).await?;
        }
        self.record(&mut upload, appended).await?;
        match failure {
            Some(error) => Err(body_error(error, upload.row.offset)),
            None if wrong_length => Err(client_gone()),
            None => Ok(upload),
        }
    }

    async fn record<P>(&self, upload: &mut OwnedUpload<P>, appended: Appended) -> Result<()>
    where
        P: Has<UploadLayerPart>,
    {
        if appended.written == 0 {
            return Ok(());
        }
        let permit = upload.permits.permit();
        let stage = appended.stage.save().map_err(Error::internal)?;
        let advance = |repository| AdvanceUpload {
            repository,
            id: upload.row.id.clone(),
            expected_version: upload.row.version,
            offset: appended.stage.offset(),
            stage,
            last_part_size: appended.written,
            follows_small_part: upload.row.part_count > 0
                && upload.row.last_part_size < self.access.settings.limits.upload_part_min_bytes,
            at: upload.asked.ctx.at(),
        };
        fault::hit(Fault::BeforeAdvance);
        let advanced = permit.write(advance).await.or_refused(|refusal| match refusal {
            UploadRefusal::NotFound => upload_not_found(permit, &upload.row.id),
            UploadRefusal::Stale { offset } => superseded(offset),
            UploadRefusal::RepositoryGone => permit.repository_not_found(),
        })?;
        upload.row = advanced;
        fault::hit(Fault::AfterAdvance);
        Ok(())
    }
}

/// A body that ends with an error when `stop` resolves.
fn stop_when(
    body: ByteStream,
    stop: impl Future<Output = ()> + Send,
) -> impl Stream<Item = std::result::Result<Bytes, BodyError>> + Send + Unpin {
    let stopped = stop.into_stream().map(|()| Err(BodyError::Superseded));
    // The stream ends with the body, and at the first error.
    let ending = body.map(Some).chain(futures::stream::iter([None]));
    let both = futures::stream::select_with_strategy(stopped.map(Some), ending, |(): &mut ()| PollNext::Left);
    Box::pin(both.take_while(|item| std::future::ready(item.is_some())).filter_map(std::future::ready))
}

/// Chunks arrive in order and with their correct length (distribution specification, "Pushing a blob in chunks").
fn check_range(row: &UploadRow, incoming: &Incoming) -> Result<()> {
    let Some(range) = incoming.range else { return Ok(()) };
    if range.start != row.offset {
        let message = format!("The upload holds {} bytes; the next chunk starts there.", row.offset);
        return Err(Error::new(Code::UploadRangeInvalid, message));
    }
    let length = range.end_inclusive.checked_sub(range.start).and_then(|span| span.checked_add(1));
    match (incoming.length, length) {
        (Some(length), Some(span)) if length != span => Err(Error::new(
            Code::SizeInvalid,
            format!("Content-Range names {span} bytes and Content-Length {length}."),
        )),
        (_, None) => Err(Error::new(Code::UploadRangeInvalid, "Content-Range ends before it starts.")),
        _ => Ok(()),
    }
}

/// `offset` is the number of recorded bytes of the upload.
fn body_error(error: BodyError, offset: u64) -> Error {
    match error {
        BodyError::Broken => client_gone(),
        BodyError::Superseded => superseded(offset),
        BodyError::NoRoom => Error::new(
            Code::Unavailable,
            "The server is serving too many requests at the moment. Ask for the upload's status and resume there.",
        )
        .caused_by(error),
    }
}

fn client_gone() -> Error {
    Error::new(
        Code::ClientGone,
        "The request's body ended before all of it was received. Ask for the upload's status and resume there.",
    )
}
