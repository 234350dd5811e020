//! The store on disk: an object is a file, and an append returns when the file and its folder are synced.

mod append;
mod copy;
mod file_system;
mod folder_sync;
mod layout;
mod listing;
mod missing;
mod pool;
mod read;
mod store_id;
mod stream;
mod unread;
mod writer;

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fault::Fault;
use futures::Stream;
use oci::digest::{Algorithm, Digest};

use crate::append::{AppendError, Appended};
use crate::content::{Content, OpenError};
use crate::key::{ObjectKey, Place};
use crate::stage::Stage;
use crate::store::Store;
use crate::turn::Turns;

pub use file_system::{Disk, DiskFile, LocalDisk};
use layout::Layout;
pub use listing::Found;
use missing::missing;
pub use store_id::{STORE_ID_FILE, store_id};
pub(crate) use stream::FileStream;
pub use unread::{UnreadPart, unread_part};
use writer::Writer;

/// Objects as files. Cheap to clone.
#[derive(Clone)]
pub struct DiskStore {
    layout: Arc<Layout>,
    /// The folder of archived objects, if there is one.
    archive: Option<Arc<Layout>>,
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
        Ok(Self::Disk(DiskStore { layout: Arc::new(layout), archive: None, turns: Arc::default() }))
    }
}

impl Store {
    /// The same store with a folder for archived objects, which can be on another disk. This call blocks.
    pub fn with_archive(self, root: impl Into<PathBuf>, options: DiskOptions) -> io::Result<Self> {
        let root = std::path::absolute(root.into())?;
        let archive = Some(Arc::new(Layout::open(&root, options.disk)?));
        match self {
            Self::Disk(disk) => Ok(Self::Disk(DiskStore { archive, ..disk })),
            Self::S3(_) => Err(io::Error::other("only a store on disk has a folder for archived objects")),
        }
    }
}

/// The ID of the store in this folder, which is opened already. It is created, if there is none. This call blocks.
pub fn ensure_store_id(root: &Path, options: &DiskOptions) -> io::Result<String> {
    store_id::ensure_store_id(root, &*options.disk)
}

impl DiskStore {
    pub(crate) fn places(&self) -> &'static [Place] {
        if self.archive.is_some() { &[Place::Standard, Place::Archive] } else { &[Place::Standard] }
    }

    fn layout_of(&self, place: Place) -> io::Result<&Arc<Layout>> {
        match place {
            Place::Standard => Ok(&self.layout),
            Place::Archive => self.archive.as_ref().ok_or_else(|| {
                io::Error::other("the object is in the archive, and blobs.archive_path is not set")
            }),
        }
    }

    fn path(&self, key: &ObjectKey) -> io::Result<PathBuf> {
        Ok(self.layout_of(key.place())?.path(key))
    }

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
        let writer = Box::new(Writer::new(
            Arc::clone(self.layout_of(key.place()).map_err(AppendError::Io)?),
            turn,
            stage.offset(),
        ));
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
        read::rehash(self.path(key).map_err(OpenError::Io)?, algorithm, size).await
    }

    pub(crate) async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        read::open(&self.path(key).map_err(OpenError::Io)?, start, len).await
    }

    /// Not synced: if a power cut restores the file, it is garbage without a row.
    pub(crate) async fn delete(&self, key: &ObjectKey) -> io::Result<bool> {
        let (layout, path) = (Arc::clone(self.layout_of(key.place())?), self.path(key)?);
        let job = tokio::task::spawn_blocking(move || match layout.disk.remove(&path) {
            Ok(()) => {
                fault::hit(Fault::Deleted);
                Ok(true)
            }
            Err(error) => missing(&path, error).map(|()| false),
        });
        job.await.map_err(io::Error::other)?
    }

    pub(crate) async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        let path = self.path(key)?;
        let job = tokio::task::spawn_blocking(move || match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) => missing(&path, error).map(|()| None),
        });
        job.await.map_err(io::Error::other)?
    }
}
