//! `cargo xtask bench`: compares Wharf with distribution 3, Debian's docker-registry and, for bytes, nginx with sendfile.
//! All servers use the same data and are measured in turn in one run, so other load on the machine affects all of them.
//! Wharf checks tokens and permissions and writes its access log to a file, the other servers do not.

mod background;
mod burst;
mod cache;
mod call;
mod caller;
mod content;
mod floor;
mod http;
mod limits;
mod list;
mod lists;
mod load;
mod machine;
mod measure;
mod nodes;
mod postgres;
mod rivals;
mod run;
mod scale;
mod series;
mod servers;
mod side;
mod table;
mod target;
mod tls;
mod unit;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::workspace;
use burst::Bursts;
use content::Shelf;
use limits::Limits;
use measure::{Measure, Work};
use run::Run;
use series::Series;
use servers::Servers;
use side::{Case, Side};

/// The options of the command.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// How often each measure is taken on each server; the result is the median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Seconds of each round of reading.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only the measures whose name contains this, such as `manifest`, `push 1 MiB` or `memory after bursts`.
    #[arg(long)]
    only: Option<String>,
    /// Measure only the other servers.
    #[arg(long)]
    rivals_only: bool,
    /// Measure only Wharf, and compare with nothing.
    #[arg(long, conflicts_with = "rivals_only")]
    alone: bool,
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

#[derive(clap::Subcommand)]
enum Part {
    /// Measure the database with many images, and nodes on PostgreSQL and S3: three against one, by layer.
    Scale(scale::Options),
    /// The server that [`Case::Floor`](side::Case) measures, as a process of its own.
    #[command(hide = true)]
    Floor(floor::Options),
    /// Measure how many clients pull one new image through the cache: the first byte, and memory.
    Cache(cache::Options),
}

/// Measures everything and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.part {
        Some(Part::Scale(options)) => return scale::run(options),
        Some(Part::Cache(options)) => return cache::run(options),
        Some(Part::Floor(options)) => return floor::run(options),
        None => {}
    }
    if !(0.1..=600.0).contains(&options.seconds) {
        bail!("--seconds must be between 0.1 and 600");
    }
    let measures = list::chosen(options.only.as_deref());
    if measures.is_empty() && !wants_bursts(options) {
        bail!("--only chose no measure; they are: {}, {}", list::names().join(", "), burst::NAME);
    }
    let folder = options.folder.clone().map_or_else(workspace::target_folder, Ok)?;
    machine::refuse_memory_disk(&folder)?;
    let folder = TempDir::with_prefix_in("bench-", &folder).context("cannot make a folder for the data")?;
    let mut servers = Servers::start(options, folder.path(), &measures)?;
    let run = measure_all(options, &folder, &mut servers, &measures)?;
    report(options, &folder, &run)
}

/// Sends every kind of request to a binary that counts what it runs. The counts are written when it ends.
pub(crate) fn train(binary: &Path) -> Result<()> {
    let options = Options {
        part: None,
        rounds: 1,
        seconds: 0.5,
        only: None,
        rivals_only: false,
        alone: true,
        wharf: Some(binary.to_owned()),
        folder: None,
        output: None,
    };
    let measures: Vec<_> =
        list::chosen(None).into_iter().filter(|measure| measure.case != Case::Floor).collect();
    let folder = TempDir::with_prefix_in("bench-", workspace::target_folder()?)?;
    let mut servers = Servers::start(&options, folder.path(), &measures)?;
    measure_all(&options, &folder, &mut servers, &measures).map(drop)
}

fn wants_bursts(options: &Options) -> bool {
    options.only.as_deref().is_none_or(|only| burst::NAME.contains(&only.to_lowercase()))
}

fn measure_all(
    options: &Options,
    folder: &TempDir,
    servers: &mut Servers,
    measures: &[Measure],
) -> Result<Run> {
    let mut run = Run { sides: servers.sides()?, series: Vec::new(), bursts: Vec::new(), limits: None };
    if wants_bursts(options) {
        sleep(Duration::from_secs(3));
        run.bursts = run.sides.iter().map(Bursts::take).collect::<Result<Vec<_>>>()?;
    }
    if measures.is_empty() {
        return Ok(run);
    }
    if measures.iter().any(|measure| matches!(measure.work, Work::Push(..))) {
        run.limits = Some(Limits::measure(folder.path())?);
    }
    let shelf = servers.fill(&run.sides)?;
    if measures.iter().any(Measure::reads_a_list) {
        run.sides.iter().try_for_each(|side| lists::fill(side, &shelf))?;
    }
    run.series = measures.iter().map(|measure| Series::new(measure, run.sides.len())).collect();
    for (place, measure) in measures.iter().enumerate() {
        if measures.iter().position(|first| first.compares_with(measure)) == Some(place) {
            let alike = run.series.iter_mut().filter(|series| series.measure.compares_with(measure));
            rounds(options, alike.collect(), &run.sides, &shelf)?;
        }
    }
    Ok(run)
}

/// All rounds of measures that are compared with each other: the measures take turns, and the servers.
fn rounds(options: &Options, mut alike: Vec<&mut Series>, sides: &[Side], shelf: &Shelf) -> Result<()> {
    for round in 1..=options.rounds {
        for series in &mut alike {
            let measure = series.measure;
            println!("{}, round {round} …", measure.name());
            one_round(options, series, sides, shelf)?;
        }
    }
    Ok(())
}

fn one_round(options: &Options, series: &mut Series, sides: &[Side], shelf: &Shelf) -> Result<()> {
    let measure = series.measure;
    for (index, side) in sides.iter().enumerate() {
        if !measure.applies_to(side) {
            continue;
        }
        let seconds = Duration::from_secs_f64(options.seconds);
        let sample = measure
            .take(side, shelf, seconds)
            .with_context(|| format!("{} on {}", measure.name(), side.name))?;
        println!("  {}", sample.describe(side.name, &measure));
        series.add(index, sample);
    }
    Ok(())
}

fn report(options: &Options, folder: &TempDir, run: &Run) -> Result<()> {
    let machine = machine::describe(folder.path())?;
    let rounds = format!("* rounds of each measure: {}, of {} s", options.rounds, options.seconds);
    let text = format!("{machine}{rounds}\n\n{}", table::render(run)?);
    println!("\n{text}");
    if let Some(path) = &options.output {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
