//! Where objects are on disk: `objects/ab/ab…`, one folder for each first byte of the key. All folders are created in
//! advance.
//!
//! A file is created with its final name and never renamed. To make it durable, one sync of the file and one of its
//! folder are enough, because the folder itself is durable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_system::Disk;
use super::folder_sync::FolderSync;
use crate::key::ObjectKey;

/// Shows that all folders exist and are durable. A later layout gets another text.
const MARKER: &str = "layout";
const MARKER_TEXT: &[u8] = b"wharf objects 1\n";

/// A marker that a power cut left empty, incomplete or full of zeros counts as missing.
fn is_torn(text: &[u8]) -> bool {
    MARKER_TEXT.starts_with(text) || text.iter().all(|byte| *byte == 0)
}

/// The folders of a store and their disk.
pub(crate) struct Layout {
    pub(crate) disk: Arc<dyn Disk>,
    folders: Vec<(PathBuf, FolderSync)>,
    objects: PathBuf,
}

/// Creates a folder and its missing parents. Each is made durable in its parent: otherwise a power cut could remove the
/// whole tree with everything that was synced in it.
fn make_durable(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    if !parent.is_dir() {
        make_durable(disk, parent)?;
    }
    disk.make_folder(folder)?;
    disk.sync_folder(parent)
}

impl Layout {
    /// Creates the folders at the first start. Later starts read only the marker.
    pub(crate) fn open(root: &Path, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let objects = root.join("objects");
        let folders =
            (0..=u8::MAX).map(|byte| (objects.join(format!("{byte:02x}")), FolderSync::default())).collect();
        let layout = Self { disk, folders, objects };
        match std::fs::read(root.join(MARKER)) {
            Ok(text) if text == MARKER_TEXT => Ok(layout),
            Ok(text) if !is_torn(&text) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the folder of blobs has the layout of another version of this program",
            )),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => layout.make(root).map(|()| layout),
        }
    }

    fn make(&self, root: &Path) -> io::Result<()> {
        let disk = &*self.disk;
        make_durable(disk, root)?;
        disk.make_folder(&self.objects)?;
        for (folder, _) in &self.folders {
            disk.make_folder(folder)?;
        }
        for (folder, _) in &self.folders {
            disk.sync_folder(folder)?;
        }
        disk.sync_folder(&self.objects)?;
        disk.sync_folder(root)?;
        let marker = disk.open(&root.join(MARKER), true)?;
        marker.write_all_at(MARKER_TEXT, 0)?;
        marker.sync()?;
        disk.sync_folder(root)
    }

    /// The folder of the keys with this first byte.
    pub(crate) fn folder(&self, byte: u8) -> io::Result<&Path> {
        let folder = self.folders.get(usize::from(byte)).map(|(path, _)| path.as_path());
        folder.ok_or_else(|| io::Error::other("no such folder"))
    }

    /// The folder of the store.
    pub(crate) fn root(&self) -> io::Result<&Path> {
        self.objects.parent().ok_or_else(|| io::Error::other("no such folder"))
    }

    /// The file of an object. A key is always 32 hexadecimal digits; nothing else becomes a path.
    pub(crate) fn path(&self, key: &ObjectKey) -> PathBuf {
        let name = key.file_name();
        match self.folders.get(usize::from(key.folder())) {
            Some((folder, _)) => folder.join(name),
            None => self.objects.join(name),
        }
    }

    /// Makes the names in the folder of an object durable. Concurrent callers share the sync.
    pub(crate) fn sync_folder_of(&self, key: &ObjectKey) -> io::Result<()> {
        match self.folders.get(usize::from(key.folder())) {
            Some((path, sync)) => sync.run(|| self.disk.sync_folder(path)),
            None => Err(io::Error::other("no such folder")),
        }
    }
}
