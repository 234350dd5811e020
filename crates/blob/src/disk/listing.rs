//! Lists the files of the store and moves files out of it, for the consistency check. Nothing else lists a store.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::DiskStore;
use crate::key::{ObjectKey, Place};

/// A file of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Its key, if the name is one and the file is in the folder of that key.
    pub key: Option<ObjectKey>,
    /// Its length.
    pub len: u64,
}

/// The folder of files that were moved out of the store.
const QUARANTINE: &str = "quarantine";

impl DiskStore {
    pub(crate) async fn list(&self, place: Place, folder: u8) -> io::Result<Vec<Found>> {
        let layout = Arc::clone(self.layout_of(place)?);
        let job = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            for file in std::fs::read_dir(layout.folder(folder)?)? {
                let file = file?;
                let len = match file.metadata() {
                    Ok(metadata) => metadata.len(),
                    // It was removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let name = file.file_name().to_string_lossy().into_owned();
                let key = ObjectKey::of_file(place, &name).ok().filter(|key| key.folder() == folder);
                found.push(Found { name, key, len });
            }
            Ok(found)
        });
        job.await.map_err(io::Error::other)?
    }

    pub(crate) async fn quarantine(&self, place: Place, folder: u8, name: &str) -> io::Result<()> {
        if Path::new(name).components().count() != 1 || name == ".." {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
        }
        let (layout, name) = (Arc::clone(self.layout_of(place)?), name.to_owned());
        let job = tokio::task::spawn_blocking(move || {
            let (from, root) = (layout.folder(folder)?.to_owned(), layout.root()?.to_owned());
            let to = root.join(QUARANTINE);
            layout.disk.make_folder(&to)?;
            layout.disk.sync_folder(&root)?;
            std::fs::rename(from.join(&name), to.join(&name))?;
            layout.disk.sync_folder(&to)?;
            layout.disk.sync_folder(&from)
        });
        job.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DiskOptions, Store};

    #[tokio::test]
    async fn files_are_listed_and_moved_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::disk(folder.path(), DiskOptions::default()).unwrap();
        let key = ObjectKey::from_bytes([7; 16]);
        let place = folder.path().join("objects/07");
        std::fs::write(place.join(key.to_string()), b"bytes").unwrap();
        std::fs::write(place.join("other"), b"").unwrap();
        let mut found = store.list(Place::Standard, 7).await.unwrap();
        found.sort_by_key(|file| file.len);
        assert_eq!(found[0], Found { name: "other".to_owned(), key: None, len: 0 });
        assert_eq!(found[1], Found { name: key.to_string(), key: Some(key), len: 5 });
        store.quarantine(Place::Standard, 7, &key.to_string()).await.unwrap();
        assert_eq!(store.list(Place::Standard, 7).await.unwrap().len(), 1);
        assert_eq!(std::fs::read(folder.path().join("quarantine").join(key.to_string())).unwrap(), b"bytes");
        for bad in ["..", "../00", "a/b", "/etc/passwd"] {
            assert!(store.quarantine(Place::Standard, 7, bad).await.is_err(), "{bad}");
        }
    }
}
