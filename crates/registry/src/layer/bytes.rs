//! The bytes of layers, behind permits: `access::effects` lists which permit opens which use of them. No other file of
//! this crate uses the blob store.

use std::sync::Arc;
use std::time::Duration;

use ::blob::{AppendError, Found, ObjectKey, OpenError, Place, Store, is_unavailable};
pub use ::blob::{
    Appended, Content, ContentStream, Held, Memory, Stage, UnreadPart, sending_is_refused, unread_part,
};
use access::effects::OpensBytes;
use access::effects::bytes::{Append, Check, Delete, Finish, Hash, Move, Read};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::permit::{OnRepository, Permit};
use access::store::{BlobRow, ObjectRow, UploadRow};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use oci::digest::{Algorithm, Digest};
use trace::Kind;

use super::permits::upload_not_found;
use super::upload::{BodyError, superseded};

/// The attribute of a span that has a number of bytes.
const BYTES: &str = "wharf.bytes";

/// How long a URL of the store is valid: a client follows a redirect at once, and can retry.
const SIGNED_URL_LIFETIME: Duration = Duration::from_mins(20);

/// The bytes of all layers. Cheap to clone.
#[derive(Clone)]
pub struct LayerBytes(Store);

impl From<Store> for LayerBytes {
    fn from(store: Store) -> Self {
        Self(store)
    }
}

impl LayerBytes {
    /// A key for a new object.
    pub(crate) fn new_key() -> String {
        ObjectKey::random().to_string()
    }

    /// Keys for a copy in standard storage and in the archive.
    pub(crate) fn new_keys() -> [String; 2] {
        [Place::Standard, Place::Archive].map(|place| ObjectKey::random_in(place).to_string())
    }

    /// Whether there is another storage for archived layers.
    pub(crate) fn has_archive(&self) -> bool {
        self.0.places().contains(&Place::Archive)
    }

    /// Copies an object to a new key; returns the digest of the durable copy.
    pub(crate) async fn copy<G: OpensBytes<Move>>(
        &self,
        _permit: &Permit<G>,
        (from, to): (&str, &str),
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest> {
        self.0.copy(&key(from)?, &key(to)?, algorithm, size).await.map_err(unreadable)
    }

    /// Appends to an upload at the offset in its row. If the body ends early, it returns what was written until then,
    /// and the reason.
    pub(crate) async fn append<G, S>(
        &self,
        permit: &Permit<G>,
        row: &UploadRow,
        body: &mut S,
        limit: u64,
        memory: Option<Arc<dyn Memory>>,
    ) -> Result<(Appended, Option<BodyError>)>
    where
        G: OpensBytes<Append> + Effect<On = OnRepository>,
        S: Stream<Item = std::result::Result<Bytes, BodyError>> + Unpin + Send,
    {
        let mut step = trace::begin("append bytes", Kind::Internal);
        let stage = self.stage(permit, row)?;
        let store = memory.map_or_else(|| self.0.clone(), |memory| self.0.charged_to(memory));
        match store.append(&key(&row.object_key)?, stage, body, Some(limit)).await {
            Ok(appended) => {
                step.number(BYTES, appended.written);
                Ok((appended, None))
            }
            Err(AppendError::Body { appended, source }) => {
                step.number(BYTES, appended.written);
                Ok((*appended, Some(source)))
            }
            Err(AppendError::TooLarge { limit }) => Err(too_large(limit)),
            Err(AppendError::Overtaken) => Err(superseded(row.offset)),
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => Err(failed(error)),
            Err(error @ AppendError::Missing { .. }) => Err(lost_upload(permit, row, &error)),
        }
    }

    /// The stage of a layer that has no bytes yet.
    pub(crate) fn begin(&self, algorithm: Algorithm) -> Stage {
        self.0.begin(algorithm)
    }

    /// Appends a slice of a layer from an upstream registry, whose stage is in memory. The inner error is the slice's.
    pub(crate) async fn append_slice<G, S, E>(
        &self,
        _permit: &Permit<G>,
        object: &str,
        stage: Stage,
        slice: &mut S,
        limit: u64,
    ) -> Result<std::result::Result<Stage, E>>
    where
        G: OpensBytes<Append>,
        S: Stream<Item = std::result::Result<Bytes, E>> + Unpin + Send,
        E: std::error::Error + Send + Sync + 'static,
    {
        match self.0.append(&key(object)?, stage, slice, Some(limit)).await {
            Ok(appended) => Ok(Ok(appended.stage)),
            Err(AppendError::Body { source, .. }) => Ok(Err(source)),
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => Err(failed(error)),
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// Makes the slices of a layer a readable object.
    pub(crate) async fn finish_slices<G: OpensBytes<Finish>>(
        &self,
        _permit: &Permit<G>,
        object: &str,
        stage: &Stage,
    ) -> Result<()> {
        self.0.finish(&key(object)?, stage).await.map_err(unreadable)
    }

    /// Whether bytes of a layer that is still arriving can be read. Without this, clients wait until it is complete.
    pub(crate) fn can_open_slices(&self) -> bool {
        matches!(self.0, Store::Disk(_))
    }

    /// Bytes of a layer that is still arriving, which are durable.
    pub(crate) async fn open_slices<G: OpensBytes<Read>>(
        &self,
        _permit: &Permit<G>,
        object: &str,
        start: u64,
        len: u64,
    ) -> Result<Content> {
        self.0.open(&key(object)?, start, len).await.map_err(unreadable)
    }

    /// Makes the bytes of an upload a readable object, and returns their digest.
    pub(crate) async fn finish<G>(&self, permit: &Permit<G>, row: &UploadRow) -> Result<Digest>
    where
        G: OpensBytes<Finish> + Effect<On = OnRepository>,
    {
        let _step = trace::begin("finish bytes", Kind::Internal);
        let stage = self.stage(permit, row)?;
        match self.0.finish(&key(&row.object_key)?, &stage).await {
            Err(error @ (OpenError::Missing | OpenError::Truncated { .. })) => {
                Err(lost_upload(permit, row, &error))
            }
            finished => finished.map(|()| stage.digest()).map_err(unreadable),
        }
    }

    /// The upload's stage, from its row. A stage that this version cannot read counts as none: the client starts again.
    fn stage<E: Effect<On = OnRepository>>(&self, permit: &Permit<E>, row: &UploadRow) -> Result<Stage> {
        self.0.resume(row.algorithm, row.offset, row.stage.as_deref()).map_err(|error| {
            tracing::error!(upload = %row.id, %error, "an upload cannot go on");
            upload_not_found(permit, &row.id)
        })
    }

    /// Reads the bytes of an upload again, for a digest whose algorithm was given only at the end.
    pub(crate) async fn hash<G: OpensBytes<Hash>>(
        &self,
        _permit: &Permit<G>,
        row: &UploadRow,
        algorithm: Algorithm,
    ) -> Result<Digest> {
        self.0.rehash(&key(&row.object_key)?, algorithm, row.offset).await.map_err(unreadable)
    }

    /// The bytes `[start, start + len)` of a blob.
    pub(crate) async fn open<G: OpensBytes<Read>>(
        &self,
        _permit: &Permit<G>,
        row: &BlobRow,
        start: u64,
        len: u64,
    ) -> Result<Content> {
        let mut step = trace::begin("open bytes", Kind::Internal);
        step.number(BYTES, len);
        let content = self.0.open(&key(&row.object_key)?, start, len).await.map_err(unreadable)?;
        Ok(if (start, len) == (0, row.size) { content.expect(row.digest) } else { content })
    }

    /// A URL of the store from which anybody can read a blob for a while, if the store has such URLs.
    pub(crate) async fn signed_url<G: OpensBytes<Read>>(
        &self,
        _permit: &Permit<G>,
        row: &BlobRow,
    ) -> Result<Option<String>> {
        self.0.signed_url(&key(&row.object_key)?, SIGNED_URL_LIFETIME).await.map_err(failed)
    }

    /// All bytes of a small blob, in memory.
    pub(crate) async fn read<G: OpensBytes<Read>>(&self, permit: &Permit<G>, row: &BlobRow) -> Result<Bytes> {
        let mut stream = self.open(permit, row, 0, row.size).await?.into_stream();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(failed)?;
            if chunk.len() as u64 == row.size {
                return Ok(chunk);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }

    /// What is wrong with the bytes of an object. With `quick` they are not read.
    pub(crate) async fn problem<G: OpensBytes<Check>>(
        &self,
        _permit: &Permit<G>,
        object: &ObjectRow,
        quick: bool,
    ) -> Result<Option<Problem>> {
        let lost = |text: String| Ok(Some(Problem { text, is_lost: true }));
        let Ok(key) = object.object_key.parse() else { return lost("its key is not valid".to_owned()) };
        if quick {
            return match self.0.len(&key).await.map_err(failed)? {
                None => lost("its bytes are missing".to_owned()),
                Some(len) if len < object.size => lost(format!("it has {len} of {} bytes", object.size)),
                Some(_) => Ok(None),
            };
        }
        match self.0.rehash(&key, object.digest.algorithm(), object.size).await {
            Ok(digest) if digest == object.digest => Ok(None),
            Ok(digest) => {
                // Bytes that were damaged on their way from another server are not the same again.
                let again = self.0.rehash(&key, object.digest.algorithm(), object.size).await;
                let is_lost = again.is_ok_and(|again| again == digest);
                Ok(Some(Problem { text: format!("its bytes have the digest {digest}"), is_lost }))
            }
            Err(OpenError::Missing) => lost("its bytes are missing".to_owned()),
            Err(OpenError::Truncated { wanted, len }) => lost(format!("it has {len} of {wanted} bytes")),
            Err(OpenError::Io(error)) => {
                let text = format!("its bytes cannot be read: {error}");
                Ok(Some(Problem { text, is_lost: error.raw_os_error() == Some(EIO) }))
            }
        }
    }

    /// The folders of the store: the first bytes of the keys of each place.
    pub(crate) fn folders(&self) -> impl Iterator<Item = Folder> {
        let places = self.0.places().iter();
        places.flat_map(|place| (0..=u8::MAX).map(|byte| Folder { place: *place, byte }))
    }

    /// The files of a folder of the store.
    pub(crate) async fn list<G: OpensBytes<Check>>(
        &self,
        _permit: &Permit<G>,
        folder: Folder,
    ) -> Result<Vec<Found>> {
        self.0.list(folder.place, folder.byte).await.map_err(failed)
    }

    /// Whether a file that was listed still exists.
    pub(crate) async fn is_there<G: OpensBytes<Check>>(
        &self,
        _permit: &Permit<G>,
        file: &Found,
    ) -> Result<bool> {
        match &file.key {
            Some(key) => Ok(self.0.len(key).await.map_err(failed)?.is_some()),
            None => Ok(true),
        }
    }

    /// Moves a file out of the store.
    pub(crate) async fn quarantine<G: OpensBytes<Check>>(
        &self,
        _permit: &Permit<G>,
        folder: Folder,
        name: &str,
    ) -> Result<()> {
        self.0.quarantine(folder.place, folder.byte, name).await.map_err(failed)
    }

    /// Deletes an object without a row.
    pub(crate) async fn delete<G: OpensBytes<Delete>>(
        &self,
        _permit: &Permit<G>,
        object: &str,
    ) -> Result<()> {
        self.0.delete(&key(object)?).await.map(|_| ()).map_err(failed)
    }
}

/// The error of a disk that cannot read. Any other error, such as too many open files, says nothing about the bytes.
const EIO: i32 = 5;

/// What is wrong with the bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) text: String,
    /// The bytes are lost. If not, they could not be read now.
    pub(crate) is_lost: bool,
}

/// A folder of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    place: Place,
    byte: u8,
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.place == Place::Archive { "archive: " } else { "" };
        write!(f, "{place}objects/{:02x}", self.byte)
    }
}

/// The error for a layer with more bytes than the limit.
pub(crate) fn too_large(limit: u64) -> Error {
    Error::new(Code::SizeInvalid, format!("A layer may hold at most {limit} bytes."))
}

fn key(text: &str) -> Result<ObjectKey> {
    text.parse().map_err(Error::internal)
}

/// The error for an upload whose bytes the store has lost: the client begins again.
fn lost_upload<E: Effect<On = OnRepository>>(
    permit: &Permit<E>,
    row: &UploadRow,
    error: &dyn std::error::Error,
) -> Error {
    tracing::error!(upload = %row.id, offset = row.offset, %error, "the store has lost bytes of an upload");
    upload_not_found(permit, &row.id)
}

/// The error for a blob with a row whose bytes cannot be read.
fn unreadable(error: OpenError) -> Error {
    match error {
        OpenError::Io(error) => failed(error),
        error => Error::internal(error),
    }
}

/// The error for a failure of the blob store.
pub fn failed(error: std::io::Error) -> Error {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    // A layer that arrives fails with the answer for the client: what the upstream registry did.
    let error = match error.downcast::<Error>() {
        Ok(known) => return known,
        Err(error) => error,
    };
    if is_unavailable(&error) {
        return Error::unavailable(error);
    }
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        tracing::error!(%error, "the blob store has no space left");
        return Error::new(Code::OutOfSpace, "The registry has no space left. Tell its operator.");
    }
    Error::internal(error)
}
