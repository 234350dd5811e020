//! Snapshots of the database: a file with everything that was committed, written while others read and write.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{SqliteOptions, connection};
use crate::error::StoreError;

/// The folder of snapshots; each is named after its backup.
pub(crate) struct Snapshots(PathBuf);

impl Snapshots {
    pub(crate) fn of(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Writes a snapshot. Only the owner of this process can read it.
    pub(super) fn write(&self, id: &str, database: &Path) -> Result<PathBuf, StoreError> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0).map_err(StoreError::Io)?;
        let path = self.0.join(format!("{id}.db"));
        // SQLite accepts a file that is empty.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(StoreError::Io)?;
        let name = path.to_str().ok_or_else(|| {
            StoreError::Io(std::io::Error::new(ErrorKind::InvalidInput, "the path is not UTF-8"))
        })?;
        // A connection of its own: a reader's cannot write, and the writer's would keep others waiting.
        let connection = connection::checkpointer(database, SqliteOptions::default())?;
        match connection.execute("VACUUM INTO ?1", [name]) {
            Ok(_) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error.into())
            }
        }
    }

    /// Removes all snapshots but these, with the files that SQLite makes beside them.
    pub(crate) fn keep_only(&self, ids: &[String]) -> Result<(), StoreError> {
        let files = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            files => files.map_err(StoreError::Io)?,
        };
        for file in files {
            let file = file.map_err(StoreError::Io)?;
            let name = file.file_name();
            let Some((id, _)) = name.to_str().and_then(|name| name.split_once(".db")) else { continue };
            if !ids.iter().any(|kept| kept == id) {
                fs::remove_file(file.path()).map_err(StoreError::Io)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::*;

    #[tokio::test]
    async fn a_snapshot_has_what_was_committed_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::sqlite(folder.path().join("wharf.db"), SqliteOptions::default()).await.unwrap();
        let put = |name: &str| PutSettingOnce { name: name.to_owned(), value: b"value".to_vec() };
        let get = |name: &str| GetSetting { name: name.to_owned() };
        meta.write(put("before")).await.unwrap();
        let snapshots = folder.path().join("backup");
        let path = meta.write_snapshot(&snapshots, "7").await.unwrap();
        assert_eq!(path, snapshots.join("7.db"));
        meta.write(put("after")).await.unwrap();
        assert!(meta.write_snapshot(&snapshots, "7").await.is_err(), "nothing is written over");

        let copy = Meta::sqlite(&path, SqliteOptions::default()).await.unwrap();
        assert!(copy.read(get("before")).await.unwrap().is_some());
        assert!(copy.read(get("after")).await.unwrap().is_none());
        drop(copy);
        meta.write_snapshot(&snapshots, "8").await.unwrap();
        meta.keep_snapshots(&snapshots, vec!["8".to_owned()]).await.unwrap();
        let left: Vec<_> = std::fs::read_dir(&snapshots).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(left, [snapshots.join("8.db")]);
    }
}
