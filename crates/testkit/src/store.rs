//! The data folder of a stopped server: which bytes exist, and which rows refer to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rusqlite::Connection;

/// An opened data folder.
pub struct Offline {
    database: Connection,
    objects: PathBuf,
}

impl Offline {
    /// Opens the database and the blobs of a folder.
    pub fn open(data: &Path) -> Result<Self> {
        Ok(Self { database: Connection::open(data.join("wharf.db"))?, objects: data.join("blobs/objects") })
    }

    /// The files of the blob store with their lengths, by object key.
    pub fn files(&self) -> Result<BTreeMap<String, u64>> {
        let mut files = BTreeMap::new();
        for folder in fs::read_dir(&self.objects)? {
            for file in fs::read_dir(folder?.path())? {
                let file = file?;
                files.insert(file.file_name().to_string_lossy().into_owned(), file.metadata()?.len());
            }
        }
        Ok(files)
    }

    /// Objects whose rows claim more bytes than their files have.
    pub fn short_objects(&self) -> Result<Vec<String>> {
        let files = self.files()?;
        let mut rows = self.database.prepare("SELECT object_key, size FROM object")?;
        let objects = rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
        let mut short = Vec::new();
        for object in objects {
            let (key, size) = object?;
            if files.get(&key).is_none_or(|len| i64::try_from(*len).is_ok_and(|len| len < size)) {
                short.push(key);
            }
        }
        Ok(short)
    }

    /// Files without a row: nothing would ever remove them.
    pub fn forgotten_files(&self) -> Result<Vec<String>> {
        let known = ["object", "upload", "doomed"].map(|table| self.keys(table));
        let known: BTreeSet<String> =
            known.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(self.files()?.into_keys().filter(|key| !known.contains(key)).collect())
    }

    /// The keys of doomed bytes.
    pub fn doomed(&self) -> Result<BTreeSet<String>> {
        self.keys("doomed")
    }

    fn keys(&self, table: &str) -> Result<BTreeSet<String>> {
        let mut rows = self.database.prepare(&format!("SELECT object_key FROM {table}"))?;
        let keys = rows.query_map([], |row| row.get(0))?;
        Ok(keys.collect::<rusqlite::Result<_>>()?)
    }

    /// The digests and sizes of all objects.
    pub fn objects(&self) -> Result<BTreeMap<String, u64>> {
        let mut rows =
            self.database.prepare("SELECT 'sha256:' || lower(hex(substr(digest, 2))), size FROM object")?;
        let objects = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(objects.collect::<rusqlite::Result<_>>()?)
    }

    /// The keys of uploads in progress.
    pub fn uploads(&self) -> Result<BTreeSet<String>> {
        self.keys("upload")
    }

    /// Work in the queue, and rows of deleted repositories.
    pub fn unfinished(&self) -> Result<i64> {
        let count = "SELECT (SELECT count(*) FROM work) + \
                     (SELECT count(*) FROM repository WHERE deleted_at IS NOT NULL)";
        Ok(self.database.query_row(count, [], |row| row.get(0))?)
    }

    /// Advances the time by the delay of doomed bytes and the duration of claims.
    pub fn let_time_pass(&self) -> Result<()> {
        self.database
            .execute_batch("UPDATE doomed SET due_at = 0; UPDATE work SET due_at = 0, lease_until = 0;")?;
        Ok(())
    }
}
