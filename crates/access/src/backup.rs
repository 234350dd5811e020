//! Backups: a snapshot of the rows, and a hold, so that the bytes of the snapshot stay while they are copied.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{AwsCode, Error, Result};
use crate::permit::Permit;
use crate::store::{
    BackupHold, EndBackupHold, Micros, RefusedExt as _, StartBackupHold, StoreResultExt as _, store_error,
};

/// Where the parts of a deployment on SQLite are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPlaces {
    /// The data folder. Snapshots are in its folder `backup`.
    pub data_dir: PathBuf,
    /// The folder of blobs; None if they are in a bucket.
    pub blobs: Option<PathBuf>,
    /// The folder of archived blobs, if there is one.
    pub archive: Option<PathBuf>,
    /// The file of the master key.
    pub master_key: PathBuf,
    /// The file of the key that proves to peers who asks. It exists if there are peers.
    pub peer_key: PathBuf,
}

/// The folder of snapshots in the data folder.
pub const SNAPSHOTS: &str = "backup";

/// A backup that has begun.
#[derive(Clone, Debug)]
pub struct Backup {
    pub id: String,
    /// The snapshot: a database of SQLite.
    pub snapshot: PathBuf,
    pub places: BackupPlaces,
    /// When the hold ends by itself.
    pub held_until: Micros,
}

impl Access {
    /// Starts a hold, and then writes a snapshot of the rows. What is doomed after the snapshot keeps its bytes until the
    /// hold ends.
    pub async fn start_backup(&self, hold: Duration, now: Timestamp) -> Result<Backup> {
        let places = self.settings.backup.clone().filter(|places| places.blobs.is_some());
        let Some(places) = places else {
            let message = "A backup needs SQLite and a folder of blobs. PostgreSQL and buckets are backed up with \
                their own tools.";
            return Err(Error::aws(AwsCode::OrganizationInvalidInput, message));
        };
        let permit = Permit::for_service(authority::KeepBackups, self);
        let id = self.ids.next(now).to_string();
        let held_until = Micros(micros(now).0.saturating_add(Micros::of(hold).0));
        let start =
            StartBackupHold { hold: BackupHold { id: id.clone(), until: held_until }, now: micros(now) };
        let holds = permit.write(|()| start).await.or_refused(|_too_many| {
            let message = "Too many backups are in progress. Wait for the end of one.";
            Error::aws(AwsCode::OrganizationInvalidInput, message)
        })?;
        let folder = places.data_dir.join(SNAPSHOTS);
        let kept = holds.into_iter().map(|hold| hold.id).collect();
        let written = match self.meta.keep_snapshots(&folder, kept).await {
            Ok(()) => self.meta.write_snapshot(&folder, &id).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(snapshot) => Ok(Backup { id, snapshot, places, held_until }),
            Err(error) => {
                self.end_backup(&id, now).await?;
                Err(store_error(error))
            }
        }
    }

    /// Ends a hold, if it is valid, and removes the snapshots without one.
    pub async fn end_backup(&self, id: &str, now: Timestamp) -> Result<()> {
        let permit = Permit::for_service(authority::KeepBackups, self);
        let end = EndBackupHold { id: id.to_owned(), now: micros(now) };
        let holds = permit.write(|()| end).await.or_store_error()?;
        let Some(places) = &self.settings.backup else { return Ok(()) };
        let kept = holds.into_iter().map(|hold| hold.id).collect();
        self.meta.keep_snapshots(&places.data_dir.join(SNAPSHOTS), kept).await.map_err(store_error)
    }
}
