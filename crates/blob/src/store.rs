//! The store of objects. Each kind of store is one variant with a folder of its own.

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use oci::digest::{Algorithm, Digest, Hasher};

use crate::append::{AppendError, Appended};
use crate::content::{Content, OpenError};
use crate::disk::{DiskStore, Found};
use crate::key::{ObjectKey, Place};
use crate::memory::Memory;
use crate::s3::S3Store;
use crate::stage::{InvalidStage, Own, Stage};

/// Bytes under opaque keys. Cheap to clone.
///
/// Its futures are on the heap: they are compiled with this crate, and not again in each crate that awaits them
/// (docs/adr/0048-the-size-of-the-binary.md).
#[derive(Clone)]
pub enum Store {
    /// Files on this machine; see [`Store::disk`].
    Disk(DiskStore),
    /// Objects in a bucket; see [`Store::s3`].
    S3(S3Store),
}

impl Store {
    /// The same store. Parts of uploads that it holds in memory are charged to this account.
    #[must_use]
    pub fn charged_to(&self, memory: Arc<dyn Memory>) -> Self {
        match self {
            Self::Disk(disk) => Self::Disk(disk.clone()),
            Self::S3(s3) => Self::S3(s3.charged_to(memory)),
        }
    }

    /// The stage of an upload that has no bytes yet.
    pub fn begin(&self, algorithm: Algorithm) -> Stage {
        let own = match self {
            Self::Disk(_) => Own::Disk,
            Self::S3(_) => Own::S3(Box::default()),
        };
        Stage::new(own, Hasher::new(algorithm))
    }

    /// The stage of an upload, from its row: from the saved stage, if there are bytes.
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
            (Self::Disk(_), Own::Disk) | (Self::S3(_), Own::S3(_)) => Ok(stage),
            (Self::Disk(_) | Self::S3(_), _) => Err(InvalidStage::Unreadable),
        }
    }

    /// Appends `body` at the end of `stage`. Bytes after that end are removed first. `limit` is the maximum length of
    /// the whole object.
    ///
    /// Returns when the bytes are durable. Memory is bounded for bodies of any size. If the returned future is dropped, the
    /// object may be longer than recorded; the next append repairs this. Appends to one object run one after another. An
    /// append that waited for one that appended bytes is refused as [`AppendError::Overtaken`].
    ///
    /// INVARIANT, for the caller: `stage` is what the row records at the time of the call. Every earlier writer has
    /// recorded its progress or never will. With an outdated stage this call removes acknowledged bytes.
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
            Self::S3(s3) => s3.append(key, stage, body, limit).await,
        }
    }

    /// Makes the bytes of a stage an object that can be read. It is called after the last append and before the
    /// object's row is written. The object is durable on return. The call can be repeated.
    pub fn finish<'a>(
        &'a self,
        key: &'a ObjectKey,
        stage: &'a Stage,
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.finish(key, stage)),
            Self::S3(s3) => Box::pin(s3.finish(key, stage)),
        }
    }

    /// Reads the first `size` bytes of an object again, for a digest whose algorithm is known only at the end.
    pub fn rehash<'a>(
        &'a self,
        key: &'a ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> BoxFuture<'a, Result<Digest, OpenError>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.rehash(key, algorithm, size)),
            Self::S3(s3) => Box::pin(s3.rehash(key, algorithm, size)),
        }
    }

    /// Opens `len` bytes of an object from `start`. `len` comes from the object's row: the stored object may be longer.
    pub fn open<'a>(
        &'a self,
        key: &'a ObjectKey,
        start: u64,
        len: u64,
    ) -> BoxFuture<'a, Result<Content, OpenError>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.open(key, start, len)),
            Self::S3(s3) => Box::pin(s3.open(key, start, len)),
        }
    }

    /// Deletes an object; false if there was none. Readers that have it open continue. After a power cut the object may
    /// exist again, as garbage without a row.
    pub fn delete<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, io::Result<bool>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.delete(key)),
            Self::S3(s3) => Box::pin(s3.delete(key)),
        }
    }

    /// The places of this store.
    pub fn places(&self) -> &'static [Place] {
        match self {
            Self::Disk(disk) => disk.places(),
            Self::S3(s3) => s3.places(),
        }
    }

    /// Copies the first `size` bytes of an object to a new key, which can be in another place. Reads the copy again and
    /// returns its digest. The copy is durable on return. The call can be repeated.
    pub fn copy<'a>(
        &'a self,
        from: &'a ObjectKey,
        to: &'a ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> BoxFuture<'a, Result<Digest, OpenError>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.copy(from, to, algorithm, size)),
            Self::S3(s3) => Box::pin(s3.copy(from, to, algorithm, size)),
        }
    }

    /// The files of a place whose keys have this first byte, for the consistency check.
    pub fn list(&self, place: Place, folder: u8) -> BoxFuture<'_, io::Result<Vec<Found>>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.list(place, folder)),
            Self::S3(s3) => Box::pin(s3.list(place, folder)),
        }
    }

    /// Moves a file that [`Store::list`] found out of the store.
    pub fn quarantine<'a>(
        &'a self,
        place: Place,
        folder: u8,
        name: &'a str,
    ) -> BoxFuture<'a, io::Result<()>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.quarantine(place, folder, name)),
            Self::S3(s3) => Box::pin(s3.quarantine(place, folder, name)),
        }
    }

    /// The stored length of an object, if it exists.
    pub fn len<'a>(&'a self, key: &'a ObjectKey) -> BoxFuture<'a, io::Result<Option<u64>>> {
        match self {
            Self::Disk(disk) => Box::pin(disk.len(key)),
            Self::S3(s3) => Box::pin(s3.len(key)),
        }
    }

    /// Whether an object of this size can only be found when [`Store::finish`] has made it one. What was appended of others
    /// is found too: it has the length, and nobody has compared its digest.
    pub fn shows_only_finished(&self, size: u64) -> bool {
        match self {
            Self::Disk(_) => false,
            Self::S3(s3) => s3.shows_only_finished(size),
        }
    }

    /// A URL with which anybody can read the object for some time, from the server that has it. None if this store has no
    /// such URLs.
    pub fn signed_url<'a>(
        &'a self,
        key: &'a ObjectKey,
        lifetime: Duration,
    ) -> BoxFuture<'a, io::Result<Option<String>>> {
        match self {
            Self::Disk(_) => Box::pin(ready(Ok(None))),
            Self::S3(s3) => Box::pin(s3.signed_url(key, lifetime)),
        }
    }
}
