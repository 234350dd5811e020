//! Where objects lie on disk: `objects/ab/ab…`, one folder for each first byte of the key, all made beforehand.
//!
//! A file is created under its final name and never renamed, so making it durable takes one sync of the file and one
//! of a folder that is known to be durable itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_system::Disk;
use super::folder_sync::FolderSync;
use crate::key::ObjectKey;

/// Tells that all folders are there and durable. A later layout gets another text.
const MARKER: &str = "layout";
const MARKER_TEXT: &[u8] = b"wharf objects 1\n";

/// A marker that a power cut has left empty, in part or as zeros counts as none.
fn is_torn(text: &[u8]) -> bool {
    MARKER_TEXT.starts_with(text) || text.iter().all(|byte| *byte == 0)
}

/// The folders of a store and the disk they are on.
pub(crate) struct Layout {
    pub(crate) disk: Arc<dyn Disk>,
    folders: Vec<(PathBuf, FolderSync)>,
    objects: PathBuf,
}

/// Makes a folder, and those above it that are missing. Each is durable in the one above it: else a power cut could
/// take the whole tree with all that is synced inside.
fn make_durable(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent() else { return Ok(()) };
    if !parent.is_dir() {
        make_durable(disk, parent)?;
    }
    disk.make_folder(folder)?;
    disk.sync_folder(parent)
}

impl Layout {
    /// Makes the folders at the first start; afterwards looks only at the marker.
    pub(crate) fn open(root: &Path, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let objects = root.join("objects");
        let folders =
            (0..=u8::MAX).map(|byte| (objects.join(format!("{byte:02x}")), FolderSync::default())).collect();
        let layout = Self { disk, folders, objects };
        match std::fs::read(root.join(MARKER)) {
            Ok(text) if text == MARKER_TEXT => Ok(layout),
            Ok(text) if !is_torn(&text) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the folder of blobs was laid out by another version of this program",
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

    /// The file of an object. A key is 32 hexadecimal digits by construction; nothing else becomes a path.
    pub(crate) fn path(&self, key: &ObjectKey) -> PathBuf {
        let name = key.to_string();
        match self.folders.get(usize::from(key.folder())) {
            Some((folder, _)) => folder.join(name),
            None => self.objects.join(name),
        }
    }

    /// Makes the names in the folder of an object durable, together with others who ask for the same.
    pub(crate) fn sync_folder_of(&self, key: &ObjectKey) -> io::Result<()> {
        match self.folders.get(usize::from(key.folder())) {
            Some((path, sync)) => sync.run(|| self.disk.sync_folder(path)),
            None => Err(io::Error::other("no such folder")),
        }
    }
}
