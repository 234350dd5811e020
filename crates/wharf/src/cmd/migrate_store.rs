//! `wharf migrate-store`: moves a whole store between SQLite and PostgreSQL, and between folders and buckets.

use std::path::PathBuf;

use anyhow::bail;
use blob::Store;
use clap::{Args, Subcommand, ValueEnum};
use meta::{HasArchivedObjects, ListTables};
use registry::fsck::Report;
use serde_json::json;

use super::backup::{Damaged, complain};
use super::fsck::{self, Problems};
use super::say;
use crate::aws_client::Connection;
use crate::store_move::{
    self, Blobs, Destination, Progress, Side, Source, check, compare_rows, copy_bytes, copy_rows,
};

pub(crate) const HELP: &str = "\
Copies all rows and the bytes of all layers of one deployment to another database, another store of layers, or both: between
SQLite and PostgreSQL, and between folders and buckets, in any direction. --from and --to are configuration files of
`wharf serve`, or data folders of `wharf dev`. Where both name the same database, only the layers are moved; where both name
the same layers, only the rows. The environment (WHARF__…) is not applied to the files.

The source serves pulls meanwhile. It is read-only: it answers changes with 503 and Retry-After, on every node and also after
a restart, until you release it. With SQLite, the command calls the server that runs on --from, on its machine and as its
user; the caller must be in the management account and needs organizations:WharfStartStoreMove, and to release the store also
organizations:WharfEndStoreMove. With PostgreSQL, or if no
server runs, the command opens the database itself.

The destination must be empty. If the command is interrupted, run it again with the same files: it goes on. No server starts
on a destination that is not complete. At the end all rows are compared, and the new store is checked as by `wharf fsck
--quick`; a sample of the layers is read again, with --verify all every layer. The master key is copied, if the destination
has none. Uploads in progress are not moved if the layers are: clients start them again.

Then stop the servers of --from, and start servers with --to. After a move of the layers alone, the database is writable again
when you run `wharf migrate-store release --at FILE`: do it when every node uses the new store. The same command makes the
source writable, if you give up a move. Remove the destination then: a command that still copies ends with an error.

Exit codes: 0 the store is moved, 4 layers are missing or damaged, 1 the move failed.

Examples:
  wharf migrate-store --from /etc/wharf.toml --to /etc/wharf-scaled.toml
  wharf migrate-store --from .wharf --to /etc/wharf.toml --verify all --json
  wharf migrate-store release --at /etc/wharf.toml";

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct MigrateStore {
    #[command(subcommand)]
    command: Option<MigrateStoreCommand>,
    /// The configuration file, or the data folder, of the store that is moved.
    #[arg(long, value_name = "FILE", required = true)]
    from: Option<PathBuf>,
    /// The configuration file, or the data folder, of the new store.
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// Which layers are read again at the end.
    #[arg(long, value_enum, default_value_t = Verify::Sample)]
    verify: Verify,
    /// Print JSON: the result, and lines of progress on standard error.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Subcommand)]
enum MigrateStoreCommand {
    /// Make a store writable again.
    Release {
        /// The configuration file, or the data folder, of the store.
        #[arg(long, value_name = "FILE")]
        at: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Which layers are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verify {
    /// About a hundred, spread over all.
    Sample,
    /// Every one.
    All,
}

pub(crate) async fn run(options: MigrateStore) -> anyhow::Result<()> {
    match (&options.command, &options.from, &options.to) {
        (Some(MigrateStoreCommand::Release { at, connection }), ..) => {
            store_move::release(&Side::read(at)?, connection).await?;
            say("The store is writable.")
        }
        (None, Some(from), Some(to)) => migrate(&options, &Side::read(from)?, &Side::read(to)?).await,
        (None, ..) => bail!("--from and --to are missing"),
    }
}

async fn migrate(options: &MigrateStore, from: &Side, to: &Side) -> anyhow::Result<()> {
    let (moves_rows, moves_bytes) = (!to.has_database_of(from), !to.has_blobs_of(from));
    if !moves_rows && !moves_bytes {
        bail!("--from and --to have the same database and the same layers: there is nothing to move");
    }
    let progress = Progress::new(options.json);
    let source = Source::begin(from, &options.connection).await?;
    let tables = source.rows.read(ListTables).await?;
    let destination = if moves_rows {
        let opened = Destination::open(to, &source.id, &tables).await?;
        store_move::copy_keys(from, to)?;
        Some(opened)
    } else {
        None
    };
    let old = Blobs::of_source(&from.blobs).await?;
    let new = if moves_bytes { Some(Blobs::of_destination(&to.blobs, &source.id).await?) } else { None };
    if let Some(new) = &new {
        move_layers(&source, (&old, new), &progress).await?;
    }
    let mut rows = 0;
    if let Some(destination) = &destination {
        progress.phase("rows");
        copy_rows(&source.rows, &destination.rows, &tables, &progress).await?;
        progress.phase("comparison");
        rows = compare_rows(&source.rows, &destination.rows, &tables, &progress).await?;
    }
    progress.phase("check");
    let new_rows = destination.as_ref().map_or(&source.rows, |destination| &destination.rows);
    let blobs = new.as_ref().map_or(&old, |new| &new.store);
    let (objects, _) = store_move::count(new_rows).await?;
    let (report, read) = check(new_rows, (from, blobs), objects, options.verify == Verify::All).await?;
    if !report.findings.is_empty() {
        say(&fsck::text(&report))?;
        return Problems::of(&report);
    }
    source.check_read_only(from, &options.connection).await?;
    match (&destination, &new) {
        (Some(destination), Some(_)) => destination.end(&source, true).await?,
        (Some(destination), None) => {
            store_move::take_store(&from.blobs, &old, &source.id).await?;
            destination.end(&source, false).await?;
        }
        (None, Some(new)) => {
            let (old, new) = ((&from.blobs, &old), (&to.blobs, &new.store));
            store_move::exchange_ids(&source.rows, old, new, &source.id).await?;
        }
        (None, None) => {}
    }
    let state = progress.state();
    let id = source.id.clone();
    drop(source);
    if options.json {
        return say(&serde_json::to_string_pretty(&json!({
            "MoveId": id, "Objects": state.objects, "Bytes": state.bytes, "CopiedObjects": state.copied_objects,
            "CopiedBytes": state.copied_bytes, "Tables": tables.len(), "Rows": rows, "CopiedRows": state.copied_rows,
            "ReadAgain": read, "Check": report, "MovesRows": moves_rows, "MovesLayers": moves_bytes,
        }))?);
    }
    say(&told(moves_rows, (state.objects, state.bytes, rows), read, &report))
}

/// Copies the layers, unless the destination has no place for some of them.
async fn move_layers(
    source: &Source,
    (old, new): (&Store, &Blobs),
    progress: &Progress,
) -> anyhow::Result<()> {
    if !store_move::has_archive(&new.store) && source.rows.read(HasArchivedObjects).await? {
        bail!(
            "layers are in the archive, for which --to has no place: set blobs.archive_path there, or restore the \
             archived images first"
        );
    }
    progress.phase("layers");
    let (objects, bytes) = store_move::count(&source.rows).await?;
    progress.expect(objects, bytes);
    let problems = copy_bytes(&source.rows, (old, new), progress).await?;
    if problems.is_empty() {
        return Ok(());
    }
    complain(&problems);
    let then = ": release the source, run `wharf fsck` there, and repair what it finds. Nothing is lost";
    Err(Damaged { found: problems.len(), then }.into())
}

/// The result, and what the operator does next.
fn told(moves_rows: bool, (objects, bytes, rows): (u64, u64, u64), read: u64, report: &Report) -> String {
    let then = if moves_rows {
        "Stop the servers of --from, which stay read-only, and start servers with --to."
    } else {
        "Restart all servers with --to. When all of them use it, run: wharf migrate-store release --at FILE"
    };
    let checked = fsck::text(report);
    format!(
        "Moved {objects} objects of {bytes} bytes and {rows} rows. {read} objects were read again.\n{checked}\n{then}"
    )
}
