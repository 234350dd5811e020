//! `cargo xtask abuse`: attacks on our own server, with honest clients at the same time. Each attack runs alone on a
//! fresh server, and finally all run together. All traffic uses loopback, is limited in number and time, and stops by
//! itself.

mod agent;
mod answers;
mod attack;
mod bodies;
mod client;
mod content;
mod descriptors;
mod honest;
mod latency;
mod members;
mod outcome;
mod pattern;
mod policies;
mod readers;
mod server;
pub(crate) mod sign;
mod site;
mod slots;
mod streams;
mod trial;
mod unread;
mod watch;
mod windows;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;

use crate::tally::Tally;
use crate::workspace;
use attack::{Attack, Scale};
use outcome::Verdict;

/// The open files of the clients of all attacks together.
const CLIENT_FILES: u64 = 12_000;
/// The address of the attackers if they do not share the honest clients' address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The short form, for CI: fewer honest clients and shorter times.
    #[arg(long)]
    short: bool,
    /// Only the attacks whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// The `wharf` binary to attack; by default one is built: with the release profile, or in the short form with the
    /// development profile.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Attackers use 127.0.0.66; by default they share the honest clients' 127.0.0.1.
    #[arg(long)]
    apart: bool,
    /// Print the results as one line of JSON instead of the table.
    #[arg(long)]
    json: bool,
}

/// The short form, for CI: each attack alone. If all attacks and a development build of the server share two
/// processors, the result only shows how long clients wait for a processor.
pub(crate) fn short() -> Result<Tally> {
    println!("not part of CI: cargo xtask abuse --only together");
    let alone = Attack::ALL.into_iter().filter(|attack| *attack != Attack::Together).collect();
    make(&Options { short: true, only: None, binary: None, apart: false, json: false }, alone)
}

/// Runs the attacks and prints their results.
pub(crate) fn run(options: &Options) -> Result<Tally> {
    let only = options.only.as_deref().unwrap_or_default();
    let chosen: Vec<Attack> = Attack::ALL.into_iter().filter(|attack| attack.name().contains(only)).collect();
    if chosen.is_empty() {
        bail!("--only chose no attack; they are: {}", Attack::ALL.map(Attack::name).join(", "));
    }
    make(options, chosen)
}

fn make(options: &Options, chosen: Vec<Attack>) -> Result<Tally> {
    let binary = options.binary.clone().map_or_else(|| workspace::build_wharf(!options.short), Ok)?;
    raise_file_limit()?;
    let attackers = if options.apart { ELSEWHERE } else { Ipv4Addr::LOCALHOST };
    let scale = Scale { short: options.short };
    let mut verdicts = Vec::new();
    for attack in chosen {
        let verdict = one(&binary, attack, scale, attackers)
            .unwrap_or_else(|error| Verdict::broken(attack.name(), &error));
        if !options.json {
            verdict.print();
        }
        verdicts.push(verdict);
    }
    if options.json {
        println!("{}", outcome::to_json(&verdicts));
    } else {
        println!("\n{}\n", outcome::table(&verdicts));
    }
    let mut tally = Tally::default();
    for verdict in &verdicts {
        tally += verdict.tally();
    }
    Ok(tally)
}

/// One attack with its own runtime, so nothing of it affects the next one.
fn one(binary: &Path, attack: Attack, scale: Scale, attackers: Ipv4Addr) -> Result<Verdict> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let verdict = runtime.block_on(trial::run(binary, attack, scale, attackers));
    runtime.shutdown_background();
    verdict
}

/// The clients need more descriptors than the soft limit of a shell.
fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < CLIENT_FILES) {
        bail!("the hard limit of open files (ulimit -Hn) must be at least {CLIENT_FILES}");
    }
    setrlimit(
        Resource::Nofile,
        Rlimit { current: limit.maximum.or(Some(CLIENT_FILES)), maximum: limit.maximum },
    )
    .context("cannot raise the limit of open files")
}
