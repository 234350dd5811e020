//! Pushing a blob: sessions that can be resumed, and the way from received bytes to a linked blob.
//!
//! A session belongs to one account, region, repository and principal. Its row holds the truth (offset, hash
//! state, version); bytes of the file beyond the offset count for nothing. The row changes by
//! compare-and-swap, and the blob becomes readable only in the transaction that ends the session.

use std::pin::Pin;
use std::sync::Arc;

use ::blob::fault::{self, Fault};
use ::blob::{AppendError, Appended, ObjectKey};
use bytes::Bytes;
use futures::stream::PollNext;
use futures::{FutureExt as _, Stream, StreamExt as _};
use meta::{
    AdvanceUpload, CancelUpload, CompleteUpload, CompleteUploadRefusal, CreateUpload, UploadRefusal,
    UploadRow,
};
use meta::{Micros, RepositoryKey};
use meta::{Resolve, Target};
use oci::digest::{Algorithm, Digest, Hasher};
use oci::range::ContentRange;

use crate::Registry;
use crate::authz::Permit;
use crate::context::{Ctx, RepositoryRef};
use crate::error::{Code, Error, Result};
use crate::op::effect::{self, Effect};
use crate::store::{StoreResultExt as _, blob_error, open_error, store_error};
use crate::uploads_in_progress::Turn;

/// Why a request's body ended early.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The client went away or broke the protocol.
    #[error("the request's body ended early")]
    Broken,
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
pub(crate) struct OwnedUpload<E> {
    pub(crate) permit: Permit<E>,
    pub(crate) row: UploadRow,
    turn: Turn,
}

impl Registry {
    /// Opens an upload session.
    pub async fn start_upload(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        algorithm: Algorithm,
    ) -> Result<UploadStatus> {
        let gate = self.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<effect::InitiateLayerUpload>()?;
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
        let gate = self.gate(ctx, repository, Target::Upload(id.to_owned())).await?;
        let permit = gate.permit::<effect::UploadLayerPart>()?;
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
        let upload = self.take_upload::<effect::UploadLayerPart>(ctx, repository, id).await?;
        let upload = self.append(ctx, upload, incoming).await?;
        Ok(UploadStatus { id: id.to_owned(), offset: upload.row.offset })
    }

    /// Appends the last bytes (or none), verifies the digest, and makes the blob readable.
    pub async fn finish_upload(
        self: &Arc<Self>,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
        digest: &Digest,
        incoming: Incoming,
    ) -> Result<()> {
        let mut upload = self.take_upload::<effect::CompleteLayerUpload>(ctx, repository, id).await?;
        if incoming.length != Some(0) || incoming.range.is_some() {
            upload = self.append(ctx, upload, incoming).await?;
        }
        self.complete(ctx, &upload, std::slice::from_ref(digest)).await.map(|_| ())
    }

    /// Ends a session without a blob.
    pub async fn cancel_upload(&self, ctx: &Ctx, repository: &RepositoryRef, id: &str) -> Result<()> {
        let upload = self.take_upload::<effect::UploadLayerPart>(ctx, repository, id).await?;
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
        let gate = self.gate(ctx, repository, Target::None).await?;
        gate.allow(effect::UploadLayerPart::OP)?;
        gate.allow(effect::CompleteLayerUpload::OP)?;
        let permit = gate.permit::<effect::InitiateLayerUpload>()?;
        // The session exists for the length of this request, so that the object's key is in a row before its
        // bytes are written.
        let row = self.create_upload(ctx, &permit, digest.algorithm()).await?;
        let turn = self.uploads_in_progress.take(&row.id).await;
        let upload = OwnedUpload { permit, row, turn };
        let id = upload.row.id.clone();
        let key = upload.permit.repository();
        let done = match self.append(ctx, upload, incoming).await {
            Ok(upload) => self.complete(ctx, &upload, std::slice::from_ref(digest)).await.map(|_| ()),
            Err(error) => Err(error),
        };
        if done.is_err() {
            // Nobody knows the session's id, so nobody can resume it.
            let _ = self.discard(key, &id, ctx.at()).await;
        }
        done
    }

    pub(crate) async fn create_upload<E: Effect>(
        &self,
        ctx: &Ctx,
        permit: &Permit<E>,
        algorithm: Algorithm,
    ) -> Result<UploadRow> {
        let at = ctx.at();
        let row = UploadRow {
            id: uuid::Uuid::new_v4().to_string(),
            principal: permit.caller().unique_id.clone(),
            object_key: ObjectKey::random().to_string(),
            algorithm,
            offset: 0,
            hash_state: None,
            version: 0,
            part_count: 0,
            last_part_size: 0,
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
        self.meta.write(create).await.map_err(|error| match error {
            meta::OpError::Store(error) => store_error(error),
            meta::OpError::Refused(_) => gone_repository(permit),
        })?;
        fault::hit(Fault::UploadCreated);
        Ok(row)
    }

    /// Finds the session, checks that it is the caller's, and takes the turn to write to it.
    pub(crate) async fn take_upload<E: Effect>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        id: &str,
    ) -> Result<OwnedUpload<E>> {
        let target = Target::Upload(id.to_owned());
        let gate = self.gate(ctx, repository, target.clone()).await?;
        let permit = gate.permit::<E>()?;
        let row = owned_row(gate.resolved().upload.as_ref(), &permit, id)?;
        let turn = self.uploads_in_progress.take(&row.id).await;
        // Another request may have moved the row on before this one had its turn: the offset counts only now.
        let again = Resolve {
            account_id: repository.account_id.clone(),
            region: repository.region.clone(),
            repository: Some(repository.name.to_string()),
            target,
            caller: None,
        };
        let resolved = self.meta.read(again).await.or_store_error()?;
        let row = owned_row(resolved.upload.as_ref(), &permit, id)?;
        Ok(OwnedUpload { permit, row, turn })
    }

    /// Writes the bytes and records how far they reach, also when the body ends early. It runs on a task of its
    /// own: a client that goes away must not leave the row behind the file.
    pub(crate) async fn append<E: Effect>(
        self: &Arc<Self>,
        ctx: &Ctx,
        upload: OwnedUpload<E>,
        incoming: Incoming,
    ) -> Result<OwnedUpload<E>> {
        check_range(&upload.row, &incoming)?;
        let registry = Arc::clone(self);
        let at = ctx.at();
        let task = tokio::spawn(async move { registry.append_and_record(upload, incoming, at).await });
        task.await.map_err(Error::internal)?
    }

    async fn append_and_record<E: Effect>(
        &self,
        mut upload: OwnedUpload<E>,
        incoming: Incoming,
        at: Micros,
    ) -> Result<OwnedUpload<E>> {
        let row = &upload.row;
        let hasher = match &row.hash_state {
            Some(state) => Hasher::restore(state).ok_or_else(|| Error::internal(BadHashState))?,
            None => Hasher::new(row.algorithm),
        };
        let key = object_key(row)?;
        let mut body = stop_when(incoming.body, upload.turn.superseded());
        let limit = self.settings.limits.layer_bytes;
        let appended = self.blobs.append(&key, row.offset, hasher, &mut body, Some(limit)).await;
        drop(body);
        let (appended, failure) = match appended {
            Ok(appended) => (appended, None),
            Err(AppendError::Body { appended, .. }) => (*appended, Some(client_gone())),
            Err(AppendError::TooLarge { limit }) => {
                return Err(Error::new(
                    Code::SizeInvalid,
                    format!("A layer may hold at most {limit} bytes."),
                ));
            }
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => return Err(blob_error(error)),
            Err(error @ AppendError::Missing { .. }) => return Err(Error::internal(error)),
        };
        let wrong_length = incoming.length.is_some_and(|length| length != appended.written);
        self.record(&mut upload, appended, at).await?;
        match failure {
            Some(error) => Err(error),
            None if wrong_length => Err(client_gone()),
            None => Ok(upload),
        }
    }

    async fn record<E: Effect>(
        &self,
        upload: &mut OwnedUpload<E>,
        appended: Appended,
        at: Micros,
    ) -> Result<()> {
        if appended.written == 0 {
            return Ok(());
        }
        let advance = AdvanceUpload {
            repository: upload.permit.repository(),
            id: upload.row.id.clone(),
            expected_version: upload.row.version,
            offset: appended.offset,
            hash_state: appended.hasher.save(),
            last_part_size: appended.written,
            at,
        };
        fault::hit(Fault::BeforeAdvance);
        upload.row = self.meta.write(advance).await.map_err(|error| match error {
            meta::OpError::Store(error) => store_error(error),
            meta::OpError::Refused(UploadRefusal::NotFound) => {
                upload_not_found(&upload.permit, &upload.row.id)
            }
            meta::OpError::Refused(UploadRefusal::Stale) => superseded(),
        })?;
        fault::hit(Fault::AfterAdvance);
        Ok(())
    }

    /// Verifies the bytes against the digests (one must match) and ends the session with a linked blob.
    pub(crate) async fn complete<E: Effect>(
        &self,
        ctx: &Ctx,
        upload: &OwnedUpload<E>,
        digests: &[Digest],
    ) -> Result<Digest> {
        let repository = upload.permit.repository();
        let Some(digest) = self.matching_digest(upload, digests).await? else {
            // The bytes can become nothing else: the session ends here, and its file goes.
            self.discard(repository, &upload.row.id, ctx.at()).await?;
            return Err(Error::new(
                Code::InvalidLayer,
                "None of the provided layer digests match the calculated layer digest",
            ));
        };
        fault::hit(Fault::BeforeCompleteUpload);
        let complete = CompleteUpload {
            repository,
            id: upload.row.id.clone(),
            expected_version: upload.row.version,
            digest,
            size: upload.row.offset,
            object_id: self.ids.next(ctx.now),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
        };
        let completed = self.meta.write(complete).await.map_err(|error| match error {
            meta::OpError::Store(error) => store_error(error),
            meta::OpError::Refused(CompleteUploadRefusal::NotFound) => {
                upload_not_found(&upload.permit, &upload.row.id)
            }
            meta::OpError::Refused(CompleteUploadRefusal::Stale) => superseded(),
            meta::OpError::Refused(CompleteUploadRefusal::RepositoryGone) => gone_repository(&upload.permit),
        })?;
        fault::hit(Fault::AfterCompleteUpload);
        Ok(completed.blob.digest)
    }

    async fn matching_digest<E: Effect>(
        &self,
        upload: &OwnedUpload<E>,
        digests: &[Digest],
    ) -> Result<Option<Digest>> {
        let row = &upload.row;
        if row.offset == 0 {
            return self.empty_object(upload, digests).await;
        }
        let state = row.hash_state.as_deref().and_then(Hasher::restore);
        let mut computed: Vec<Digest> = state.map(Hasher::finish).into_iter().collect();
        for digest in digests {
            if !computed.iter().any(|known| known.algorithm() == digest.algorithm()) {
                // Named with another algorithm only now: the bytes have to be read again, however many digests
                // of it a request lists, only once.
                let key = object_key(row)?;
                let again = self.blobs.rehash(&key, digest.algorithm(), row.offset).await;
                computed.push(again.map_err(open_error)?);
            }
            if computed.contains(digest) {
                return Ok(Some(*digest));
            }
        }
        Ok(None)
    }

    /// An empty blob has no append; its file is made here, so that a row never points at nothing.
    async fn empty_object<E: Effect>(
        &self,
        upload: &OwnedUpload<E>,
        digests: &[Digest],
    ) -> Result<Option<Digest>> {
        let matching = digests.iter().find(|digest| **digest == Digest::of(digest.algorithm(), b""));
        if matching.is_some() {
            let mut nothing = futures::stream::empty::<std::result::Result<Bytes, BodyError>>();
            let (key, hasher) = (object_key(&upload.row)?, Hasher::new(upload.row.algorithm));
            self.blobs.append(&key, 0, hasher, &mut nothing, None).await.map_err(Error::internal)?;
        }
        Ok(matching.copied())
    }

    async fn discard(&self, repository: RepositoryKey, id: &str, at: Micros) -> Result<()> {
        let cancel = CancelUpload { repository, id: id.to_owned(), at };
        match self.meta.write(cancel).await {
            Ok(()) | Err(meta::OpError::Refused(_)) => Ok(()),
            Err(meta::OpError::Store(error)) => Err(store_error(error)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the stored hash state of an upload does not open")]
struct BadHashState;

/// A body that ends with an error as soon as `stop` resolves.
fn stop_when(
    body: ByteStream,
    stop: impl Future<Output = ()> + Send,
) -> impl Stream<Item = std::result::Result<Bytes, BodyError>> + Send + Unpin {
    let stopped = stop.into_stream().map(|()| Err(BodyError::Broken));
    // The stream ends with the body, and at the first error.
    let ending = body.map(Some).chain(futures::stream::iter([None]));
    let both = futures::stream::select_with_strategy(stopped.map(Some), ending, |(): &mut ()| PollNext::Left);
    Box::pin(both.take_while(|item| std::future::ready(item.is_some())).filter_map(std::future::ready))
}

fn object_key(row: &UploadRow) -> Result<ObjectKey> {
    row.object_key.parse().map_err(Error::internal)
}

/// The session if it is this repository's and this principal's; to everybody else it does not exist.
fn owned_row<E: Effect>(row: Option<&UploadRow>, permit: &Permit<E>, id: &str) -> Result<UploadRow> {
    row.filter(|row| row.principal == permit.caller().unique_id)
        .cloned()
        .ok_or_else(|| upload_not_found(permit, id))
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

pub(crate) fn upload_not_found<E: Effect>(permit: &Permit<E>, id: &str) -> Error {
    let (name, account) = (&permit.row().name, &permit.account());
    Error::new(
        Code::UploadNotFound,
        format!(
            "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}

fn gone_repository<E: Effect>(permit: &Permit<E>) -> Error {
    crate::authz::repository_not_found(permit.row().name.as_ref(), permit.account())
}

fn client_gone() -> Error {
    Error::new(
        Code::ClientGone,
        "The request's body ended before all of it was received. Ask for the upload's status and resume there.",
    )
}

fn superseded() -> Error {
    Error::new(
        Code::UploadRangeInvalid,
        "Another request wrote to this upload meanwhile. Ask for its status and resume there.",
    )
}
