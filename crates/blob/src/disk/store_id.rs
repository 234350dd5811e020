//! The ID of a store: a small file beside the objects. Who opens the store keeps the ID in the database too. So an empty
//! folder, where another disk should be mounted, is not taken for the store.

use std::io;
use std::path::Path;

use super::file_system::Disk;
use crate::key::ObjectKey;

/// The name of the file in the folder of the store.
pub const STORE_ID_FILE: &str = "store-id";

/// The ID of the store in this folder, if there is one. This call blocks.
///
/// A file that a power cut left empty or incomplete counts as missing.
pub fn store_id(root: &Path) -> io::Result<Option<String>> {
    match std::fs::read(root.join(STORE_ID_FILE)) {
        Ok(text) => {
            let text = String::from_utf8(text).unwrap_or_default();
            Ok(text.trim().parse().ok().map(|id: ObjectKey| id.to_string()))
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The ID of the store in this folder. It is created and durable on return, if there is none. This call blocks.
pub(super) fn ensure_store_id(root: &Path, disk: &dyn Disk) -> io::Result<String> {
    if let Some(id) = store_id(root)? {
        return Ok(id);
    }
    let id = ObjectKey::random().to_string();
    let file = disk.open(&root.join(STORE_ID_FILE), true)?;
    file.set_len(0)?;
    file.write_all_at(format!("{id}\n").as_bytes(), 0)?;
    file.sync()?;
    disk.sync_folder(root)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LocalDisk;

    #[test]
    fn an_id_is_kept_and_an_incomplete_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(store_id(root).unwrap(), None);
        assert_eq!(store_id(&root.join("missing")).unwrap(), None);
        let id = ensure_store_id(root, &LocalDisk).unwrap();
        assert_eq!(ensure_store_id(root, &LocalDisk).unwrap(), id);
        assert_eq!(store_id(root).unwrap(), Some(id.clone()));
        for torn in [id.get(..9).unwrap(), "", "\0\0\0\0"] {
            std::fs::write(root.join(STORE_ID_FILE), torn).unwrap();
            assert_eq!(store_id(root).unwrap(), None);
            assert_ne!(ensure_store_id(root, &LocalDisk).unwrap(), id);
        }
    }
}
