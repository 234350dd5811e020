//! Many clients: 500 pull one image at once, and 10,000 connections do nothing.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::fleet::{Fleet, Shape, pull};
use super::layers::Cost;
use crate::bench::content::{KIB, MIB, REPOSITORY, TAG, accept};
use crate::bench::http::Connection;
use crate::bench::load::Sample;
use crate::bench::table::Table;
use crate::bench::unit::grouped;
use crate::process;

const CLIENTS: usize = 500;
const IDLE: usize = 10_000;
/// Memory that a node returns later than this counts as kept.
const SETTLE: Duration = Duration::from_secs(5);

/// What the crowd saw.
#[derive(Clone)]
pub(super) struct Crowd {
    sample: Sample,
    cost: Cost,
    /// How long each client took, sorted.
    times: Vec<Duration>,
}

/// Each client opens a connection of its own, and reads the manifest and all blobs.
pub(super) fn pull_at_once(fleet: &Fleet) -> Result<Crowd> {
    println!("{CLIENTS} clients pull one image by {} …", fleet.shape.serve);
    raise_limit()?;
    let mut times = Vec::new();
    let (sample, cost) = fleet.measured(|| {
        let begun = Instant::now();
        times = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, || one(fleet)))
                .collect::<Result<_, _>>()?;
            let ends =
                clients.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?);
            ends.collect::<Result<Vec<Duration>>>()
        })?;
        Ok(Sample { operations: CLIENTS as u64, elapsed: begun.elapsed(), cpu: 0.0 })
    })?;
    times.sort();
    Ok(Crowd { sample, cost, times })
}

fn one(fleet: &Fleet) -> Result<Duration> {
    let (begun, mut there) = (Instant::now(), None);
    let mut connection = fleet.side.connect()?;
    let head = fleet.side.head("GET", &format!("/v2/{REPOSITORY}/manifests/{TAG}"), &accept());
    let answer = connection.exchange(&head, &[], |_| ())?;
    if answer.status != 200 {
        bail!("a manifest: status {}", answer.status);
    }
    for digest in &fleet.blobs {
        let bytes = if *digest == fleet.small { KIB } else { MIB };
        pull(&mut connection, &mut there, fleet, digest, bytes)?;
    }
    Ok(begun.elapsed())
}

/// A row for each way to serve layers.
pub(super) fn table(rows: &[(&str, Crowd)]) -> String {
    let title = format!(
        "{CLIENTS} clients at once pull one image (3 layers of 1 MiB) from three nodes. CPU milliseconds of each layer for one \
         client."
    );
    let head = ["", "all", "p50", "p99", "nodes", "PostgreSQL", "S3 server", "load balancer", "client"];
    let mut table = Table::new(&title, &head.map(str::to_owned));
    for (name, crowd) in rows {
        let at =
            |percent: usize| crowd.times.get(crowd.times.len() * percent / 100).copied().unwrap_or_default();
        let mut cells = vec![(*name).to_owned()];
        cells.extend(
            [crowd.sample.elapsed, at(50), at(99)].map(|time| format!("{:.2} s", time.as_secs_f64())),
        );
        cells.extend(
            crowd.cost.per(crowd.sample.operations).map(|seconds| format!("{} ms", grouped(seconds * 1e3))),
        );
        table.row(&cells);
    }
    table.text().unwrap_or_default() + "\n"
}

/// The memory of three nodes with many connections that sent one request and then nothing.
#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below what a double counts exactly")]
pub(super) fn idle(binary: &Path) -> Result<String> {
    println!("{IDLE} idle connections …");
    raise_limit()?;
    let fleet = Fleet::start(binary, Shape { nodes: 3, serve: "stream" })?;
    let nodes: Vec<String> = fleet.cluster.nodes.iter().map(|node| node.address().to_string()).collect();
    let memory = || -> Result<u64> {
        let pids = (1..=nodes.len()).map(|number| fleet.cluster.pid(&format!("node-{number}")));
        pids.map(|pid| process::memory_kib(u32::try_from(pid?)?, "VmRSS")).sum()
    };
    let (before, request) = (memory()?, fleet.side.head("GET", "/v2/", ""));
    let open = nodes
        .iter()
        .cycle()
        .take(IDLE)
        .map(|address| {
            let mut connection = Connection::small(address)?;
            connection.exchange(&request, &[], |_| ())?;
            Ok(connection)
        })
        .collect::<Result<Vec<_>>>()?;
    thread::sleep(SETTLE);
    let (with, begun) = (memory()?, Instant::now());
    let head = fleet.side.head("GET", &format!("/v2/{REPOSITORY}/manifests/{TAG}"), &accept());
    let answer = fleet.side.connect()?.exchange(&head, &[], |_| ()).context("a request beside them")?;
    let took = begun.elapsed();
    drop(open);
    Ok(format!(
        "{IDLE} idle connections to three nodes: {:.1} KiB of memory each ({} → {} MiB in all); a manifest meanwhile: status \
         {} after {:.1} ms.\n\n",
        with.saturating_sub(before) as f64 / IDLE as f64,
        before / 1024,
        with / 1024,
        answer.status,
        took.as_secs_f64() * 1e3,
    ))
}

/// Each connection needs a file.
fn raise_limit() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")
}
