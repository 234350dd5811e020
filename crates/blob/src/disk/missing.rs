//! Tells a file that does not exist from a disk that is not there.

use std::io;
use std::path::Path;

/// The file at `path` could not be opened. `Ok` if it does not exist, and otherwise the error.
///
/// The folders of a store always exist. If the folder of the file is missing, its disk is not mounted, and nothing can be
/// said about the file.
pub(super) fn missing(path: &Path, error: io::Error) -> io::Result<()> {
    if error.kind() != io::ErrorKind::NotFound {
        return Err(error);
    }
    match path.parent() {
        Some(folder) if !folder.is_dir() => Err(io::Error::other(format!(
            "the folder {} of the store does not exist: is its disk mounted?",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::key::ObjectKey;
    use crate::{DiskOptions, OpenError, Store};

    #[tokio::test]
    async fn without_its_folder_a_file_is_not_called_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("blobs");
        let store = Store::disk(&root, DiskOptions::default()).unwrap();
        let key = ObjectKey::random();
        assert!(matches!(store.open(&key, 0, 1).await, Err(OpenError::Missing)));
        assert!(!store.delete(&key).await.unwrap());
        std::fs::rename(root.join("objects"), folder.path().join("away")).unwrap();
        assert!(matches!(store.open(&key, 0, 1).await, Err(OpenError::Io(_))));
        let algorithm = oci::digest::Algorithm::Sha256;
        assert!(matches!(store.rehash(&key, algorithm, 1).await, Err(OpenError::Io(_))));
        let text = store.delete(&key).await.unwrap_err().to_string();
        assert!(text.contains("is its disk mounted"), "{text}");
        assert!(store.len(&key).await.is_err());
    }
}
