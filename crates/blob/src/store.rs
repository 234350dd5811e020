//! The store: where an object's bytes go and come from. Each kind of store is one variant with a folder of its own.

use std::io;

use bytes::Bytes;
use futures::Stream;
use oci::digest::{Algorithm, Digest, Hasher};

use crate::append::{AppendError, Appended};
use crate::content::{Content, OpenError};
use crate::disk::DiskStore;
use crate::key::ObjectKey;
use crate::stage::{InvalidStage, Own, Stage};

/// Bytes under opaque keys. Cheap to clone.
#[derive(Clone)]
pub enum Store {
    /// Files on this machine; made by [`Store::disk`].
    Disk(DiskStore),
}

impl Store {
    /// The stage of an upload that has no bytes yet.
    pub fn begin(&self, algorithm: Algorithm) -> Stage {
        let own = match self {
            Self::Disk(_) => Own::Disk,
        };
        Stage::new(own, Hasher::new(algorithm))
    }

    /// The stage of an upload from its row: of what is saved there, if bytes have come.
    pub fn resume(
        &self,
        algorithm: Algorithm,
        offset: u64,
        saved: Option<&[u8]>,
    ) -> Result<Stage, InvalidStage> {
        let stage = match saved {
            Some(saved) => Stage::restore(saved, algorithm, offset)?,
            None if offset == 0 => self.begin(algorithm),
            None => return Err(InvalidStage::Mismatch),
        };
        match (self, stage.own()) {
            (Self::Disk(_), Own::Disk) => Ok(stage),
        }
    }

    /// Appends `body` where `stage` ends; what lies behind it is cut off first. `limit` is how long the object may
    /// become in all.
    ///
    /// Returns when the bytes are durable. Memory is bounded whatever the size of the body. An append of nothing at
    /// offset 0 makes an empty object. If the returned future is dropped the object may be longer than recorded, which
    /// the next append mends. Appends to one object come one after the other; one that waited for another, which then
    /// took bytes, is refused as [`AppendError::Overtaken`].
    ///
    /// INVARIANT, for the caller: `stage` is still what the row records when this is called, that is, whoever wrote
    /// before has recorded its progress or never will. With a stage that has been overtaken this cuts off bytes that
    /// are acknowledged.
    pub async fn append<S, E>(
        &self,
        key: &ObjectKey,
        stage: Stage,
        body: &mut S,
        limit: Option<u64>,
    ) -> Result<Appended, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    {
        match self {
            Self::Disk(disk) => disk.append(key, stage, body, limit).await,
        }
    }

    /// Makes the bytes of a stage an object that can be read: after the last append, before the object's row. The object
    /// is durable on return. May be called again.
    pub async fn finish(&self, key: &ObjectKey, stage: &Stage) -> Result<(), OpenError> {
        match self {
            Self::Disk(disk) => disk.finish(key, stage).await,
        }
    }

    /// Reads the first `size` bytes of an object again, for a digest whose algorithm was named only at the end.
    pub async fn rehash(
        &self,
        key: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        match self {
            Self::Disk(disk) => disk.rehash(key, algorithm, size).await,
        }
    }

    /// Opens `len` bytes of an object from `start`. `len` comes from the object's row: what is stored may be longer.
    pub async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        match self {
            Self::Disk(disk) => disk.open(key, start, len).await,
        }
    }

    /// Deletes an object; false if there was none. Readers that have it open read on. A power cut may bring the object
    /// back, as garbage that no row knows.
    pub async fn delete(&self, key: &ObjectKey) -> io::Result<bool> {
        match self {
            Self::Disk(disk) => disk.delete(key).await,
        }
    }

    /// How many bytes are stored for an object, if it exists.
    pub async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        match self {
            Self::Disk(disk) => disk.len(key).await,
        }
    }
}
