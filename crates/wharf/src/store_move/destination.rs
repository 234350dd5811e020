//! The database that a store is moved to, and the keys beside it.

use std::path::Path;

use anyhow::{Context as _, bail};
use meta::{
    EndMoveTo, GetEventSequence, GetSetting, Meta, Micros, OpError, SqliteOptions, Table, TakeDestination,
};

use super::{Side, Source};
use crate::blob_store::{ARCHIVE, STANDARD};
use crate::config::Database;
use crate::data_dir::{self, DataFolder};
use crate::files;

/// A database that this move writes.
pub(crate) struct Destination {
    pub(crate) rows: Meta,
    _folder: Option<DataFolder>,
}

impl Destination {
    /// Opens the database, and takes it for the move: it is empty, or the move has begun to write it.
    pub(crate) async fn open(side: &Side, id: &str, tables: &[Table]) -> anyhow::Result<Self> {
        let (rows, folder) = match &side.database {
            Database::Postgres(url, options, _) => {
                (Meta::postgres(url, *options).await.context("cannot open the database of --to")?, None)
            }
            Database::Sqlite(path) => {
                let path = path.clone().context("no path of a database")?;
                let folder = DataFolder::hold(&side.data_dir)?;
                let rows = Meta::sqlite(&path, SqliteOptions::default()).await;
                (rows.with_context(|| format!("cannot open {}", path.display()))?, Some(folder))
            }
        };
        let taken = rows.write(TakeDestination { id: id.to_owned(), tables: tables.to_vec() }).await;
        match taken {
            Ok(()) => Ok(Self { rows, _folder: folder }),
            Err(OpError::Refused(meta::NotEmpty { table })) => bail!(
                "the database of --to is not empty (table {table}), and it is not the one of this move: name an empty one"
            ),
            Err(OpError::Store(error)) => Err(error.into()),
        }
    }

    /// The database can be used. Its stores of blobs have the ID of the move.
    pub(crate) async fn end(&self, source: &Source, has_new_blobs: bool) -> anyhow::Result<()> {
        let mut store_ids = Vec::new();
        for name in [STANDARD, ARCHIVE] {
            if source.rows.read(GetSetting { name: name.to_owned() }).await?.is_some() {
                store_ids.push((name.to_owned(), source.id.clone().into_bytes()));
            }
        }
        let end = EndMoveTo {
            id: source.id.clone(),
            event_sequence: source.rows.read(GetEventSequence).await?,
            store_ids,
            ends_uploads: has_new_blobs,
            at: Micros(jiff::Timestamp::now().as_microsecond()),
        };
        match self.rows.write(end).await {
            Ok(()) => Ok(()),
            Err(OpError::Refused(meta::AnotherMove)) => bail!("another move has taken the database of --to"),
            Err(OpError::Store(error)) => Err(error.into()),
        }
    }
}

/// Copies the keys that the rows need. A master key of the destination must be the same.
pub(crate) fn copy_keys(from: &Side, to: &Side) -> anyhow::Result<()> {
    let key = files::read_optional(&from.master_key)?;
    let key = key.with_context(|| format!("the master key {} does not exist", from.master_key.display()))?;
    match files::read_optional(&to.master_key)? {
        Some(other) if other.trim_ascii() != key.trim_ascii() => bail!(
            "{} is another master key than {}: the rows can only be used with the key of --from",
            to.master_key.display(),
            from.master_key.display()
        ),
        Some(_) => {}
        None => write(&to.master_key, &key)?,
    }
    let mut others = vec![(from.peer_key.clone(), to.peer_key.clone())];
    if from.is_folder && to.is_folder {
        others.push((data_dir::dev_credentials(&from.data_dir), data_dir::dev_credentials(&to.data_dir)));
    }
    for (from, to) in others {
        if let Some(content) = files::read_optional(&from)?
            && files::read_optional(&to)?.is_none()
        {
            write(&to, &content)?;
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        files::make_private_folder(folder)?;
    }
    files::write_private(path, content)
}
