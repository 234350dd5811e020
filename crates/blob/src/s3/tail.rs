//! The tail of an upload: the bytes after its last whole part, stored as an object of their own.

use std::io;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use object_store::{PutResult, UpdateVersion};

use super::keys::TailPlace;
use super::progress::Tail;
use super::{S3Store, error};
use crate::key::ObjectKey;
use crate::unavailable::unavailable;

/// What is stored at a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version {
    pub(super) etag: Option<String>,
    pub(super) len: u64,
}

/// Why a tail cannot be used.
#[derive(Debug)]
pub(super) enum TailError {
    /// It does not exist, or is shorter than recorded: it has so many bytes.
    Missing(u64),
    /// It has other bytes than the stage: a request with another stage has replaced them.
    Replaced,
    Io(io::Error),
}

impl From<TailError> for io::Error {
    fn from(tail: TailError) -> Self {
        match tail {
            TailError::Missing(len) => Self::new(
                io::ErrorKind::NotFound,
                format!("{}: {len} bytes are stored", error::LAST_BYTES_MISSING),
            ),
            TailError::Replaced => Self::other("another request has replaced the last bytes of the upload"),
            TailError::Io(error) => error,
        }
    }
}

pub(super) fn sum(bytes: &[Bytes]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for chunk in bytes {
        context.update(chunk);
    }
    let mut sum = [0; 32];
    sum.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    sum
}

/// Whether these are the bytes of a tail.
fn is_of(tail: &Tail, len: u64, bytes: &Bytes) -> bool {
    bytes.len() as u64 == len && sum(std::slice::from_ref(bytes)) == tail.sha256
}

impl S3Store {
    /// What is stored at a key, if anything.
    pub(super) async fn version(&self, path: &Path) -> io::Result<Option<Version>> {
        match self.client.head(path).await {
            Ok(meta) => Ok(Some(Version { etag: meta.e_tag, len: meta.size })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error::io(error)),
        }
    }

    /// The first `len` bytes of a tail. They are the bytes of the stage.
    pub(super) async fn read_tail(&self, key: &ObjectKey, tail: &Tail, len: u64) -> Result<Bytes, TailError> {
        let mut before = None;
        for _ in 0..2 {
            let bytes = self.read_tail_once(key, tail, len).await?;
            if is_of(tail, len, &bytes) {
                return Ok(bytes);
            }
            // Bytes that were damaged on their way are not the same again.
            if bytes.len() as u64 == len && before.as_ref() == Some(&bytes) {
                return Err(TailError::Replaced);
            }
            before = Some(bytes);
        }
        Err(TailError::Io(unavailable("the bucket does not answer with the last bytes of the upload")))
    }

    async fn read_tail_once(&self, key: &ObjectKey, tail: &Tail, len: u64) -> Result<Bytes, TailError> {
        let path = self.keys.tail(key, tail.place);
        let read = || async {
            let options = GetOptions { range: Some((0..len).into()), ..GetOptions::default() };
            let found = self.client.get_opts(&path, options).await?;
            let size = found.meta.size;
            Ok((if size < len { Bytes::new() } else { found.bytes().await? }, size))
        };
        match self.repeat(read).await {
            Ok((_, size)) if size < len => Err(TailError::Missing(size)),
            Ok((bytes, _)) => Ok(bytes),
            Err(Error::NotFound { .. }) => Err(TailError::Missing(0)),
            Err(error) => Err(TailError::Io(error::io(error))),
        }
    }

    /// Stores a tail. At the object's own key it is stored only over the version that the caller knows; None if there
    /// is another one.
    pub(super) async fn put_tail(
        &self,
        key: &ObjectKey,
        place: TailPlace,
        known: Option<&Version>,
        bytes: Vec<Bytes>,
    ) -> io::Result<Option<Tail>> {
        let (path, sha256) = (self.keys.tail(key, place), sum(&bytes));
        let mode = match (place, known) {
            (TailPlace::Object, None) => PutMode::Create,
            (TailPlace::Object, Some(Version { etag: Some(etag), .. })) => {
                PutMode::Update(UpdateVersion { e_tag: Some(etag.clone()), version: None })
            }
            _ => PutMode::Overwrite,
        };
        let len = bytes.iter().map(|chunk| chunk.len() as u64).sum();
        let payload = PutPayload::from_iter(bytes);
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.repeat(|| self.client.put_opts(&path, payload.clone(), options.clone())).await {
            Ok(PutResult { e_tag, .. }) => Ok(Some(Tail { place, etag: e_tag.unwrap_or_default(), sha256 })),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                self.stored_already(key, Tail { place, etag: String::new(), sha256 }, len).await
            }
            Err(error) => Err(error::io(error)),
        }
    }

    /// The answer to a PUT can be lost, and its retry finds what it stored itself.
    async fn stored_already(&self, key: &ObjectKey, tail: Tail, len: u64) -> io::Result<Option<Tail>> {
        let version = self.version(&self.keys.tail(key, tail.place)).await?;
        let Some(Version { etag: Some(etag), len: stored }) = version else { return Ok(None) };
        if stored != len {
            return Ok(None);
        }
        match self.read_tail(key, &tail, len).await {
            Ok(_) => Ok(Some(Tail { etag, ..tail })),
            Err(TailError::Missing(_) | TailError::Replaced) => Ok(None),
            Err(TailError::Io(error)) => Err(error),
        }
    }
}
