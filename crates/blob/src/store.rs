//! The store: where an object's bytes go and come from.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use fault::Fault;
use futures::Stream;
use oci::digest::{Algorithm, Digest, Hasher};

use crate::append::{self, AppendError, Appended};
use crate::content::{self, Content, OpenError};
use crate::disk::{Disk, LocalDisk};
use crate::key::ObjectKey;
use crate::layout::Layout;
use crate::turn::Turns;
use crate::writer::Writer;

/// Bytes under opaque keys. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    layout: Arc<Layout>,
    turns: Arc<Turns>,
}

/// How a store on disk behaves.
pub struct DiskOptions {
    /// The file system; tests bring one whose power can be cut.
    pub disk: Arc<dyn Disk>,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { disk: Arc::new(LocalDisk) }
    }
}

impl Store {
    /// A store in the folder `root`, which is made if it is missing. Blocks: the first start makes and syncs the
    /// folders, later ones read one small file.
    pub fn disk(root: impl Into<PathBuf>, options: DiskOptions) -> io::Result<Self> {
        let root = std::path::absolute(root.into())?;
        let layout = Layout::open(&root, options.disk)?;
        Ok(Self { layout: Arc::new(layout), turns: Arc::default() })
    }

    /// Appends `body` at `offset`, the length that the upload's row records; what lies behind it is cut off first.
    /// `hasher` has seen exactly the bytes up to `offset`. `limit` is how long the object may become in all.
    ///
    /// Returns when file and folder are synced. Memory is bounded whatever the size of the body. An append of nothing
    /// at offset 0 makes an empty object. If the returned future is dropped the object may be longer than recorded,
    /// which the next append mends. Appends to one object come one after the other.
    ///
    /// INVARIANT, for the caller: `offset` is still what the row records when this is called, that is, whoever wrote
    /// before has recorded its progress or never will. With an offset that has been overtaken this cuts off bytes
    /// that are acknowledged.
    pub async fn append<S, E>(
        &self,
        key: &ObjectKey,
        offset: u64,
        hasher: Hasher,
        body: &mut S,
        limit: Option<u64>,
    ) -> Result<Appended, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    {
        let turn = self.turns.take(key).await;
        let writer = Writer::new(Arc::clone(&self.layout), turn, offset, hasher);
        append::append(writer, body, limit).await
    }

    /// Reads the first `size` bytes of an object again, for a digest whose algorithm was named only at the end.
    pub async fn rehash(
        &self,
        key: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        content::rehash(self.layout.path(key), algorithm, size).await
    }

    /// Opens `len` bytes of an object from `start`. `len` comes from the object's row: the file itself may be longer.
    pub async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        content::open(&self.layout.path(key), start, len).await
    }

    /// Deletes an object; false if there was none. Readers that have it open read on. Not synced: a
    /// power cut may bring the file back, as garbage that no row knows.
    pub async fn delete(&self, key: &ObjectKey) -> io::Result<bool> {
        let (layout, path) = (Arc::clone(&self.layout), self.layout.path(key));
        let job = tokio::task::spawn_blocking(move || match layout.disk.remove(&path) {
            Ok(()) => {
                fault::hit(Fault::Deleted);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        });
        job.await.map_err(io::Error::other)?
    }

    /// How long an object's file is, if it exists.
    pub async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        let path = self.layout.path(key);
        let job = tokio::task::spawn_blocking(move || match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        job.await.map_err(io::Error::other)?
    }
}
