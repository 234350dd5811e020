//! The store that is moved: it is made read-only, and its rows are read from the database or from a snapshot.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use meta::{MakeReadOnly, MakeWritable, Meta, SqliteOptions};
use serde_json::{Value, json};

use super::Side;
use crate::aws_client::{AwsClient, Connection, Service};
use crate::config::Database;
use crate::data_dir::DataFolder;

/// A snapshot of a large database takes minutes.
const SNAPSHOT_TIME: Duration = Duration::from_hours(1);

/// A store that is read-only.
pub(crate) struct Source {
    /// The ID of the move.
    pub(crate) id: String,
    pub(crate) rows: Meta,
    _snapshot: Option<Snapshot>,
    _folder: Option<DataFolder>,
}

impl Source {
    /// Makes the store read-only, or finds that it is.
    pub(crate) async fn begin(side: &Side, connection: &Connection) -> anyhow::Result<Self> {
        match &side.database {
            Database::Postgres(url, options, _) => {
                let rows =
                    Meta::postgres(url, *options).await.context("cannot open the database of --from")?;
                Ok(Self { id: make_read_only(&rows).await?, rows, _snapshot: None, _folder: None })
            }
            Database::Sqlite(_) if DataFolder::is_held(&side.data_dir) => {
                Self::of_server(side, &connection.open()?).await
            }
            Database::Sqlite(path) => {
                let path = path.clone().context("no path of a database")?;
                if !path.exists() {
                    bail!("there is no store: {} does not exist", path.display());
                }
                let folder = DataFolder::hold(&side.data_dir)?;
                let rows = Meta::sqlite(&path, SqliteOptions::default()).await;
                let rows = rows.with_context(|| format!("cannot open {}", path.display()))?;
                Ok(Self { id: make_read_only(&rows).await?, rows, _snapshot: None, _folder: Some(folder) })
            }
        }
    }

    /// The server that has the database open makes it read-only and writes a snapshot.
    async fn of_server(side: &Side, client: &AwsClient) -> anyhow::Result<Self> {
        let data_path = side.data_dir.canonicalize().context("cannot find the data folder")?;
        let input = json!({ "DataPath": data_path });
        let call = client.json_within(Service::Organizations, "WharfStartStoreMove", &input, SNAPSHOT_TIME);
        let answer = call.await.context("cannot make the server of --from read-only")?;
        let text = |name: &str| {
            let found = answer.get(name).and_then(Value::as_str);
            found.map(str::to_owned).with_context(|| format!("the server's answer has no {name}"))
        };
        let (id, snapshot) = (text("MoveId")?, PathBuf::from(text("SnapshotPath")?));
        let snapshot = Snapshot(snapshot);
        let rows = Meta::sqlite(&snapshot.0, SqliteOptions::default()).await;
        let rows = rows.with_context(|| {
            let path = snapshot.0.display();
            format!("cannot open {path}: run this command on the machine of the server, as the server's user")
        })?;
        Ok(Self { id, rows, _snapshot: Some(snapshot), _folder: None })
    }
}

/// The snapshot of a server's database. It is removed with its folder when the move ends, also with an error.
struct Snapshot(PathBuf);

impl Drop for Snapshot {
    fn drop(&mut self) {
        let Some(folder) = self.0.parent() else { return };
        if let Err(error) = std::fs::remove_dir_all(folder) {
            tracing::warn!(%error, folder = %folder.display(), "the snapshot of the database cannot be removed");
        }
    }
}

async fn make_read_only(rows: &Meta) -> anyhow::Result<String> {
    if rows.read(meta::GetUnfinishedMove).await?.is_some() {
        bail!("the store of --from is the destination of a move that has not ended");
    }
    let id = blob::ObjectKey::random().to_string();
    Ok(rows.write(MakeReadOnly { id }).await?)
}

/// Makes a store writable again.
pub(crate) async fn release(side: &Side, connection: &Connection) -> anyhow::Result<()> {
    if matches!(side.database, Database::Sqlite(_)) && DataFolder::is_held(&side.data_dir) {
        connection.open()?.json(Service::Organizations, "WharfEndStoreMove", &json!({})).await?;
        return Ok(());
    }
    let (rows, _folder) = match &side.database {
        Database::Postgres(url, options, _) => (Meta::postgres(url, *options).await?, None),
        Database::Sqlite(path) => {
            let path = path.clone().filter(|path| path.exists()).context("there is no store")?;
            let folder = DataFolder::hold(&side.data_dir)?;
            (Meta::sqlite(&path, SqliteOptions::default()).await?, Some(folder))
        }
    };
    rows.write(MakeWritable { id: None }).await?;
    Ok(())
}
