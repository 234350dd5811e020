//! The deployment that is backed up: a running server, or a store that this process has opened.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::copying::Roots;
use crate::aws_client::{AwsClient, Service};
use crate::cmd::store::{OpenStore, Options};

/// A snapshot of a large database takes minutes.
const SNAPSHOT_TIME: Duration = Duration::from_hours(1);

pub(crate) enum Source {
    Store(Box<OpenStore>),
    Server(Box<AwsClient>),
}

/// A backup that has begun: where the parts are that are copied.
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) snapshot: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) roots: Roots,
    pub(crate) master_key: PathBuf,
    /// None, if the server is of an earlier version.
    pub(crate) peer_key: Option<PathBuf>,
}

impl Source {
    pub(crate) async fn open(options: &Options) -> anyhow::Result<Self> {
        Ok(match options.store.open().await? {
            Some(store) => Self::Store(Box::new(store)),
            None => Self::Server(Box::new(options.connection.open()?)),
        })
    }

    /// Holds the bytes and writes a snapshot of the rows.
    pub(crate) async fn begin(&self, hold: Duration) -> anyhow::Result<Begun> {
        match self {
            Self::Store(store) => {
                let backup = store.deployment.access.start_backup(hold, Timestamp::now()).await?;
                let places = backup.places;
                Ok(Begun {
                    id: backup.id,
                    snapshot: backup.snapshot,
                    data_dir: places.data_dir,
                    roots: Roots {
                        standard: places.blobs.context("the blobs are in a bucket")?,
                        archive: places.archive,
                    },
                    master_key: places.master_key,
                    peer_key: Some(places.peer_key),
                })
            }
            Self::Server(client) => {
                let input = json!({ "HoldSeconds": hold.as_secs() });
                let service = Service::Organizations;
                let answer = client.json_within(service, "WharfStartBackup", &input, SNAPSHOT_TIME).await?;
                let begun = of_answer(&answer)?;
                if !begun.snapshot.exists() {
                    self.end(&begun.id).await?;
                    anyhow::bail!(
                        "cannot read {}: run this command on the machine of the server, as the server's user",
                        begun.snapshot.display()
                    );
                }
                Ok(begun)
            }
        }
    }

    /// Ends the hold, and removes the snapshot from the data folder.
    pub(crate) async fn end(&self, id: &str) -> anyhow::Result<()> {
        match self {
            Self::Store(store) => store.deployment.access.end_backup(id, Timestamp::now()).await?,
            Self::Server(client) => {
                let input = json!({ "BackupId": id });
                client.json(Service::Organizations, "WharfEndBackup", &input).await?;
            }
        }
        Ok(())
    }
}

fn of_answer(answer: &Value) -> anyhow::Result<Begun> {
    let text = |name: &str| {
        let found = answer.get(name).and_then(Value::as_str);
        found.with_context(|| format!("the server's answer has no {name}"))
    };
    Ok(Begun {
        id: text("BackupId")?.to_owned(),
        snapshot: text("SnapshotPath")?.into(),
        data_dir: text("DataPath")?.into(),
        roots: Roots {
            standard: text("BlobPath")?.into(),
            archive: text("ArchivePath").ok().map(Into::into),
        },
        master_key: text("MasterKeyPath")?.into(),
        peer_key: text("PeerKeyPath").ok().map(Into::into),
    })
}
