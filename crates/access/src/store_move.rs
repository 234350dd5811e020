//! Moves of the whole store to another database or another store of blobs: the store is read-only meanwhile, and a database
//! of SQLite is copied from a snapshot. The command `wharf migrate-store` does the rest.

use std::path::{Path, PathBuf};

use crate::Access;
use crate::effects::authority;
use crate::error::{AwsCode, Error, Result};
use crate::permit::Permit;
use crate::store::{GetReadOnly, MakeReadOnly, MakeWritable, StoreResultExt as _, store_error};

/// The folder of the snapshot in the data folder.
pub const SNAPSHOTS: &str = "move";

/// A move that has begun.
#[derive(Clone, Debug)]
pub struct StoreMove {
    /// The ID of the move, which is a valid ID of a store of blobs.
    pub id: String,
    /// The snapshot: a database of SQLite.
    pub snapshot: PathBuf,
}

impl Access {
    /// Makes the store read-only, and writes a snapshot of the rows. The call can be repeated: it begins no second move. `id`
    /// is the ID of the move, if it begins now. If the data folder is not at `data_path`, another store was meant.
    pub async fn start_store_move(&self, id: String, data_path: Option<&str>) -> Result<StoreMove> {
        let folder = self.move_folder_at(data_path)?;
        let permit = Permit::for_service(authority::MoveStore, self);
        let id = permit.write(|()| MakeReadOnly { id }).await.or_store_error()?;
        // The snapshot of an earlier call can be incomplete.
        self.meta.keep_snapshots(&folder, Vec::new()).await.map_err(store_error)?;
        let snapshot = self.meta.write_snapshot(&folder, &id).await.map_err(store_error)?;
        Ok(StoreMove { id, snapshot })
    }

    /// Refuses, unless the store is still read-only for this move.
    pub async fn check_store_move(&self, id: &str, data_path: Option<&str>) -> Result<()> {
        self.move_folder_at(data_path)?;
        let permit = Permit::for_service(authority::MoveStore, self);
        if permit.read(|()| GetReadOnly).await?.as_deref() == Some(id) {
            return Ok(());
        }
        let message = "The store is not read-only for this move.";
        Err(Error::aws(AwsCode::OrganizationInvalidInput, message))
    }

    /// Makes the store writable again, if it is read-only for this move, or for any if there is no ID.
    pub async fn end_store_move(&self, id: Option<String>) -> Result<()> {
        let folder = self.move_folder()?;
        let permit = Permit::for_service(authority::MoveStore, self);
        if !permit.write(|()| MakeWritable { id }).await.or_store_error()? {
            let message = "The store is read-only for another move.";
            return Err(Error::aws(AwsCode::OrganizationInvalidInput, message));
        }
        self.meta.keep_snapshots(&folder, Vec::new()).await.map_err(store_error)
    }

    /// The folder of snapshots, unless another data folder was meant.
    fn move_folder_at(&self, data_path: Option<&str>) -> Result<PathBuf> {
        let folder = self.move_folder()?;
        if data_path.is_some_and(|path| folder.parent() != Some(Path::new(path))) {
            let message = "This server uses another data folder.";
            return Err(Error::aws(AwsCode::OrganizationInvalidInput, message));
        }
        Ok(folder)
    }

    fn move_folder(&self) -> Result<PathBuf> {
        let Some(places) = &self.settings.backup else {
            let message = "This server does not store its rows in SQLite. With PostgreSQL, wharf migrate-store opens \
                the database itself.";
            return Err(Error::aws(AwsCode::OrganizationInvalidInput, message));
        };
        // A link to the folder is the same folder.
        Ok(places.data_dir.canonicalize().unwrap_or_else(|_| places.data_dir.clone()).join(SNAPSHOTS))
    }
}
