//! Copies an object to another key, for a move between places. The copy is durable and read again on return.

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use fault::Fault;
use oci::digest::{Algorithm, Digest};

use super::DiskStore;
use super::layout::Layout;
use super::pool::Buffer;
use super::read::open_file;
use super::stream::CHUNK_BYTES;
use crate::content::OpenError;
use crate::key::ObjectKey;

impl DiskStore {
    pub(crate) async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        let source = self.path(from).map_err(OpenError::Io)?;
        let (layout, key) = (Arc::clone(self.layout_of(to.place()).map_err(OpenError::Io)?), *to);
        let job = tokio::task::spawn_blocking(move || copy_blocking(&source, &layout, &key, size));
        job.await.map_err(|error| OpenError::Io(io::Error::other(error)))??;
        self.rehash(to, algorithm, size).await
    }
}

fn copy_blocking(source: &Path, layout: &Layout, to: &ObjectKey, size: u64) -> Result<(), OpenError> {
    let mut from = open_file(source)?.take(size);
    let file = layout.disk.open(&layout.path(to), true).map_err(OpenError::Io)?;
    // A copy that was begun before is replaced.
    file.set_len(0).map_err(OpenError::Io)?;
    let mut buffer = Buffer::of(CHUNK_BYTES);
    let mut len = 0;
    loop {
        let read = match from.read(buffer.bytes()) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(OpenError::Io(error)),
        };
        file.write_all_at(buffer.bytes().get(..read).unwrap_or_default(), len).map_err(OpenError::Io)?;
        len += read as u64;
    }
    if len < size {
        return Err(OpenError::Truncated { wanted: size, len });
    }
    fault::hit(Fault::CopyWritten);
    file.sync().map_err(OpenError::Io)?;
    layout.sync_folder_of(to).map_err(OpenError::Io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DiskOptions, Place, Store};

    #[tokio::test]
    async fn a_copy_is_in_the_other_place_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::disk(folder.path().join("blobs"), DiskOptions::default()).unwrap();
        let plain = store.clone();
        let store = store.with_archive(folder.path().join("archive"), DiskOptions::default()).unwrap();
        let (from, to) = (ObjectKey::random(), ObjectKey::random_in(Place::Archive));
        let bytes = vec![7; 300_000];
        let name = from.file_name();
        std::fs::write(folder.path().join("blobs/objects").join(&name[..2]).join(&name), &bytes).unwrap();
        let digest = Digest::of(Algorithm::Sha256, &bytes[..250_000]);
        for _ in 0..2 {
            assert_eq!(store.copy(&from, &to, Algorithm::Sha256, 250_000).await.unwrap(), digest);
        }
        assert_eq!(store.len(&to).await.unwrap(), Some(250_000));
        let archive = folder.path().join("archive/objects");
        let name = to.file_name();
        assert_eq!(std::fs::read(archive.join(&name[..2]).join(&name)).unwrap(), bytes[..250_000]);
        let found = store.list(Place::Archive, to.folder()).await.unwrap();
        assert_eq!(found[0].key, Some(to));
        let long = store.copy(&from, &to, Algorithm::Sha256, 300_001).await;
        assert!(matches!(long, Err(OpenError::Truncated { .. })), "{long:?}");
        assert!(plain.len(&to).await.is_err(), "without the folder nothing is taken for missing");
        assert!(store.delete(&to).await.unwrap() && !store.delete(&to).await.unwrap());
        assert_eq!(store.len(&from).await.unwrap(), Some(300_000));
    }
}
