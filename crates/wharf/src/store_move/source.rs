//! The store that is moved: it is made read-only, and its rows are read from the database or from a snapshot.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use meta::{GetReadOnly, MakeReadOnly, MakeWritable, Meta, SqliteOptions};
use serde_json::{Value, json};

use super::Side;
use super::blobs::is_given_away;
use crate::aws_client::{AwsClient, CallError, Connection, Service};
use crate::config::Database;
use crate::data_dir::DataFolder;

/// A snapshot of a large database takes minutes.
const SNAPSHOT_TIME: Duration = Duration::from_hours(1);

/// A store that is read-only.
pub(crate) struct Source {
    /// The ID of the move.
    pub(crate) id: String,
    pub(crate) rows: Meta,
    _folder: Option<DataFolder>,
    /// If a server has written one.
    snapshot: Option<Snapshot>,
}

impl Source {
    /// Makes the store read-only, or finds that it is.
    pub(crate) async fn begin(side: &Side, connection: &Connection) -> anyhow::Result<Self> {
        if has_server(side) {
            return Self::of_server(side, &connection.open()?).await;
        }
        let (rows, folder) = open(side).await?;
        Ok(Self { id: make_read_only(&rows).await?, rows, _folder: folder, snapshot: None })
    }

    /// Refuses to end the move, unless the store has been read-only for it all the time. Who takes this command for dead
    /// can have released the store, and what was pushed since is not copied.
    pub(crate) async fn check_read_only(&self, side: &Side, connection: &Connection) -> anyhow::Result<()> {
        let is_read_only = if self.snapshot.is_none() {
            self.rows.read(GetReadOnly).await?.as_deref() == Some(self.id.as_str())
        } else if has_server(side) {
            compares(side, &connection.open()?, &self.id).await?
        } else {
            // The server has ended.
            let (rows, _folder) = open(side).await?;
            rows.read(GetReadOnly).await?.as_deref() == Some(self.id.as_str())
        };
        if !is_read_only {
            bail!(
                "the store of --from was released while it was copied, so the copy can lack what was pushed since: empty \
                 the destination, and begin again"
            );
        }
        Ok(())
    }

    /// The server that has the database open makes it read-only and writes a snapshot.
    async fn of_server(side: &Side, client: &AwsClient) -> anyhow::Result<Self> {
        let input = json!({ "DataPath": data_path(side)? });
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
        Ok(Self { id, rows, _folder: None, snapshot: Some(snapshot) })
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
    let is_beside = rows.read(meta::GetSetting { name: meta::DIRECTORY_SETTING.to_owned() }).await?.is_some();
    if is_beside || !rows.read(meta::ListPlacedDatabases).await?.is_empty() {
        bail!("the store of --from is a part of a deployment with [[databases]], which cannot be moved");
    }
    let id = blob::ObjectKey::random().to_string();
    Ok(rows.write(MakeReadOnly { id }).await?)
}

/// Whether a server has the database open, which no other process can open then.
fn has_server(side: &Side) -> bool {
    matches!(side.database, Database::Sqlite(_)) && DataFolder::is_held(&side.data_dir)
}

/// Opens a database that exists.
async fn open(side: &Side) -> anyhow::Result<(Meta, Option<DataFolder>)> {
    match &side.database {
        Database::Postgres(url, options, _) => {
            let rows = Meta::postgres(url, *options).await;
            Ok((rows.context("cannot open the database of the store that is moved")?, None))
        }
        Database::Sqlite(path) => {
            let path = path.as_ref().context("no path of a database")?;
            if !path.exists() {
                bail!("there is no store: {} does not exist", path.display());
            }
            let folder = DataFolder::hold(&side.data_dir)?;
            let rows = Meta::sqlite(path, SqliteOptions::default()).await;
            Ok((rows.with_context(|| format!("cannot open {}", path.display()))?, Some(folder)))
        }
    }
}

fn data_path(side: &Side) -> anyhow::Result<PathBuf> {
    side.data_dir.canonicalize().context("cannot find the data folder")
}

/// Whether the store of a server is read-only for this move.
async fn compares(side: &Side, client: &AwsClient, id: &str) -> anyhow::Result<bool> {
    let input = json!({ "DataPath": data_path(side)?, "MoveId": id });
    match client.json(Service::Organizations, "WharfStartStoreMove", &input).await {
        Ok(_) => Ok(true),
        Err(CallError::Refused(refusal)) if refusal.code == "InvalidInputException" => Ok(false),
        Err(error) => Err(error).context("cannot ask the server of --from whether it is read-only"),
    }
}

/// Makes a store writable again. If the move has given its layers to the destination, both databases would change them.
pub(crate) async fn release(side: &Side, connection: &Connection) -> anyhow::Result<()> {
    if has_server(side) {
        let client = connection.open()?;
        check_own(side, async |id: &str| compares(side, &client, id).await).await?;
        client.json(Service::Organizations, "WharfEndStoreMove", &json!({})).await?;
        return Ok(());
    }
    let (rows, _folder) = open(side).await?;
    let current = rows.read(GetReadOnly).await?;
    check_own(side, async |id: &str| Ok(current.as_deref() == Some(id))).await?;
    rows.write(MakeWritable { id: None }).await?;
    Ok(())
}

async fn check_own(
    side: &Side,
    is_current: impl AsyncFn(&str) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    if is_given_away(&side.blobs, is_current).await? {
        bail!(
            "the move has given the layers of this store to its destination. If it has not ended, run it again. After a \
             move of the layers alone, name the new file with --at. To return to this database, start a node with it: it \
             says which ID to write into the store"
        );
    }
    Ok(())
}
