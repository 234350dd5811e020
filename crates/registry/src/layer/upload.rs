//! Pushes of blobs: sessions that can be resumed, and the way from received bytes to a linked blob.
//!
//! A session belongs to one account, Region, repository and principal. Its row is authoritative (offset, stage,
//! version); bytes of the file after the offset do not count. The row changes by compare-and-swap, and the blob becomes
//! readable only in the transaction that ends the session.

use std::pin::Pin;
use std::sync::Arc;

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{
    CancelUpload, CreateUpload, Micros, OpError, RefusedExt as _, Target, UploadRow, row_version, store_error,
};
use bytes::Bytes;
use fault::Fault;
use futures::Stream;
use oci::digest::{Algorithm, Digest};
use oci::range::ContentRange;

use super::append::DecidedBy;
use super::bytes::LayerBytes;
pub use super::bytes::{Held, Memory};
use super::permits::{Complete, LastPart, Part, UploadPermits, Whole};
use crate::Registry;
use crate::uploads_in_progress::Turn;

/// Why a request's body ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The client disconnected or violated the protocol.
    #[error("the request's body ended early")]
    Broken,
    /// A newer request continued the upload.
    #[error("another request went on with the upload")]
    Superseded,
    /// There was no memory for the next part in time.
    #[error("there is no memory for the request's body")]
    NoRoom,
}

/// The body of a push.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, BodyError>> + Send>>;

/// The bytes of a request, with the client's headers about them.
pub struct Incoming {
    /// `Content-Range` of a chunk, if the client sent one.
    pub range: Option<ContentRange>,
    /// `Content-Length`, if the client sent one.
    pub length: Option<u64>,
    /// The bytes.
    pub body: ByteStream,
    /// What pays for the parts of a layer that the store holds in memory; without it the store has some memory of its own.
    pub memory: Option<Arc<dyn Memory>>,
}

impl Incoming {
    /// No bytes.
    pub fn empty() -> Self {
        Self { range: None, length: Some(0), body: Box::pin(futures::stream::empty()), memory: None }
    }

    /// Bytes in memory.
    pub fn buffered(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Self { range: None, length, body: Box::pin(futures::stream::iter([Ok(bytes)])), memory: None }
    }
}

/// The state of an upload session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The session's id.
    pub id: String,
    /// The number of its bytes.
    pub offset: u64,
}

/// A session that the caller may write to, with the turn. The row was read in that turn.
pub(crate) struct OwnedUpload<P> {
    pub(crate) permits: Arc<P>,
    pub(crate) row: UploadRow,
    pub(super) turn: Turn,
    pub(super) asked: Asked,
}

/// What was decided at the gate, to be decided again when bytes have arrived.
pub(super) struct Asked {
    pub(super) ctx: Ctx,
    pub(super) repository: RepositoryRef,
}

impl Registry {
    /// Opens an upload session.
    pub async fn start_upload(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        algorithm: Algorithm,
    ) -> Result<UploadStatus> {
        let permit =
            self.permits_to_push::<Permit<ecr::InitiateLayerUpload>>(ctx, repository, Target::None).await?;
        let row = create_upload(ctx, &permit, algorithm).await?;
        Ok(UploadStatus { id: row.id, offset: 0 })
    }

    /// Returns the state of a session.
    pub async fn upload_status(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
    ) -> Result<UploadStatus> {
        let gate = self.access.gate(ctx, repository, Target::Upload(id.to_owned())).await?;
        let row = gate.permit::<ecr::UploadLayerPart>()?.owned(id)?;
        Ok(UploadStatus { id: row.id, offset: row.offset })
    }

    /// Appends bytes to a session.
    pub async fn append_upload(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        incoming: Incoming,
    ) -> Result<UploadStatus> {
        let upload = self.take_upload::<Part>(ctx, repository, id).await?;
        let upload = self.append(upload, incoming, DecidedBy::NewDecision).await?;
        Ok(UploadStatus { id: id.to_owned(), offset: upload.row.offset })
    }

    /// Appends the last bytes (or none), verifies the digest, and makes the blob readable. Bytes that arrive with the
    /// end are a part like the others, and need the same permission.
    ///
    /// A client whose answer was lost retries, and the session no longer exists. The retry succeeds while the
    /// repository has the blob, for a caller that may know that.
    pub async fn finish_upload(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        match self.finish_session(ctx, repository, id, digest, incoming).await {
            Err(error)
                if error.code == Code::UploadNotFound
                    && self.head_blob(ctx, repository, digest).await.is_ok() =>
            {
                Ok(())
            }
            finished => finished,
        }
    }

    async fn finish_session(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        let has_bytes = incoming.length != Some(0) || incoming.range.is_some();
        let digests = std::slice::from_ref(digest);
        if has_bytes {
            let upload = self.take_upload::<LastPart>(ctx, repository, id).await?;
            let upload = self.append(upload, incoming, DecidedBy::NewDecision).await?;
            self.complete(&upload, digests).await?;
        } else {
            let upload = self.take_upload::<Complete>(ctx, repository, id).await?;
            self.complete(&upload, digests).await?;
        }
        Ok(())
    }

    /// Ends a session without a blob.
    pub async fn cancel_upload(&self, ctx: &Ctx, repository: &RepositoryRef, id: &str) -> Result<()> {
        let upload = self.take_upload::<Part>(ctx, repository, id).await?;
        discard(&upload.permits, id, ctx.at()).await
    }

    /// Pushes a whole blob in one request.
    pub async fn put_blob(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        let permits = Arc::new(self.permits_to_push::<Whole>(ctx, repository, Target::None).await?);
        let (part, (_, initiate)) = &*permits;
        // The session exists for the length of this request, so the object's key is in a row before its bytes are
        // written.
        let row = create_upload(ctx, initiate, digest.algorithm()).await?;
        let turn = self.uploads_in_progress.take(&row.id).await;
        let asked = Asked { ctx: ctx.clone(), repository: repository.clone() };
        let id = row.id.clone();
        let upload = OwnedUpload { permits: Arc::clone(&permits), row, turn, asked };
        let done = match self.append_in_turn(upload, incoming, DecidedBy::NewDecision).await {
            Ok(upload) => self.complete(&upload, std::slice::from_ref(digest)).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // The client does not know the session's ID, so it cannot resume it.
            let _ = discard(part, &id, ctx.at()).await;
        }
        done.map_err(|error| match error.code {
            Code::ClientGone => Error::new(
                Code::ClientGone,
                "The request's body ended before all of it was received, and nothing was kept. Send the blob again.",
            ),
            _ => error,
        })
    }

    /// Finds the session, checks that it is the caller's, and takes the turn to write to it. If no other request on
    /// this node writes to it, one decision is enough. Otherwise the turn is taken only after a decision, which is
    /// repeated when the turn has been taken: the other request may have changed the row, and a policy may have
    /// changed.
    pub(crate) async fn take_upload<P: UploadPermits>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
    ) -> Result<OwnedUpload<P>> {
        let mut asked = Asked { ctx: ctx.clone(), repository: repository.clone() };
        let turn = if let Some(turn) = self.uploads_in_progress.take_free(id) {
            turn
        } else {
            self.permit_upload::<P>(&asked, id).await?;
            let turn = self.uploads_in_progress.take(id).await;
            asked.ctx = ctx.later();
            turn
        };
        let (permits, row) = self.permit_upload(&asked, id).await?;
        Ok(OwnedUpload { permits: Arc::new(permits), row, turn, asked })
    }

    async fn permit_upload<P: UploadPermits>(&self, asked: &Asked, id: &str) -> Result<(P, UploadRow)> {
        let gate = self.access.gate(&asked.ctx, &asked.repository, Target::Upload(id.to_owned())).await?;
        let permits = gate.permits::<P>()?;
        let row = permits.owned(id)?;
        Ok((permits, row))
    }

    /// Decides again with the current time: while the bytes arrived, a policy, a session or the user itself may have
    /// ended.
    pub(super) async fn decide_again<P: UploadPermits>(&self, upload: &mut OwnedUpload<P>) -> Result<()> {
        upload.asked.ctx = upload.asked.ctx.later();
        let (permits, _) = self.permit_upload(&upload.asked, &upload.row.id).await?;
        upload.permits = Arc::new(permits);
        Ok(())
    }
}

/// Creates the row of a session.
pub(crate) async fn create_upload(
    ctx: &Ctx,
    permit: &Permit<ecr::InitiateLayerUpload>,
    algorithm: Algorithm,
) -> Result<UploadRow> {
    create_upload_as(ctx, permit, uuid::Uuid::new_v4(), algorithm).await
}

/// The same with an ID. A session that has the ID already stays as it is.
pub(crate) async fn create_upload_as(
    ctx: &Ctx,
    permit: &Permit<ecr::InitiateLayerUpload>,
    id: uuid::Uuid,
    algorithm: Algorithm,
) -> Result<UploadRow> {
    let at = ctx.at();
    let row = UploadRow {
        id: id.to_string(),
        principal: permit.caller().upload_owner(),
        object_key: LayerBytes::new_key(),
        algorithm,
        offset: 0,
        stage: None,
        version: row_version::fresh(),
        part_count: 0,
        last_part_size: 0,
        has_small_part: false,
        created_at: at,
        updated_at: at,
    };
    let create = |repository| CreateUpload {
        repository,
        id: row.id.clone(),
        principal: row.principal.clone(),
        object_key: row.object_key.clone(),
        algorithm,
        version: row.version,
        at,
    };
    permit.write(create).await.or_refused(|_gone| permit.repository_not_found())?;
    fault::hit(Fault::UploadCreated);
    Ok(row)
}

/// Ends a session; its bytes are removed later. A session that has ended already is not an error.
pub(super) async fn discard<G>(permit: &Permit<G>, id: &str, at: Micros) -> Result<()>
where
    G: Opens<CancelUpload, On = OnRepository>,
{
    match permit.write(|repository| CancelUpload { repository, id: id.to_owned(), at }).await {
        Ok(()) | Err(OpError::Refused(_)) => Ok(()),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

/// The error of a request that lost its turn; `offset` is the number of recorded bytes of the upload.
pub(super) fn superseded(offset: u64) -> Error {
    let message = format!(
        "Another request went on with this upload meanwhile, which holds {offset} bytes now. Ask for the upload's status and resume there."
    );
    Error::new(Code::UploadRangeInvalid, message)
}
