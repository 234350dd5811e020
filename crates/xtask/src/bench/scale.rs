//! `cargo xtask bench scale`: runs the measurement of the database with many images and prints its lines as a table. Then a
//! server collects as many layers and evaluates a lifecycle policy over as many images, while requests are measured.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::table::Table;
use super::{background, machine};
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
    /// Also write the table to this file.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Fills a database, measures it and prints the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.folder.clone().map_or_else(workspace::target_folder, Ok)?;
    machine::refuse_memory_disk(&folder)?;
    let folder =
        TempDir::with_prefix_in("scale-", &folder).context("cannot make a folder for the database")?;
    let mut text = machine::describe(folder.path())?;
    if options.wharf.is_none() {
        let mut cargo = workspace::cargo();
        cargo.args(["run", "--locked", "--release", "--package", "meta", "--example", "scale", "--"]);
        let printed = command::capture(cargo.arg(folder.path()).arg(options.images.to_string()))?;
        text = format!("{text}\n{}", table(&printed));
    }
    let size = background::Size { layers: options.images, images: options.images };
    let beside = background::run(options.wharf.as_ref(), folder.path(), size)?;
    let text = format!("{text}\n{beside}");
    println!("\n{text}");
    if let Some(path) = &options.output {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
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
