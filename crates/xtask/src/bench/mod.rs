//! `cargo xtask bench`: compares Wharf with Debian's docker-registry and, for bytes, with nginx with sendfile. All
//! servers use the same data and are measured in turn in one run, so other load on the machine affects all of them.
//! Wharf checks tokens and permissions, the other servers do not.

mod content;
mod http;
mod load;
mod machine;
mod measure;

mod rivals;
mod side;
mod table;
mod tls;

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::running::Wharf;
use crate::workspace;
use content::Shelf;
use measure::{Measure, Series};
use side::{Memory, Side};
use tls::Tls;

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often each measure is taken on each server; the result is the median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of each round of reading.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only the measures whose name contains this, such as `manifest` or `push 1 MiB`.
    #[arg(long)]
    only: Option<String>,
    /// Measure only the other servers.
    #[arg(long)]
    rivals_only: bool,
    /// The `wharf` binary to measure; by default one is built with the release profile.
    #[arg(long)]
    wharf: Option<PathBuf>,
    /// The folder for the servers' data, on a real disk [default: cargo's target folder].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write the tables to this file.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Measures everything and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !(0.1..=600.0).contains(&options.seconds) {
        bail!("--seconds must be between 0.1 and 600");
    }
    let measures = measure::chosen(options.only.as_deref());
    if measures.is_empty() {
        bail!("--only chose no measure; they are: {}", measure::names().join(", "));
    }
    let folder = options.folder.clone().map_or_else(workspace::target_folder, Ok)?;
    machine::refuse_memory_disk(&folder)?;
    let folder = TempDir::with_prefix_in("bench-", &folder).context("cannot make a folder for the data")?;
    let needs_tls = measures.iter().any(Measure::is_over_tls);
    let (wharf, tls) = start_wharf(options, &folder, needs_tls)?.unzip();
    let rivals = rivals::start(folder.path())?;
    let mut sides = Vec::new();
    if let Some(wharf) = &wharf {
        sides.push(Side::wharf(wharf)?.with_tls(tls.flatten()));
    }
    sides.extend(rivals.sides());

    sleep(Duration::from_secs(3));
    let idle = sides.iter().map(Side::memory).collect::<Result<Vec<_>>>()?;
    let shelf = Shelf::fill(&sides, rivals.nginx_root())?;
    if measures.iter().any(Measure::reads_a_page) {
        sides.iter().filter(|side| side.is_ecr()).try_for_each(content::fill_page)?;
    }
    let mut series = Vec::new();
    for measure in measures {
        series.push(rounds(options, &measure, &sides, &shelf)?);
    }
    report(options, &folder, &sides, &series, &idle)
}

/// Wharf, and a second one with TLS if it is measured.
fn start_wharf(options: &Options, folder: &TempDir, needs_tls: bool) -> Result<Option<(Wharf, Option<Tls>)>> {
    if options.rivals_only {
        return Ok(None);
    }
    let binary = options.wharf.clone().map_or_else(|| workspace::build_wharf(true), Ok)?;
    let wharf = Wharf::start_in(&binary, folder.path())?;
    for name in [content::REPOSITORY, content::MANY] {
        wharf.aws(&["ecr", "create-repository", "--repository-name", name])?;
    }
    let tls = needs_tls.then(|| Tls::start(&binary, folder.path())).transpose()?;
    Ok(Some((wharf, tls)))
}

/// All rounds of one measure, with the servers in turn.
fn rounds(options: &Options, measure: &Measure, sides: &[Side], shelf: &Shelf) -> Result<Series> {
    let mut series = Series::new(measure, sides.len());
    println!("{} …", measure.name());
    for round in 1..=options.rounds {
        for (index, side) in sides.iter().enumerate() {
            if !measure.applies_to(side) {
                continue;
            }
            let seconds = Duration::from_secs_f64(options.seconds);
            let sample = measure
                .take(side, shelf, seconds)
                .with_context(|| format!("{} on {}", measure.name(), side.name))?;
            println!("  round {round}: {}", sample.describe(side.name, measure));
            series.add(index, sample);
        }
    }
    Ok(series)
}

fn report(
    options: &Options,
    folder: &TempDir,
    sides: &[Side],
    series: &[Series],
    idle: &[Memory],
) -> Result<()> {
    let machine = machine::describe(folder.path())?;
    let text = format!("{machine}\n{}", table::render(sides, series, idle)?);
    println!("\n{text}");
    if let Some(path) = &options.output {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
