//! The stores of blobs of a move. The new store has the ID of the move, so an interrupted move finds it again, and no node
//! takes it for the old one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blob::disk::{STORE_ID_FILE, store_id};
use blob::{ObjectKey, Place, Store};
use meta::{GetSetting, Meta};

use crate::blob_store::{ARCHIVE, BlobFolders, BlobStore, STANDARD, open_folders};
use crate::files;

/// A store of blobs, and whether an interrupted move has written to it.
pub(crate) struct Blobs {
    pub(crate) store: Store,
    pub(crate) is_resumed: bool,
}

impl Blobs {
    /// Opens the store of the source.
    pub(crate) async fn of_source(blobs: &BlobStore) -> anyhow::Result<Store> {
        open(blobs).await
    }

    /// Opens the store of the destination, which is empty or the one of this move.
    pub(crate) async fn of_destination(blobs: &BlobStore, id: &str) -> anyhow::Result<Self> {
        if let BlobStore::Folders(folders) = blobs {
            for root in roots(folders) {
                files::make_private_folder(&root)?;
            }
        }
        let store = open(blobs).await?;
        let found = ids(blobs, &store).await?;
        if found.iter().flatten().any(|found| found != id) {
            bail!("the store of blobs of --to belongs to another database: name an empty one");
        }
        let is_resumed = found.iter().any(Option::is_some);
        if !is_resumed {
            check_empty(&store).await?;
        }
        write_ids(blobs, &store, &[id.parse()?, id.parse()?]).await?;
        Ok(Self { store, is_resumed })
    }
}

fn roots(folders: &BlobFolders) -> Vec<PathBuf> {
    [Some(&folders.standard), folders.archive.as_ref()].into_iter().flatten().cloned().collect()
}

async fn open(blobs: &BlobStore) -> anyhow::Result<Store> {
    match blobs {
        BlobStore::Folders(folders) => open_folders(folders).await,
        BlobStore::Bucket(bucket) => {
            Store::s3(&bucket.options()?).with_context(|| format!("cannot open the bucket {}", bucket.url))
        }
    }
}

/// The IDs of the store, and of its archive, if there is one.
async fn ids(blobs: &BlobStore, store: &Store) -> anyhow::Result<Vec<Option<String>>> {
    match (blobs, store) {
        (BlobStore::Folders(folders), _) => roots(folders).iter().map(|root| id_of_folder(root)).collect(),
        (BlobStore::Bucket(bucket), Store::S3(s3)) => {
            let id = s3.store_id().await.with_context(|| format!("cannot read the bucket {}", bucket.url))?;
            Ok(vec![id])
        }
        (BlobStore::Bucket(_), Store::Disk(_)) => bail!("not a bucket"),
    }
}

/// Whether the store has the ID of one of these moves: the end of the move has given it to the destination, or has begun to.
pub(crate) async fn is_given_away(
    blobs: &BlobStore,
    is_current: impl AsyncFn(&str) -> anyhow::Result<bool>,
) -> anyhow::Result<bool> {
    let found = match blobs {
        // It is not created.
        BlobStore::Folders(folders) => roots(folders).iter().map(|root| id_of_folder(root)).collect(),
        BlobStore::Bucket(_) => ids(blobs, &open(blobs).await?).await,
    };
    for id in found?.iter().flatten() {
        if is_current(id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn id_of_folder(root: &Path) -> anyhow::Result<Option<String>> {
    store_id(root).with_context(|| format!("cannot read {}", root.join(STORE_ID_FILE).display()))
}

/// Writes the IDs of the store and of its archive.
async fn write_ids(blobs: &BlobStore, store: &Store, new: &[ObjectKey; 2]) -> anyhow::Result<()> {
    match (blobs, store) {
        (BlobStore::Folders(folders), _) => {
            for (root, id) in roots(folders).iter().zip(new) {
                files::write_private(&root.join(STORE_ID_FILE), format!("{id}\n").as_bytes())?;
            }
            Ok(())
        }
        (BlobStore::Bucket(_), Store::S3(s3)) => {
            let [id, _] = new;
            s3.write_store_id(id).await.context("cannot write the ID of the store to the bucket")
        }
        (BlobStore::Bucket(_), Store::Disk(_)) => bail!("not a bucket"),
    }
}

async fn check_empty(store: &Store) -> anyhow::Result<()> {
    for place in store.places() {
        for folder in 0..=u8::MAX {
            if !store.list(*place, folder).await?.is_empty() {
                bail!("the store of blobs of --to is not empty, and it is not the one of this move");
            }
        }
    }
    Ok(())
}

/// Before the end of a move of the rows alone: the store gets the ID of the move, which the new database then knows. The old
/// database knows another one, so no node starts with it and no check of its rows takes new bytes for unknown ones.
pub(crate) async fn take_store(blobs: &BlobStore, store: &Store, id: &str) -> anyhow::Result<()> {
    write_ids(blobs, store, &[id.parse()?; 2]).await
}

/// After a move of the bytes alone: the new store gets the ID that the database knows, and the old store the one of the move.
/// So no node starts with the old store by mistake.
pub(crate) async fn exchange_ids(
    rows: &Meta,
    (from, old): (&BlobStore, &Store),
    (to, new): (&BlobStore, &Store),
    id: &str,
) -> anyhow::Result<()> {
    let move_id: ObjectKey = id.parse()?;
    let mut known = [move_id; 2];
    for (slot, name) in known.iter_mut().zip([STANDARD, ARCHIVE]) {
        if let Some(id) = rows.read(GetSetting { name: name.to_owned() }).await? {
            *slot = String::from_utf8(id)?.parse().context("the ID of the store in the database")?;
        }
    }
    // In this order: between the two no node starts with either store, and an interrupted move goes on.
    write_ids(from, old, &[move_id; 2]).await?;
    write_ids(to, new, &known).await
}

/// Whether layers can be archived in it.
pub(crate) fn has_archive(store: &Store) -> bool {
    store.places().contains(&Place::Archive)
}

#[cfg(test)]
mod tests {
    use meta::{PutSettingOnce, SqliteOptions};

    use super::*;

    async fn folder(path: PathBuf, id: &ObjectKey) -> (BlobStore, Store) {
        let folders = BlobFolders { standard: path, archive: None };
        let store = open_folders(&folders).await.unwrap();
        let blobs = BlobStore::Folders(folders);
        write_ids(&blobs, &store, &[*id; 2]).await.unwrap();
        (blobs, store)
    }

    #[tokio::test]
    async fn the_new_store_is_known_only_after_the_old_is_not() {
        let above = tempfile::tempdir().unwrap();
        let rows = Meta::sqlite(above.path().join("wharf.db"), SqliteOptions::default()).await.unwrap();
        let (known, own) = (ObjectKey::random(), ObjectKey::random());
        let put = PutSettingOnce { name: STANDARD.to_owned(), value: known.to_string().into_bytes() };
        rows.write(put).await.unwrap();
        let (from, to) = (above.path().join("from"), above.path().join("to"));
        let (old, new) = (folder(from.clone(), &known).await, folder(to.clone(), &own).await);
        let exchange =
            async || exchange_ids(&rows, (&old.0, &old.1), (&new.0, &new.1), &own.to_string()).await;

        // The ID of the old store cannot be written.
        let file = from.join(STORE_ID_FILE);
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir_all(file.join("full")).unwrap();
        exchange().await.unwrap_err();
        assert_eq!(id_of_folder(&to).unwrap(), Some(own.to_string()));
        std::fs::remove_dir_all(&file).unwrap();

        // The destination is found again, and the move ends.
        assert!(Blobs::of_destination(&new.0, &own.to_string()).await.unwrap().is_resumed);
        exchange().await.unwrap();
        assert_eq!(id_of_folder(&to).unwrap(), Some(known.to_string()));
        assert_eq!(id_of_folder(&from).unwrap(), Some(own.to_string()));
    }
}
