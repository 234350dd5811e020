//! `wharf backup`: copies a deployment to a folder, also while a server runs, and shows and removes old snapshots.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use blob::disk::remove_others;
use blob::{ObjectKey, Place};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use meta::{Meta, SqliteOptions};
use oci::digest::{Algorithm, Digest, Hasher};
use serde_json::json;

use super::say;
use super::store::Options;
use crate::backup::copying::copy_objects;
use crate::backup::files::{copy_file, sync_folder};
use crate::backup::folder::{BackupFolder, DATABASE, OBJECTS, RECORD, Record, SECRETS, Snapshot};
use crate::backup::source::{Begun, Source};
use crate::files;

pub(crate) const HELP: &str = "\
Copies the database and the bytes of layers to a folder of this machine, best on another disk. Each run adds a snapshot; the
bytes of layers are copied once and shared by all snapshots. The command reads the files of the server, so it runs on the
same machine as the same user. The server goes on serving: it writes a snapshot of its database into its data folder, and
keeps the bytes that the snapshot names until the command has ended, or at most --hold-seconds. A run that was
interrupted does not count, and the next run continues it.

On a running server the caller must be in the management account and needs organizations:WharfStartBackup and
organizations:WharfEndBackup. With --data-dir or --config the command opens the store itself; then the server must be
stopped. Only SQLite with a folder of blobs is backed up; for PostgreSQL and buckets see docs/operations.md.

The master key is not copied, unless you ask for it: without it nobody can use the backup, so keep a copy of it elsewhere.
With --with-master-key the backup also has the access key of `wharf dev` (dev.toml).

Exit codes: 0 the snapshot is complete, 4 layers are damaged and there is no new snapshot, 1 the backup failed.

Examples:
  wharf backup /mnt/backup/registry
  wharf backup /mnt/backup/registry --with-master-key --json
  wharf backup /mnt/backup/registry --config /etc/wharf.toml       # while the server is stopped
  wharf backup list /mnt/backup/registry
  wharf backup prune /mnt/backup/registry --keep 7";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// The folder of the backup; it is created.
    #[arg(value_name = "DIR", required = true)]
    folder: Option<PathBuf>,
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
        /// The folder of the backup.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove old snapshots, and then the bytes that no snapshot names.
    Prune {
        /// The folder of the backup.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
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
        Some(BackupCommand::List { folder, json }) => list(folder, *json),
        Some(BackupCommand::Prune { folder, keep }) => prune(folder, *keep),
        None => create(&backup).await,
    }
}

async fn create(options: &Backup) -> anyhow::Result<()> {
    let folder = BackupFolder::create(options.folder.as_deref().context("no folder")?)?;
    let source = Source::open(&options.options).await?;
    let in_progress = folder.in_progress();
    // A run that was interrupted may have left its hold.
    if let Some(id) = files::read_optional(&in_progress)? {
        source.end(&String::from_utf8_lossy(&id)).await?;
    }
    let taken_at = Timestamp::now();
    let begun = source.begin(Duration::from_secs(options.hold_seconds)).await?;
    files::write_private(&in_progress, begun.id.as_bytes())?;
    let written = write_snapshot(&folder, &begun, taken_at, options.with_master_key).await;
    let ended = source.end(&begun.id).await;
    let (name, record) = written?;
    ended?;
    files::remove(&in_progress)?;
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
    folder: &BackupFolder,
    begun: &Begun,
    taken_at: Timestamp,
    with_master_key: bool,
) -> anyhow::Result<(String, Record)> {
    let (name, path) = folder.begin_snapshot(taken_at)?;
    let (from, to) = (begun.snapshot.clone(), path.join(DATABASE));
    let (database_bytes, digest) = tokio::task::spawn_blocking(move || copy_file(&from, &to)).await??;
    let rows = Meta::sqlite(&begun.snapshot, SqliteOptions::default()).await;
    let rows = rows.with_context(|| format!("cannot open {}", begun.snapshot.display()))?;
    let list = path.join(OBJECTS);
    let mut lines = BufWriter::new(fs::File::create_new(&list)?);
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let copied = copy_objects(&rows, (&begun.roots, &folder.roots()), |row| {
        let line = format!("{}\t{}\t{}\n", row.object_key, row.digest, row.size);
        hasher.update(line.as_bytes());
        lines.write_all(line.as_bytes())
    })
    .await?;
    lines.into_inner()?.sync_all()?;
    drop(rows);
    if !copied.problems.is_empty() {
        complain(&copied.problems);
        let then = ": run `wharf fsck`, and repair what it finds. There is no new snapshot";
        return Err(Damaged { found: copied.problems.len(), then }.into());
    }
    if with_master_key {
        let sources = [begun.master_key.clone(), begun.data_dir.join("dev.toml")];
        for (source, name) in sources.iter().zip(SECRETS) {
            if let Some(secret) = files::read_optional(source)? {
                files::write_private(&path.join(name), &secret)?;
            }
        }
    }
    sync_folder(&path)?;
    let record = Record {
        taken_at: taken_at.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        objects: copied.objects,
        bytes: copied.bytes,
        copied_objects: copied.copied_objects,
        copied_bytes: copied.copied_bytes,
        database_bytes,
        database_digest: digest.to_string(),
        objects_digest: hasher.finish().to_string(),
        has_master_key: with_master_key,
    };
    files::write_private(&path.join(RECORD), &serde_json::to_vec_pretty(&record)?)?;
    Ok((name, record))
}

/// Names what is damaged.
#[expect(clippy::print_stderr, reason = "standard output has only the result")]
pub(crate) fn complain(problems: &[String]) {
    for problem in problems {
        eprintln!("{problem}");
    }
}

fn list(folder: &Path, as_json: bool) -> anyhow::Result<()> {
    let snapshots = BackupFolder::open(folder, false)?.snapshots()?;
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

fn prune(path: &Path, keep: u64) -> anyhow::Result<()> {
    let folder = BackupFolder::open(path, true)?;
    let mut snapshots = folder.snapshots()?;
    let surplus = snapshots.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    let kept = snapshots.split_off(surplus);
    // Before anything is removed.
    let mut keys = HashSet::new();
    for snapshot in &kept {
        read_keys(snapshot, &mut keys)?;
    }
    if kept.is_empty() {
        return say("There is no snapshot.");
    }
    for snapshot in &snapshots {
        // Without its record it does not count.
        files::remove(&snapshot.path.join(RECORD))?;
        sync_folder(&snapshot.path)?;
        fs::remove_dir_all(&snapshot.path)
            .with_context(|| format!("cannot remove {}", snapshot.path.display()))?;
    }
    let (mut objects, mut bytes) = (0, 0);
    let roots = folder.roots();
    for (place, root) in [(Place::Standard, Some(roots.standard)), (Place::Archive, roots.archive)] {
        if let Some(root) = root {
            let removed = remove_others(&root, place, |key| keys.contains(key))?;
            objects += removed.0;
            bytes += removed.1;
        }
    }
    say(&format!("Removed {} snapshots, and {objects} objects of {bytes} bytes.", snapshots.len()))
}

/// The keys of the objects of a snapshot. A list that was changed is refused: what it does not name would be removed.
fn read_keys(snapshot: &Snapshot, keys: &mut HashSet<ObjectKey>) -> anyhow::Result<()> {
    let path = snapshot.path.join(OBJECTS);
    let file = fs::File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let (mut lines, mut line) = (BufReader::new(file), String::new());
    while lines.read_line(&mut line)? > 0 {
        hasher.update(line.as_bytes());
        let key = line.split('\t').next().unwrap_or_default().parse();
        keys.insert(key.with_context(|| format!("{} is damaged", path.display()))?);
        line.clear();
    }
    let found: Digest = hasher.finish();
    if found.to_string() != snapshot.record.objects_digest {
        bail!("{} is damaged, so nothing is removed", path.display());
    }
    Ok(())
}
