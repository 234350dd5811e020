//! `wharf backup`: copies a deployment to a folder or a bucket, also while a server runs, and shows and removes old
//! snapshots.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use blob::ObjectKey;
use clap::{Args, Subcommand};
use futures::stream;
use jiff::Timestamp;
use meta::{Meta, SqliteOptions};
use oci::digest::{Algorithm, Digest};
use serde_json::json;

use super::say;
use super::store::Options;
use crate::backup::copying::save_objects;
use crate::backup::files::{Sum, read_file};
use crate::backup::place::BackupPlace;
use crate::backup::snapshots::{DATABASE, OBJECTS, RECORD, Record, SECRETS, Snapshot, file_of};
use crate::backup::source::{Begun, Source};
use crate::backup::target::Target;
use crate::blob_store::{BlobFolders, open_folders};
use crate::files;

pub(crate) const HELP: &str = "\
Copies the database and the bytes of layers to a folder of this machine, best on another disk, or to a bucket. Each run adds
a snapshot; the bytes of layers are copied once and shared by all snapshots. The command reads the files of the server, so it
runs on the same machine as the same user. The server goes on serving: it writes a snapshot of its database into its data folder, and
keeps the bytes that the snapshot names until the command has ended, or at most --hold-seconds. A run that was
interrupted does not count, and the next run continues it.

On a running server the caller must be in the management account and needs organizations:WharfStartBackup and
organizations:WharfEndBackup. With --data-dir or --config the command opens the store itself; then the server must be
stopped. Only SQLite with a folder of blobs is backed up; for PostgreSQL and buckets see docs/operations.md.

A bucket is reached as [blobs.s3] says in the file of --s3-config, or else the environment (WHARF__BLOBS__S3__ENDPOINT,
…__REGION, …__PATH_STYLE, …__ACCESS_KEY_ID, …__SECRET_ACCESS_KEY_FILE). Without an access key there, credentials come from the
environment or the machine's role, as for layers. Run one command at a time on a bucket.

With --encryption-key-file, the first backup to a place makes an encrypted one; every later command needs the same key. Without
the key nobody can read the backup: keep a copy of it elsewhere.

The master key is not copied, unless you ask for it: without it nobody can use the backup, so keep a copy of it elsewhere.
With --with-master-key the backup also has the access key of `wharf dev` (dev.toml) and the key that proves to peers who asks
(peer.key).

Exit codes: 0 the snapshot is complete, 4 layers are damaged and there is no new snapshot, 1 the backup failed.

Examples:
  wharf backup /mnt/backup/registry
  wharf backup /mnt/backup/registry --with-master-key --json
  wharf backup s3://backups/registry --s3-config /etc/wharf-backup.toml --encryption-key-file /root/backup.key
  wharf backup /mnt/backup/registry --config /etc/wharf.toml       # while the server is stopped
  wharf backup list /mnt/backup/registry
  wharf backup prune /mnt/backup/registry --keep 7";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    target: Target,
    /// Copy the master key too. Whoever reads the backup can then read all secrets in it.
    #[arg(long)]
    with_master_key: bool,
    /// How long the bytes of the snapshot stay at most; longer than the copying takes.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    hold_seconds: u64,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum BackupCommand {
    /// Show the snapshots of a backup.
    List {
        #[command(flatten)]
        target: Target,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove old snapshots, and then the bytes that no snapshot names.
    Prune {
        #[command(flatten)]
        target: Target,
        /// How many of the newest snapshots stay.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        keep: u64,
    },
}

/// Layers have no bytes, or damaged ones.
#[derive(Debug, thiserror::Error)]
#[error("{found} layers are missing or damaged{then}")]
pub(crate) struct Damaged {
    pub(crate) found: usize,
    pub(crate) then: &'static str,
}

impl Damaged {
    /// The code of the process.
    pub(crate) const CODE: u8 = 4;
}

pub(crate) async fn run(backup: Backup) -> anyhow::Result<()> {
    match &backup.command {
        Some(BackupCommand::List { target, json }) => list(target, *json).await,
        Some(BackupCommand::Prune { target, keep }) => prune(target, *keep).await,
        None => create(&backup).await,
    }
}

async fn create(options: &Backup) -> anyhow::Result<()> {
    let place = BackupPlace::create(&options.target).await?;
    let source = Source::open(&options.options).await?;
    // A run that was interrupted may have left its hold.
    if let Some(id) = place.in_progress().await? {
        source.end(&id).await?;
    }
    let taken_at = Timestamp::now();
    let begun = source.begin(Duration::from_secs(options.hold_seconds)).await?;
    place.begin(&begun.id).await?;
    let written = write_snapshot(&place, &begun, taken_at, options.with_master_key).await;
    let ended = source.end(&begun.id).await;
    let closed = match ended {
        Ok(()) => place.end(&begun.id).await,
        Err(error) => Err(error),
    };
    let (name, record) = written?;
    closed?;
    let mut answer = serde_json::to_value(&record)?;
    if let Some(members) = answer.as_object_mut() {
        members.insert("Snapshot".to_owned(), json!(name));
    }
    options.options.print(&answer, |_| {
        format!(
            "Snapshot {name}: {} objects of {} bytes. Copied: {} objects of {} bytes, and the database.",
            record.objects, record.bytes, record.copied_objects, record.copied_bytes
        )
    })
}

/// Copies the rows, then the bytes, and then writes the record: the snapshot counts.
async fn write_snapshot(
    place: &BackupPlace,
    begun: &Begun,
    taken_at: Timestamp,
    with_master_key: bool,
) -> anyhow::Result<(String, Record)> {
    let name = place.begin_snapshot(taken_at).await?;
    let database = Sum::new();
    let body = read_file(&begun.snapshot, database.clone()).await;
    let body = body.with_context(|| format!("cannot read {}", begun.snapshot.display()))?;
    place.write(&file_of(&name, DATABASE), body).await.context("cannot write the rows to the backup")?;
    let rows = Meta::sqlite(&begun.snapshot, SqliteOptions::default()).await;
    let rows = rows.with_context(|| format!("cannot open {}", begun.snapshot.display()))?;
    let folders =
        BlobFolders { standard: begun.roots.standard.clone(), archive: begun.roots.archive.clone() };
    let store = open_folders(&folders).await?;
    let (mut lines, list) = (Vec::new(), Sum::new());
    let copied = save_objects(&rows, (&store, place), |row| {
        let line = format!("{}\t{}\t{}\n", row.object_key, row.digest, row.size);
        list.add(line.as_bytes());
        lines.push(Ok(line.into()));
    })
    .await?;
    drop(rows);
    // Another backup ends the hold of this one.
    place.check_in_progress(&begun.id).await?;
    if !copied.problems.is_empty() {
        complain(&copied.problems);
        let then = ": run `wharf fsck`, and repair what it finds. There is no new snapshot";
        return Err(Damaged { found: copied.problems.len(), then }.into());
    }
    place
        .write(&file_of(&name, OBJECTS), stream::iter(lines))
        .await
        .context("cannot write the list of objects")?;
    if with_master_key {
        let sources =
            [Some(begun.master_key.clone()), Some(begun.data_dir.join("dev.toml")), begun.peer_key.clone()];
        for (source, secret) in sources.iter().zip(SECRETS) {
            let Some(source) = source else { continue };
            if let Some(content) = files::read_optional(source)? {
                place.write_all(&file_of(&name, secret), content).await?;
            }
        }
    }
    let (database_bytes, database_digest) = database.finish();
    let record = Record {
        taken_at: taken_at.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        objects: copied.objects,
        bytes: copied.bytes,
        copied_objects: copied.copied_objects,
        copied_bytes: copied.copied_bytes,
        database_bytes,
        database_digest: database_digest.to_string(),
        objects_digest: list.finish().1.to_string(),
        has_master_key: with_master_key,
    };
    place.end_snapshot(&begun.id, &name, &record).await?;
    Ok((name, record))
}

/// The snapshots that count. Names those whose record is damaged.
pub(crate) async fn usable_snapshots(place: &BackupPlace) -> anyhow::Result<Vec<Snapshot>> {
    let (snapshots, damaged) = place.snapshots().await?;
    let told = |name: &String| format!("warning: the record {RECORD} of the snapshot {name} is damaged");
    complain(&damaged.iter().map(told).collect::<Vec<_>>());
    Ok(snapshots)
}

/// Names what is damaged.
#[expect(clippy::print_stderr, reason = "standard output has only the result")]
pub(crate) fn complain(problems: &[String]) {
    for problem in problems {
        eprintln!("{problem}");
    }
}

async fn list(target: &Target, as_json: bool) -> anyhow::Result<()> {
    let snapshots = usable_snapshots(&BackupPlace::open(target, false).await?).await?;
    if as_json {
        let records: Vec<_> = snapshots
            .iter()
            .map(|snapshot| json!({ "Snapshot": snapshot.name, "Record": snapshot.record }))
            .collect();
        return say(&serde_json::to_string_pretty(&records)?);
    }
    let mut text = String::new();
    for Snapshot { name, record, .. } in &snapshots {
        let Record { objects, bytes, database_bytes, .. } = record;
        let key = if record.has_master_key { ", the master key" } else { "" };
        let _ =
            writeln!(text, "{name}  {objects} objects of {bytes} bytes, {database_bytes} bytes of rows{key}");
    }
    if snapshots.is_empty() {
        text.push_str("There is no snapshot.");
    }
    say(text.trim_end())
}

async fn prune(target: &Target, keep: u64) -> anyhow::Result<()> {
    let place = BackupPlace::open(target, true).await?;
    if place.may_be_in_use().await? {
        bail!(
            "a backup to {} is in progress, or was interrupted: wait for its end, or run `wharf backup` again, and then \
             prune",
            place.name()
        );
    }
    let (mut snapshots, damaged) = place.snapshots().await?;
    if !damaged.is_empty() {
        bail!(
            "the record {RECORD} of {} is damaged, so nothing is removed: the layers of this snapshot are not known. Remove \
             the folder of the snapshot, if you do not need it",
            damaged.join(" and of ")
        );
    }
    let surplus = snapshots.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let kept = snapshots.split_off(surplus);
    // Before anything is removed.
    let mut keys = HashSet::new();
    for snapshot in &kept {
        read_keys(&place, snapshot, &mut keys).await?;
    }
    if kept.is_empty() {
        return say("There is no snapshot.");
    }
    for snapshot in &snapshots {
        place.remove_snapshot(snapshot).await?;
    }
    let (objects, bytes) = place.remove_others(|key| keys.contains(key)).await?;
    say(&format!("Removed {} snapshots, and {objects} objects of {bytes} bytes.", snapshots.len()))
}

/// The keys of the objects of a snapshot. A list that was changed is refused: what it does not name would be removed.
async fn read_keys(
    place: &BackupPlace,
    snapshot: &Snapshot,
    keys: &mut HashSet<ObjectKey>,
) -> anyhow::Result<()> {
    let name = snapshot.file(OBJECTS);
    let text = place.read_all(&name).await?.with_context(|| format!("{name} is missing"))?;
    if Digest::of(Algorithm::Sha256, &text).to_string() != snapshot.record.objects_digest {
        bail!("{name} is damaged, so nothing is removed");
    }
    let text = String::from_utf8(text).with_context(|| format!("{name} is damaged"))?;
    for line in text.lines() {
        let key = line.split('\t').next().unwrap_or_default().parse();
        keys.insert(key.with_context(|| format!("{name} is damaged"))?);
    }
    Ok(())
}
