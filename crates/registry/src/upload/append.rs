//! Received bytes: written behind those that are there, and recorded.

use access::permit::OnRepository;
use std::sync::Arc;

use ::blob::{AppendError, Appended, Stage};
use bytes::Bytes;
use fault::Fault;
use futures::stream::PollNext;
use futures::{FutureExt as _, Stream, StreamExt as _};
use meta::{AdvanceUpload, TakeUpload, UploadRefusal, UploadRow};

use super::{
    BodyError, ByteStream, Incoming, OwnedUpload, gone_repository, object_key, superseded, upload_not_found,
};
use crate::Registry;
use crate::blob_error::blob_error;
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::RefusedExt as _;

impl Registry {
    /// Takes the turn in the upload's row, which holds across nodes, and appends. A request of another node that has the
    /// turn until now cannot record what it wrote; one of this node was stopped before.
    pub(crate) async fn append<E: Effect<On = OnRepository>>(
        self: &Arc<Self>,
        mut upload: OwnedUpload<E>,
        incoming: Incoming,
    ) -> Result<OwnedUpload<E>> {
        check_range(&upload.row, &incoming)?;
        let take = TakeUpload { repository: upload.permit.repository(), id: upload.row.id.clone() };
        let taken = self.access.meta.write(take).await;
        let row = taken.or_refused(|_gone| upload_not_found(&upload.permit, &upload.row.id))?;
        if row.offset != upload.row.offset {
            // What the client was told, and what was checked against it, does not hold any more.
            return Err(superseded(row.offset));
        }
        upload.row = row;
        self.append_in_turn(upload, incoming).await
    }

    /// Writes the bytes and records how far they reach, also when the body ends early. It runs on a task of its
    /// own: a client that goes away must not leave the row behind the file.
    pub(super) async fn append_in_turn<E: Effect<On = OnRepository>>(
        self: &Arc<Self>,
        upload: OwnedUpload<E>,
        incoming: Incoming,
    ) -> Result<OwnedUpload<E>> {
        check_range(&upload.row, &incoming)?;
        let registry = Arc::clone(self);
        let task = tokio::spawn(async move { registry.append_and_record(upload, incoming).await });
        task.await.map_err(Error::internal)?
    }

    async fn append_and_record<E: Effect<On = OnRepository>>(
        &self,
        mut upload: OwnedUpload<E>,
        incoming: Incoming,
    ) -> Result<OwnedUpload<E>> {
        let row = &upload.row;
        let stage = self.stage(&upload)?;
        let key = object_key(row)?;
        let mut body = stop_when(incoming.body, upload.turn.superseded());
        let limit = self.access.settings.limits.layer_bytes;
        let appended = self.blobs.append(&key, stage, &mut body, Some(limit)).await;
        drop(body);
        let (appended, failure) = match appended {
            Ok(appended) => (appended, None),
            Err(AppendError::Body { appended, source }) => (*appended, Some(source)),
            Err(AppendError::TooLarge { limit }) => {
                return Err(Error::new(
                    Code::SizeInvalid,
                    format!("A layer may hold at most {limit} bytes."),
                ));
            }
            Err(AppendError::Overtaken) => return Err(superseded(row.offset)),
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => return Err(blob_error(error)),
            Err(error @ AppendError::Missing { .. }) => return Err(Error::internal(error)),
        };
        let wrong_length = incoming.length.is_some_and(|length| length != appended.written);
        // Bytes that nobody may write any more stay behind the offset, where they count for nothing.
        self.ask_again(&mut upload).await?;
        self.record(&mut upload, appended).await?;
        match failure {
            Some(error) => Err(body_error(error, upload.row.offset)),
            None if wrong_length => Err(client_gone()),
            None => Ok(upload),
        }
    }

    /// The upload's stage, from its row. One that another version of this program wrote and this one cannot read is as
    /// good as none: the client begins again.
    pub(super) fn stage<E: Effect<On = OnRepository>>(&self, upload: &OwnedUpload<E>) -> Result<Stage> {
        let row = &upload.row;
        self.blobs.resume(row.algorithm, row.offset, row.stage.as_deref()).map_err(|error| {
            tracing::error!(upload = %row.id, %error, "an upload cannot go on");
            upload_not_found(&upload.permit, &row.id)
        })
    }

    async fn record<E: Effect<On = OnRepository>>(
        &self,
        upload: &mut OwnedUpload<E>,
        appended: Appended,
    ) -> Result<()> {
        if appended.written == 0 {
            return Ok(());
        }
        let advance = AdvanceUpload {
            repository: upload.permit.repository(),
            id: upload.row.id.clone(),
            expected_version: upload.row.version,
            offset: appended.stage.offset(),
            stage: appended.stage.save().map_err(Error::internal)?,
            last_part_size: appended.written,
            follows_small_part: upload.row.part_count > 0
                && upload.row.last_part_size < self.access.settings.limits.upload_part_min_bytes,
            at: upload.asked.ctx.at(),
        };
        fault::hit(Fault::BeforeAdvance);
        upload.row = self.access.meta.write(advance).await.or_refused(|refusal| match refusal {
            UploadRefusal::NotFound => upload_not_found(&upload.permit, &upload.row.id),
            UploadRefusal::Stale { offset } => superseded(offset),
            UploadRefusal::RepositoryGone => gone_repository(&upload.permit),
        })?;
        fault::hit(Fault::AfterAdvance);
        Ok(())
    }
}

/// A body that ends with an error as soon as `stop` resolves.
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

/// Chunks come in order and say the truth about their length (distribution specification, "Pushing a blob in
/// chunks").
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

/// `offset` is how many bytes of the upload are recorded.
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
