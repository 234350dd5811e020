//! Requests while background work runs: the collection of many layers, and the evaluation of a lifecycle policy over many
//! images. The same requests are measured before, when nothing runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;

use super::content::{Blob, KIB, MANIFEST_TYPE, REPOSITORY, accept};
use super::load;
use super::side::Side;
use super::table::Table;
use crate::running::Wharf;
use crate::{command, workspace};

/// The repository with the many images, and without a policy at first.
const MANY: &str = "scale/many";
/// How long requests are measured when nothing else runs.
const QUIET: Duration = Duration::from_secs(10);
/// The longest time for the background work.
const LONGEST: Duration = Duration::from_hours(1);
const TAG: &str = "live";

/// Latencies of manifest GETs and pushes of layers of 1 KiB, on one connection each.
struct Latencies {
    gets: Vec<Duration>,
    pushes: Vec<Duration>,
    took: Duration,
}

/// How many rows there are.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) layers: u32,
    pub(crate) images: u32,
}

/// Measures and returns the tables.
pub(crate) fn run(binary: Option<&PathBuf>, folder: &Path, size: Size) -> Result<String> {
    let release = binary.is_none();
    let binary = binary.cloned().map_or_else(|| workspace::build_wharf(true), Ok)?;
    let mut wharf = Wharf::start_in(&binary, folder)?;
    for name in [REPOSITORY, MANY] {
        wharf.aws(&["ecr", "create-repository", "--repository-name", name])?;
    }
    push_image(&Side::wharf(&wharf)?)?;
    wharf.stop()?;
    let mut example = workspace::cargo();
    example.args(["run", "--locked", "--quiet", "--package", "meta", "--example", "backlog"]);
    if release {
        example.arg("--release");
    }
    let Size { layers, images } = size;
    example.arg("--").arg(wharf.data()).arg(MANY).args([layers.to_string(), images.to_string()]);
    println!("{}", command::capture(&mut example)?.trim());

    // The grace is a day, so nothing is collected.
    wharf.start_again(&binary, &[])?;
    let quiet = measured(&Side::wharf(&wharf)?, |_| {
        thread::sleep(QUIET);
        Ok(())
    })?;
    let evaluated = evaluation(&wharf, &binary)?;
    wharf.stop()?;
    let seconds = ["GRACE", "DELAY"].map(|name| (format!("WHARF__COLLECTION__{name}_SECONDS"), "0".as_ref()));
    let seconds: Vec<_> = seconds.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    wharf.start_again(&binary, &seconds)?;
    let collected = collection(&wharf, &binary, layers)?;
    let lines = [
        ("nothing else".to_owned(), &quiet),
        (format!("evaluation of a lifecycle policy over {images} images"), &evaluated),
        (format!("collection of {layers} layers"), &collected),
    ];
    Ok(table(&lines))
}

/// An image of one layer, whose manifest is read.
fn push_image(side: &Side) -> Result<()> {
    let mut connection = side.connect()?;
    let layer = Blob::random(KIB)?;
    load::push(&mut connection, side, &layer)?;
    let part =
        json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.digest, "size": KIB});
    let body = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": part, "layers": [part]});
    let body = body.to_string();
    let extra = format!("Content-Type: {MANIFEST_TYPE}\r\nContent-Length: {}\r\n", body.len());
    let head = side.head("PUT", &format!("/v2/{REPOSITORY}/manifests/{TAG}"), &extra);
    let answer = connection.exchange(&head, body.as_bytes(), |_| ())?;
    if answer.status != 201 {
        bail!("the push of a manifest: status {}", answer.status);
    }
    Ok(())
}

/// Sends requests while `work` runs.
fn measured(side: &Side, work: impl FnOnce(&AtomicBool) -> Result<()>) -> Result<Latencies> {
    let (is_over, began) = (AtomicBool::new(false), Instant::now());
    let repeated = |request: &mut dyn FnMut() -> Result<()>| {
        let mut times = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            let begun = Instant::now();
            request()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        Ok::<_, anyhow::Error>(times)
    };
    let (gets, pushes) = thread::scope(|scope| {
        let gets = scope.spawn(|| {
            let head = side.head("GET", &format!("/v2/{REPOSITORY}/manifests/{TAG}"), &accept());
            let mut connection = side.connect()?;
            repeated(&mut || match connection.exchange(&head, &[], |_| ())?.status {
                200 => Ok(()),
                status => bail!("GET of a manifest: status {status}"),
            })
        });
        let pushes = scope.spawn(|| {
            let mut connection = side.connect()?;
            repeated(&mut || load::push(&mut connection, side, &Blob::random(KIB)?))
        });
        let worked = work(&is_over);
        is_over.store(true, Ordering::Relaxed);
        let gets = gets.join().map_err(|_| anyhow!("a thread panicked"))?;
        let pushes = pushes.join().map_err(|_| anyhow!("a thread panicked"))?;
        worked?;
        Ok::<_, anyhow::Error>((gets?, pushes?))
    })?;
    Ok(Latencies { gets, pushes, took: began.elapsed() })
}

/// A policy that counts every image and expires none.
fn evaluation(wharf: &Wharf, binary: &Path) -> Result<Latencies> {
    let selection =
        json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100_000_000});
    let rule = json!({"rulePriority": 1, "selection": selection, "action": {"type": "expire"}});
    let text = json!({"rules": [rule]}).to_string();
    let named = ["--repository-name", MANY];
    measured(&Side::wharf(wharf)?, |_| {
        let put = ["ecr", "put-lifecycle-policy", "--lifecycle-policy-text", &text];
        wharf.aws(&[put.as_slice(), named.as_slice()].concat())?;
        // It waits for the end of the evaluation.
        wharf.command(binary, &["lifecycle", "run", "--repository", MANY])?;
        Ok(())
    })
}

/// Everything that no image needs. The measurement itself pushes layers without images, so some are always waiting.
fn collection(wharf: &Wharf, binary: &Path, layers: u32) -> Result<Latencies> {
    measured(&Side::wharf(wharf)?, |_| {
        until(|| {
            let status = wharf.command(binary, &["gc", "status", "--json"])?;
            let status: serde_json::Value = serde_json::from_str(&status).context("gc status")?;
            let freed = status.pointer("/FreedObjects").and_then(serde_json::Value::as_u64);
            Ok(freed.is_some_and(|freed| freed >= u64::from(layers)))
        })
    })
}

fn until(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LONGEST;
    while !is_so()? {
        if Instant::now() > end {
            bail!("the background work is not over after {LONGEST:?}");
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn table(lines: &[(String, &Latencies)]) -> String {
    let head = ["beside", "took", "GET/s", "GET p50", "GET p99", "pushes/s", "push p50", "push p99"];
    let mut table = Table::new(
        "Manifest GETs on one connection and pushes of layers of 1 KiB on another, beside background work.",
        &head.map(str::to_owned),
    );
    for (name, of) in lines {
        let took = of.took.as_secs_f64();
        let rate = |times: &[Duration]| {
            let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
            format!("{:.0}", f64::from(count) / took)
        };
        let at = |times: &[Duration], percent: usize| {
            let time = times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
            format!("{:.2} ms", time.as_secs_f64() * 1e3)
        };
        table.row(&[
            name.clone(),
            format!("{took:.1} s"),
            rate(&of.gets),
            at(&of.gets, 50),
            at(&of.gets, 99),
            rate(&of.pushes),
            at(&of.pushes, 50),
            at(&of.pushes, 99),
        ]);
    }
    table.text().unwrap_or_default()
}
