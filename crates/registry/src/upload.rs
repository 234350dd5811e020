//! Pushing a blob: sessions that can be resumed, and the way from received bytes to a linked blob.
//!
//! A session belongs to one account, region, repository and principal. Its row holds the truth (offset, hash
//! state, version); bytes of the file beyond the offset count for nothing. The row changes by
//! compare-and-swap, and the blob becomes readable only in the transaction that ends the session.

mod append;
mod complete;

use access::op::ecr;
use access::permit::OnRepository;
use std::pin::Pin;
use std::sync::Arc;

use ::blob::ObjectKey;
use bytes::Bytes;
use fault::Fault;
use futures::Stream;
use meta::{CancelUpload, CreateUpload, Micros, RepositoryKey, Target, UploadRow};
use oci::digest::{Algorithm, Digest};
use oci::range::ContentRange;

use crate::Registry;
use crate::uploads_in_progress::Turn;
use access::authz::Permit;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::op::Op;
use access::store::{RefusedExt as _, store_error};

/// Why a request's body ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The client went away or broke the protocol.
    #[error("the request's body ended early")]
    Broken,
    /// A newer request went on with the upload.
    #[error("another request went on with the upload")]
    Superseded,
    /// The server had no memory for the next part of it in time.
    #[error("there is no memory for the request's body")]
    NoRoom,
}

/// The body of a push.
pub type ByteStream = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, BodyError>> + Send>>;

/// Bytes of a request, with what the client said about them.
pub struct Incoming {
    /// `Content-Range` of a chunk, where the client sent one.
    pub range: Option<ContentRange>,
    /// `Content-Length`, where the client sent one.
    pub length: Option<u64>,
    /// The bytes.
    pub body: ByteStream,
}

impl Incoming {
    /// No bytes at all.
    pub fn empty() -> Self {
        Self { range: None, length: Some(0), body: Box::pin(futures::stream::empty()) }
    }

    /// Bytes that are in memory already.
    pub fn buffered(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Self { range: None, length, body: Box::pin(futures::stream::iter([Ok(bytes)])) }
    }
}

/// Where an upload session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The session's id.
    pub id: String,
    /// How many bytes it holds.
    pub offset: u64,
}

/// A session that the caller may append to, with the turn to do so. The row was read in that turn.
pub(crate) struct OwnedUpload<E: Effect<On = OnRepository>> {
    pub(crate) permit: Permit<E>,
    pub(crate) row: UploadRow,
    turn: Turn,
    asked: Asked,
}

/// How leave to write was asked for, to be asked again when bytes have come in.
struct Asked {
    ctx: Ctx,
    repository: RepositoryRef,
    /// Permissions beside that of the permit.
    also: Vec<Op>,
}

impl Registry {
    /// Opens an upload session.
    pub async fn start_upload(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        algorithm: Algorithm,
    ) -> Result<UploadStatus> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::InitiateLayerUpload>()?;
        let row = self.create_upload(ctx, &permit, algorithm).await?;
        Ok(UploadStatus { id: row.id, offset: 0 })
    }

    /// Tells where a session stands.
    pub async fn upload_status(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
    ) -> Result<UploadStatus> {
        let gate = self.access.gate(ctx, repository, Target::Upload(id.to_owned())).await?;
        let permit = gate.permit::<ecr::UploadLayerPart>()?;
        let row = owned_row(gate.resolved().upload.as_ref(), &permit, id)?;
        Ok(UploadStatus { id: row.id, offset: row.offset })
    }

    /// Appends bytes to a session.
    pub async fn append_upload(
        self: &Arc<Self>,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        incoming: Incoming,
    ) -> Result<UploadStatus> {
        let upload = self.take_upload::<ecr::UploadLayerPart>(ctx, repository, id).await?;
        let upload = self.append(upload, incoming).await?;
        Ok(UploadStatus { id: id.to_owned(), offset: upload.row.offset })
    }

    /// Appends the last bytes (or none), verifies the digest, and makes the blob readable. Bytes that come with the
    /// end are a part like the others, and need the same permission.
    ///
    /// A client whose answer was lost asks again, and the session is gone. That is a success while the repository has the
    /// blob, for a caller who may know that it does.
    pub async fn finish_upload(
        self: &Arc<Self>,
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
        self: &Arc<Self>,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        let has_bytes = incoming.length != Some(0) || incoming.range.is_some();
        let also = has_bytes.then_some(ecr::UploadLayerPart::OP);
        let mut upload = self.take_upload_also::<ecr::CompleteLayerUpload>(ctx, repository, id, also).await?;
        if has_bytes {
            upload = self.append(upload, incoming).await?;
        }
        self.complete(&upload, std::slice::from_ref(digest)).await.map(|_| ())
    }

    /// Ends a session without a blob.
    pub async fn cancel_upload(&self, ctx: &Ctx, repository: &RepositoryRef, id: &str) -> Result<()> {
        let upload = self.take_upload::<ecr::UploadLayerPart>(ctx, repository, id).await?;
        self.discard(upload.permit.repository(), id, ctx.at()).await
    }

    /// Pushes a whole blob in one request.
    pub async fn put_blob(
        self: &Arc<Self>,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        gate.allow(ecr::UploadLayerPart::OP)?;
        gate.allow(ecr::CompleteLayerUpload::OP)?;
        let permit = gate.permit::<ecr::InitiateLayerUpload>()?;
        // The session exists for the length of this request, so that the object's key is in a row before its
        // bytes are written.
        let row = self.create_upload(ctx, &permit, digest.algorithm()).await?;
        let turn = self.uploads_in_progress.take(&row.id).await;
        let also = vec![ecr::UploadLayerPart::OP, ecr::CompleteLayerUpload::OP];
        let asked = Asked { ctx: ctx.clone(), repository: repository.clone(), also };
        let upload = OwnedUpload { permit, row, turn, asked };
        let id = upload.row.id.clone();
        let key = upload.permit.repository();
        let done = match self.append_in_turn(upload, incoming).await {
            Ok(upload) => self.complete(&upload, std::slice::from_ref(digest)).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // Nobody knows the session's id, so nobody can resume it.
            let _ = self.discard(key, &id, ctx.at()).await;
        }
        done.map_err(|error| match error.code {
            Code::ClientGone => Error::new(
                Code::ClientGone,
                "The request's body ended before all of it was received, and nothing was kept. Send the blob again.",
            ),
            _ => error,
        })
    }

    pub(crate) async fn create_upload<E: Effect<On = OnRepository>>(
        &self,
        ctx: &Ctx,
        permit: &Permit<E>,
        algorithm: Algorithm,
    ) -> Result<UploadRow> {
        let at = ctx.at();
        let row = UploadRow {
            id: uuid::Uuid::new_v4().to_string(),
            principal: permit.caller().upload_owner(),
            object_key: ObjectKey::random().to_string(),
            algorithm,
            offset: 0,
            stage: None,
            version: 0,
            part_count: 0,
            last_part_size: 0,
            has_small_part: false,
            created_at: at,
            updated_at: at,
        };
        let create = CreateUpload {
            repository: permit.repository(),
            id: row.id.clone(),
            principal: row.principal.clone(),
            object_key: row.object_key.clone(),
            algorithm,
            at,
        };
        self.access.meta.write(create).await.or_refused(|_| gone_repository(permit))?;
        fault::hit(Fault::UploadCreated);
        Ok(row)
    }

    /// Finds the session, checks that it is the caller's, and takes the turn to write to it.
    pub(crate) async fn take_upload<E: Effect<On = OnRepository>>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
    ) -> Result<OwnedUpload<E>> {
        self.take_upload_also(ctx, repository, id, None).await
    }

    /// `take_upload` for a request that needs a second permission.
    async fn take_upload_also<E: Effect<On = OnRepository>>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        also: Option<Op>,
    ) -> Result<OwnedUpload<E>> {
        let asked =
            Asked { ctx: ctx.clone(), repository: repository.clone(), also: also.into_iter().collect() };
        let (_, row) = self.permit_upload::<E>(&asked, id).await?;
        let turn = self.uploads_in_progress.take(&row.id).await;
        // Another request may have moved the row on before this one had its turn: the offset counts only now, and so does
        // the permission.
        let asked = Asked { ctx: ctx.later(), ..asked };
        let (permit, row) = self.permit_upload::<E>(&asked, id).await?;
        Ok(OwnedUpload { permit, row, turn, asked })
    }

    async fn permit_upload<E: Effect<On = OnRepository>>(
        &self,
        asked: &Asked,
        id: &str,
    ) -> Result<(Permit<E>, UploadRow)> {
        let gate = self.access.gate(&asked.ctx, &asked.repository, Target::Upload(id.to_owned())).await?;
        let permit = gate.permit::<E>()?;
        for op in &asked.also {
            gate.allow(*op)?;
        }
        let row = owned_row(gate.resolved().upload.as_ref(), &permit, id)?;
        Ok((permit, row))
    }

    /// Asks again for leave, with the time that it is now: while the bytes came in, a policy, a session or the user itself
    /// may have ended.
    async fn ask_again<E: Effect<On = OnRepository>>(&self, upload: &mut OwnedUpload<E>) -> Result<()> {
        upload.asked.ctx = upload.asked.ctx.later();
        let id = upload.row.id.clone();
        let (permit, _) = self.permit_upload::<E>(&upload.asked, &id).await?;
        upload.permit = permit;
        Ok(())
    }

    async fn discard(&self, repository: RepositoryKey, id: &str, at: Micros) -> Result<()> {
        let cancel = CancelUpload { repository, id: id.to_owned(), at };
        match self.access.meta.write(cancel).await {
            Ok(()) | Err(meta::OpError::Refused(_)) => Ok(()),
            Err(meta::OpError::Store(error)) => Err(store_error(error)),
        }
    }
}

fn object_key(row: &UploadRow) -> Result<ObjectKey> {
    row.object_key.parse().map_err(Error::internal)
}

/// The session if it is this repository's and this principal's; to everybody else it does not exist.
fn owned_row<E: Effect<On = OnRepository>>(
    row: Option<&UploadRow>,
    permit: &Permit<E>,
    id: &str,
) -> Result<UploadRow> {
    row.filter(|row| row.principal == permit.caller().upload_owner())
        .cloned()
        .ok_or_else(|| upload_not_found(permit, id))
}

pub(crate) fn upload_not_found<E: Effect<On = OnRepository>>(permit: &Permit<E>, id: &str) -> Error {
    let (name, account) = (&permit.row().name, &permit.account());
    Error::new(
        Code::UploadNotFound,
        format!(
            "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

fn gone_repository<E: Effect<On = OnRepository>>(permit: &Permit<E>) -> Error {
    access::authz::repository_not_found(permit.row().name.as_ref(), permit.account())
}

/// The error of a request that lost its turn; `offset` is how many bytes of the upload are recorded.
fn superseded(offset: u64) -> Error {
    let message = format!(
        "Another request went on with this upload meanwhile, which holds {offset} bytes now. Ask for the upload's status and resume there."
    );
    Error::new(Code::UploadRangeInvalid, message)
}
