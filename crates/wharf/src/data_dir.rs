//! The data folder: a lock for one process at a time, and the paths of the files in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::files;

/// The contents of a data folder, except the master key, whose mode is not changed silently. A user who can open the
/// lock file can hold the lock.
const OWN: [&str; 12] = [
    "lock",
    "wharf.db",
    "wharf.db-wal",
    "wharf.db-shm",
    "wharf.db-lock",
    "blobs",
    "backup",
    "move",
    "dev.toml",
    "first-credentials.toml",
    "endpoint",
    "registry",
];

/// A data folder that this process has locked until it ends.
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Creates the folder if it does not exist, and locks it. A second process on the folder is refused.
    pub(crate) fn hold(path: &Path) -> anyhow::Result<Self> {
        files::make_private_folder(path)?;
        files::close_folder(path, &OWN)?;
        files::close_files(&OWN.map(|name| path.join(name)))?;
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                let process = match holder.trim() {
                    "" => "another process".to_owned(),
                    pid => format!("process {pid}"),
                };
                bail!("the data folder {} is in use by {process}; only one may run on it", path.display());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", lock_path.display()));
            }
        }
        let noted = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        noted.with_context(|| format!("cannot write {}", lock_path.display()))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether another process has locked the folder.
    pub(crate) fn is_held(path: &Path) -> bool {
        let lock = OpenOptions::new().read(true).write(true).open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("wharf.db")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    pub(crate) fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }

    /// The credentials that `serve` creates for a new deployment.
    pub(crate) fn first_credentials(&self) -> PathBuf {
        self.path.join("first-credentials.toml")
    }
}

/// The account and access key of a development registry.
pub(crate) fn dev_credentials(folder: &Path) -> PathBuf {
    folder.join("dev.toml")
}

/// The prefix of image names in the registry of the development account.
pub(crate) fn registry(folder: &Path) -> PathBuf {
    folder.join("registry")
}

/// The base URL of the development registry that runs on the folder, or ran last.
pub(crate) fn endpoint(folder: &Path) -> PathBuf {
    folder.join("endpoint")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_second_process_is_refused_and_told_the_first_ones_id() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let held = DataFolder::hold(&path).unwrap();
        let error = DataFolder::hold(&path).err().unwrap().to_string();
        assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        drop(held);
        DataFolder::hold(&path).unwrap();
    }

    #[test]
    fn files_that_others_could_read_are_closed_before_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        drop(DataFolder::hold(&path).unwrap());
        let open = |name: &str, mode: u32| {
            std::fs::set_permissions(path.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::write(path.join("wharf.db-wal"), "").unwrap();
        std::fs::create_dir(path.join("blobs")).unwrap();
        open("", 0o755);
        for (name, mode) in [("lock", 0o644), ("wharf.db-wal", 0o644), ("blobs", 0o755)] {
            open(name, mode);
        }
        let _held = DataFolder::hold(&path).unwrap();
        for name in ["", "lock", "wharf.db-wal", "blobs"] {
            let mode = std::fs::metadata(path.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
    }
}
