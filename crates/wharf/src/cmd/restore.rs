//! `wharf restore`: makes a data folder from a backup. Every layer is verified before its row is in the new database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blob::{DiskOptions, disk::STORE_ID_FILE};
use clap::Args;
use jiff::Timestamp;
use meta::{EndBackupHold, ExpireUploads, GetSetting, HasArchivedObjects, Meta, Micros, SqliteOptions};
use serde_json::json;

use super::backup::{Damaged, complain, usable_snapshots};
use super::fsck::{self, Problems};
use super::{say, store};
use crate::backup::copying::{Outcome, Roots, restore_objects};
use crate::backup::files::{check_empty, sync_folder, write_file};
use crate::backup::place::BackupPlace;
use crate::backup::snapshots::{DATABASE, SECRETS, Snapshot};
use crate::backup::target::Target;
use crate::blob_store::{ARCHIVE, BlobFolders, STANDARD, open_folders};
use crate::data_dir::DataFolder;
use crate::files;

pub(crate) const HELP: &str = "\
Makes a new data folder from a snapshot: the newest one, or with --at the newest one of that time or before. The digest of
each layer is compared while it is copied. If a layer is missing or damaged, the command names it and makes no database, so
no row ever lacks its bytes. Uploads that were in progress are not restored: clients start them again. At the end the
command checks the result as `wharf fsck` does; --quick compares only lengths there.

The master key must be the one of that time: name its file, unless the backup has it (--with-master-key).
What was deleted after the snapshot exists again, also access keys and permissions: look through them before you serve.

Exit codes: 0 everything was restored, 4 layers are missing or damaged or the check found a problem, 1 the restore failed.

Examples:
  wharf restore /mnt/backup/registry --data-dir /var/lib/wharf-new --master-key-file /etc/wharf/key
  wharf restore /mnt/backup/registry --data-dir /var/lib/wharf-new --at 2026-11-27T18:00:00Z
  wharf restore /mnt/backup/registry --data-dir /var/lib/wharf-new --archive-path /mnt/cold --json
  wharf restore s3://backups/registry --s3-config /etc/wharf-backup.toml --encryption-key-file /root/backup.key \
    --data-dir /var/lib/wharf-new --master-key-file /etc/wharf/key";

#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    target: Target,
    /// The new data folder. It must be empty or not exist.
    #[arg(long, value_name = "NEW")]
    data_dir: PathBuf,
    /// The newest snapshot of this time or before [the newest].
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The master key [the one in the backup].
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    /// A new folder for archived layers; the configuration names it as blobs.archive_path.
    #[arg(long, value_name = "DIR")]
    archive_path: Option<PathBuf>,
    /// Compare only lengths in the check at the end.
    #[arg(long)]
    quick: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Restore) -> anyhow::Result<()> {
    let backup = BackupPlace::open(&options.target, false).await?;
    let mut snapshots = usable_snapshots(&backup).await?;
    snapshots.retain(|snapshot| options.at.is_none_or(|at| snapshot.taken_at <= at));
    let snapshot = snapshots.pop().context("the backup has no snapshot of that time or before")?;
    let data = std::path::absolute(&options.data_dir)?;
    let archive = options.archive_path.as_deref().map(std::path::absolute).transpose()?;
    for folder in [Some(&data), archive.as_ref()].into_iter().flatten() {
        check_empty(folder)?;
    }
    let key = match &options.master_key_file {
        Some(file) => {
            files::read_optional(file)?.with_context(|| format!("{} does not exist", file.display()))?
        }
        None => backup
            .read_all(&snapshot.file("master.key"))
            .await?
            .context("the backup does not have the master key: name its file with --master-key-file")?,
    };
    let copied = {
        let folder = DataFolder::hold(&data)?;
        files::write_private(&folder.master_key(), &key)?;
        restore(&backup, &snapshot, &folder, archive.as_deref()).await?
    };
    let store = store::of_restored(&data, archive).await?;
    let check = registry::fsck::Options { repair: false, quick: options.quick };
    let report = store.deployment.registry.fsck(check).await?;
    if options.json {
        let (objects, bytes) = (copied.objects, copied.bytes);
        let answer =
            json!({ "Snapshot": snapshot.name, "Objects": objects, "Bytes": bytes, "Check": report });
        say(&serde_json::to_string_pretty(&answer)?)?;
    } else {
        say(&format!(
            "Restored the snapshot {}: {} objects of {} bytes.\n{}",
            snapshot.name,
            copied.objects,
            copied.bytes,
            fsck::text(&report)
        ))?;
    }
    Problems::of(&report)
}

/// Copies the rows beside their final place, then the bytes that they name. The database gets its name last.
async fn restore(
    backup: &BackupPlace,
    snapshot: &Snapshot,
    folder: &DataFolder,
    archive: Option<&Path>,
) -> anyhow::Result<Outcome> {
    let work = folder.path().join("restore");
    files::make_private_folder(&work)?;
    let (name, rows_path) = (snapshot.file(DATABASE), work.join(DATABASE));
    let damaged = || format!("{name} in {} is damaged: choose another snapshot with --at", backup.name());
    // A disk that is full, or a bucket that does not answer, says nothing about the snapshot.
    let failed = |error: io::Error| {
        let is_damaged = error.kind() == io::ErrorKind::InvalidData;
        let why = if is_damaged { damaged() } else { format!("cannot copy {name} from {}", backup.name()) };
        anyhow::Error::from(error).context(why)
    };
    let body = backup.read(&name).await.map_err(failed)?.with_context(damaged)?;
    let digest = write_file(&rows_path, body).await.map_err(failed)?;
    if digest.to_string() != snapshot.record.database_digest {
        bail!(damaged());
    }
    sync_folder(&work)?;
    let rows = Meta::sqlite(&rows_path, SqliteOptions::default()).await?;
    if archive.is_none() && rows.read(HasArchivedObjects).await? {
        bail!("the snapshot has archived layers: name a new folder for them with --archive-path");
    }
    let to = Roots { standard: folder.blobs(), archive: archive.map(Path::to_owned) };
    make_stores(&rows, &to).await?;
    let store = open_folders(&BlobFolders { standard: to.standard, archive: to.archive }).await?;
    let copied = restore_objects(&rows, (backup, &store)).await?;
    if !copied.problems.is_empty() {
        complain(&copied.problems);
        return Err(Damaged { found: copied.problems.len(), then: ": nothing was restored" }.into());
    }
    let at = Micros(Timestamp::now().as_microsecond());
    // The bytes of uploads in progress are not in the backup.
    while rows.write(ExpireUploads { idle_since: Micros(i64::MAX), limit: 1_000, at }).await? > 0 {}
    rows.write(EndBackupHold { id: String::new(), now: Micros(i64::MAX) }).await?;
    for name in SECRETS {
        let (secret, path) = (backup.read_all(&snapshot.file(name)).await?, folder.path().join(name));
        if let Some(secret) = secret.filter(|_| !path.exists()) {
            files::write_private(&path, &secret)?;
        }
    }
    let ready = rows.write_snapshot(&work, "ready").await?;
    drop(rows);
    fs::File::open(&ready)?.sync_all()?;
    fs::rename(&ready, folder.database())?;
    sync_folder(folder.path())?;
    fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()))?;
    Ok(copied)
}

/// Creates the folders of blobs with the IDs that the database knows.
async fn make_stores(rows: &Meta, roots: &Roots) -> anyhow::Result<()> {
    for (setting, root) in [(STANDARD, Some(&roots.standard)), (ARCHIVE, roots.archive.as_ref())] {
        let Some(root) = root else { continue };
        files::make_private_folder(root)?;
        let made = root.clone();
        let made = tokio::task::spawn_blocking(move || blob::Store::disk(made, DiskOptions::default()));
        made.await?.with_context(|| format!("cannot create {}", root.display()))?;
        if let Some(id) = rows.read(GetSetting { name: setting.to_owned() }).await? {
            files::write_private(&root.join(STORE_ID_FILE), &[id.as_slice(), b"\n"].concat())?;
        }
    }
    Ok(())
}
