//! The store on disk: an object is a file, and an append returns when the file and its folder are synced.

mod append;
mod file_system;
mod folder_sync;
mod layout;
mod listing;
mod pool;
mod read;
mod stream;
mod turn;
mod writer;

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use fault::Fault;
use futures::Stream;
use oci::digest::{Algorithm, Digest};

use crate::append::{AppendError, Appended};
use crate::content::{Content, OpenError};
use crate::key::ObjectKey;
use crate::stage::Stage;
use crate::store::Store;

pub use file_system::{Disk, DiskFile, LocalDisk};
use layout::Layout;
pub use listing::Found;
pub(crate) use stream::FileStream;
use turn::Turns;
use writer::Writer;

/// Objects as files. Cheap to clone.
#[derive(Clone)]
pub struct DiskStore {
    layout: Arc<Layout>,
    turns: Arc<Turns>,
}

/// The settings of a store on disk.
pub struct DiskOptions {
    /// The file system; tests use one whose power can be cut.
    pub disk: Arc<dyn Disk>,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self { disk: Arc::new(LocalDisk) }
    }
}

impl Store {
    /// Opens the store in the folder `root`, which is created if it is missing. This call blocks: the first start
    /// creates and syncs the folders, later starts read one small file.
    pub fn disk(root: impl Into<PathBuf>, options: DiskOptions) -> io::Result<Self> {
        let root = std::path::absolute(root.into())?;
        let layout = Layout::open(&root, options.disk)?;
        Ok(Self::Disk(DiskStore { layout: Arc::new(layout), turns: Arc::default() }))
    }
}

impl DiskStore {
    pub(crate) async fn append<S, E>(
        &self,
        key: &ObjectKey,
        stage: Stage,
        body: &mut S,
        limit: Option<u64>,
    ) -> Result<Appended, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    {
        let turn = self.turns.take(key).await.ok_or(AppendError::Overtaken)?;
        let writer = Box::new(Writer::new(Arc::clone(&self.layout), turn, stage.offset()));
        append::append(writer, stage, body, limit).await
    }

    /// The appended bytes are the object already. An object without bytes may not have had an append.
    pub(crate) async fn finish(&self, key: &ObjectKey, stage: &Stage) -> Result<(), OpenError> {
        if stage.offset() > 0 {
            return Ok(());
        }
        let mut nothing = futures::stream::empty::<Result<Bytes, Infallible>>();
        match self.append(key, stage.clone(), &mut nothing, None).await {
            Ok(_) => Ok(()),
            Err(AppendError::DiskFull(error) | AppendError::Io(error)) => Err(OpenError::Io(error)),
            Err(error) => Err(OpenError::Io(io::Error::other(error))),
        }
    }

    pub(crate) async fn rehash(
        &self,
        key: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        read::rehash(self.layout.path(key), algorithm, size).await
    }

    pub(crate) async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        read::open(&self.layout.path(key), start, len).await
    }

    /// Not synced: if a power cut restores the file, it is garbage without a row.
    pub(crate) async fn delete(&self, key: &ObjectKey) -> io::Result<bool> {
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

    pub(crate) async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        let path = self.layout.path(key);
        let job = tokio::task::spawn_blocking(move || match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        job.await.map_err(io::Error::other)?
    }
}
