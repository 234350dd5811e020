//! `cargo xtask bench scale`: runs the measurement of the database with many images and prints its lines as a table. Then a
//! server collects as many layers and evaluates a lifecycle policy over as many images, while requests are measured. Then
//! three nodes on PostgreSQL and S3 are compared with one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::table::Table;
use super::{background, machine, nodes};
use crate::{command, workspace};

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many images, in ten repositories.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(50_000..))]
    images: u32,
    /// The `wharf` binary to measure; by default one is built with the release profile. The database alone is not measured
    /// then.
    #[arg(long)]
    wharf: Option<PathBuf>,
    /// The folder for the database, on a real disk [default: cargo's target folder].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Measure only the database with many images, or only the nodes.
    #[arg(long)]
    only: Option<Part>,
    /// Also write the table to this file.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// A part of the measurement.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The database with many images, alone and beside background work.
    Images,
    /// Nodes on PostgreSQL and S3.
    Nodes,
}

/// Measures all parts, or one, and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.folder.clone().map_or_else(workspace::target_folder, Ok)?;
    machine::refuse_memory_disk(&folder)?;
    let folder =
        TempDir::with_prefix_in("scale-", &folder).context("cannot make a folder for the database")?;
    let wants = |part| options.only.is_none_or(|only| only == part);
    let mut text = String::new();
    if wants(Part::Images) {
        text = images(options, folder.path())?;
    }
    if wants(Part::Nodes) {
        let binary = options.wharf.clone().map_or_else(|| workspace::build_wharf(true), Ok)?;
        text = format!("{text}{}", nodes::run(&binary, folder.path())?);
    }
    // At the end, for the load of the machine.
    let text = format!("{}\n{text}", machine::describe(folder.path())?);
    println!("\n{text}");
    if let Some(path) = &options.output {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Fills a database and measures it, alone and beside background work.
fn images(options: &Options, folder: &Path) -> Result<String> {
    let mut text = String::new();
    if options.wharf.is_none() {
        let mut cargo = workspace::cargo();
        cargo.args(["run", "--locked", "--release", "--package", "meta", "--example", "scale", "--"]);
        let printed = command::capture(cargo.arg(folder).arg(options.images.to_string()))?;
        text = format!("{}\n", table(&printed));
    }
    let size = background::Size { layers: options.images, images: options.images };
    let beside = background::run(options.wharf.as_ref(), folder, size)?;
    Ok(format!("{text}{beside}\n"))
}

/// The lines with a time as a table, the others below it.
fn table(printed: &str) -> String {
    let mut times = Table::new("The database with many images.", &["", "time"].map(str::to_owned));
    let mut others = String::new();
    for line in printed.lines().filter(|line| !line.trim().is_empty()) {
        match time(line) {
            Some((what, milliseconds)) => times.row(&[what.to_owned(), format!("{milliseconds} ms")]),
            None => others.extend(["* ", line, "\n"]),
        }
    }
    format!("{}\n{others}", times.text().unwrap_or_default())
}

/// What was measured and its milliseconds: `open      12.345 ms`.
fn time(line: &str) -> Option<(&str, &str)> {
    let (what, number) = line.strip_suffix(" ms")?.rsplit_once(' ')?;
    number.parse::<f64>().ok()?;
    Some((what.trim(), number))
}

#[cfg(test)]
mod tests {
    use super::{table, time};

    #[test]
    fn a_line_with_a_time_is_a_row() {
        let line = "page of 100 images, Any, first                       0.412 ms";
        assert_eq!(time(line), Some(("page of 100 images, Any, first", "0.412")));
        assert_eq!(time("1000 images in 10 repositories"), None);
        assert_eq!(time("purge: 3 slices, longest 2.1 ms"), Some(("purge: 3 slices, longest", "2.1")));
    }

    #[test]
    fn other_lines_are_below_the_table() {
        let text = table("7 images in 2 repositories\nopen   1.5 ms\n");
        assert!(text.ends_with("| open | 1.5 ms |\n\n* 7 images in 2 repositories\n"), "{text}");
    }
}
