//! Nodes on PostgreSQL and S3: three against one on the same machine, layers by stream and by redirect against a folder,
//! many clients at once, idle connections, and operations of the database alone.

mod crowd;
mod fleet;
mod layers;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use self::fleet::{Fleet, Shape};
use self::layers::Cost;
use super::content::{MIB, REPOSITORY};
use super::load::{self, Sample};
use super::side::Side;
use super::table::Table;
use super::unit::{Unit, grouped};
use crate::running::Wharf;
use crate::{command, workspace};

/// How long each reading is measured.
const SPAN: Duration = Duration::from_secs(3);
/// Connections of the load.
const CONNECTIONS: usize = 16;
const LAYER: u64 = 16 * MIB;

/// Measures everything and returns the tables.
pub(crate) fn run(binary: &Path, folder: &Path) -> Result<String> {
    let one = whole(&Fleet::start(binary, Shape { nodes: 1, serve: "stream" })?)?;
    let fleet = Fleet::start(binary, Shape { nodes: 3, serve: "stream" })?;
    let three = whole(&fleet)?;
    let mut text = compare(&one, &three);
    let stream = fleet.layers(LAYER, CONNECTIONS)?;
    let crowd = vec![("stream", crowd::pull_at_once(&fleet)?)];
    drop(fleet);
    let fleet = Fleet::start(binary, Shape { nodes: 3, serve: "redirect" })?;
    let redirect = fleet.layers(LAYER, CONNECTIONS)?;
    let crowd = [crowd, vec![("redirect", crowd::pull_at_once(&fleet)?)]].concat();
    drop(fleet);
    let disk = on_disk(binary, folder)?;
    text += &bytes(&[("a folder, one node", disk), ("S3, stream", stream), ("S3, redirect", redirect)]);
    text += &crowd::table(&crowd);
    text += &crowd::idle(binary)?;
    Ok(text + &database(folder)?)
}

/// One kind of request, measured on a fleet.
struct Line {
    name: &'static str,
    sample: Sample,
    cost: Cost,
}

/// Each kind of request through the load balancer.
fn whole(fleet: &Fleet) -> Result<Vec<Line>> {
    let side = &fleet.side;
    let blob = |digest: &str| format!("/v2/{REPOSITORY}/blobs/{digest}");
    let manifest = format!("/v2/{REPOSITORY}/manifests/{}", super::content::TAG);
    let (small, layer) = (blob(&fleet.small), blob(&fleet.layer));
    let describe = format!(r#"{{"repositoryName":"{REPOSITORY}","imageIds":[{{"imageTag":"latest"}}]}}"#);
    let works: Vec<(&'static str, Work<'_>)> = vec![
        ("GET manifest by tag", Box::new(|| load::read(side, &manifest, None, CONNECTIONS, SPAN))),
        ("HEAD blob", Box::new(|| load::head(side, &layer, fleet.layer_bytes, CONNECTIONS, SPAN))),
        ("GET 1 KiB blob", Box::new(|| load::read(side, &small, None, CONNECTIONS, SPAN))),
        ("GET 1 MiB blob", Box::new(|| load::read(side, &layer, None, CONNECTIONS, SPAN))),
        (
            "DescribeImages by tag",
            Box::new(|| load::call(side, "DescribeImages", &describe, CONNECTIONS, SPAN)),
        ),
        ("push 1 MiB layer", Box::new(|| fleet.push(MIB, 100, CONNECTIONS))),
        ("PUT manifest", Box::new(|| fleet.put_manifests(200, CONNECTIONS))),
    ];
    works
        .into_iter()
        .map(|(name, work)| {
            println!("{} nodes: {name} …", fleet.shape.nodes);
            let (sample, cost) = fleet.measured(work)?;
            Ok(Line { name, sample, cost })
        })
        .collect()
}

type Work<'a> = Box<dyn Fn() -> Result<Sample> + 'a>;

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn per_second(sample: &Sample) -> f64 {
    sample.operations as f64 / sample.elapsed.as_secs_f64()
}

/// The rates, and the CPU time of each layer for one request.
fn compare(one: &[Line], three: &[Line]) -> String {
    let head =
        ["", "1 node", "3 nodes", "factor", "nodes", "PostgreSQL", "S3 server", "load balancer", "client"];
    let title = format!(
        "Rates over {CONNECTIONS} connections, and CPU time of each layer for one request (with 1 node → with 3 nodes). All \
         share the processors, so the CPU time tells what scales: a layer whose time per request stays scales with its \
         machines."
    );
    let mut table = Table::new(&title, &head.map(str::to_owned));
    for (before, after) in one.iter().zip(three) {
        let rates = [per_second(&before.sample), per_second(&after.sample)];
        let factor = format!("{:.2}", rates[1] / rates[0]);
        let mut cells = vec![before.name.to_owned(), Unit::Operations.rate(rates[0])];
        cells.extend([Unit::Operations.rate(rates[1]), factor]);
        let costs = [before, after].map(|line| line.cost.per(line.sample.operations));
        for (left, right) in costs[0].iter().zip(&costs[1]) {
            cells.push(format!("{} → {} µs", grouped(left * 1e6), grouped(right * 1e6)));
        }
        table.row(&cells);
    }
    table.text().unwrap_or_default() + "\n"
}

/// Reading layers from one node with a folder.
fn on_disk(binary: &Path, folder: &Path) -> Result<(Sample, Cost)> {
    let wharf = Wharf::start_in(binary, folder)?;
    wharf.aws(&["ecr", "create-repository", "--repository-name", REPOSITORY])?;
    let side = Side::wharf(&wharf)?;
    let blob = super::content::Blob::random(LAYER)?;
    load::push(&mut side.connect()?, &side, &blob)?;
    let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    let sample = load::read(&side, &path, Some(LAYER), CONNECTIONS, SPAN)?;
    Ok((sample, Cost { nodes: sample.cpu, ..Cost::default() }))
}

fn bytes(rows: &[(&str, (Sample, Cost))]) -> String {
    let head = ["", "rate", "nodes", "PostgreSQL", "S3 server", "load balancer", "client"];
    let title = "GET of a layer of 16 MiB: the rate, and CPU seconds of each layer for one GiB.";
    let mut table = Table::new(title, &head.map(str::to_owned));
    for (name, (sample, cost)) in rows {
        let unit = Unit::Bytes(LAYER);
        let mut cells = vec![(*name).to_owned(), unit.rate(per_second(sample))];
        cells.extend(cost.per(sample.operations).map(|seconds| unit.cpu(seconds)));
        table.row(&cells);
    }
    table.text().unwrap_or_default() + "\n"
}

/// Operations of the store alone, with 1, 16 and 64 callers.
fn database(folder: &Path) -> Result<String> {
    println!("operations of the database …");
    let mut spike = workspace::cargo();
    spike.args(["run", "--locked", "--release", "--quiet", "-p", "meta", "--example", "spike", "--"]);
    let printed = command::capture(spike.arg(folder))?;
    let title = "Operations per second of the store alone, by callers (n); the last column is the CPU time of Resolve.";
    Ok(format!("{title}\n\n```\n{}\n```\n", printed.trim_end()))
}
