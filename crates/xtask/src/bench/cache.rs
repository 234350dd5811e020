//! `cargo xtask bench cache`: many clients pull one new image through the pull-through cache at once. It measures when each
//! gets the first byte of the layer, against a pull from the upstream registry itself, and the memory of Wharf. The upstream
//! registry is distribution 3 on the same machine. A target that is missed is a failure of the command.

use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::content::{Blob, KIB, MANIFEST_TYPE, MIB, REPOSITORY, TAG, accept};
use super::side::Side;
use super::table::Table;
use super::{load, machine, rivals};
use crate::running::Wharf;
use crate::{process, workspace};

/// The prefix of the pull-through cache rule.
const PREFIX: &str = "up";
/// The target: how much later than from the upstream registry the first byte may come.
const LATER: Duration = Duration::from_millis(50);
/// The target: how much memory the clients may cost together, which is the default of `server.limits.memory_budget`.
const MEMORY_KIB: u64 = 256 * 1024;
/// How long the cache may take for what no client asks for.
const BACKGROUND: Duration = Duration::from_secs(10);
/// A machine with more load than this measures something else, too.
const QUIET: f64 = 0.5;

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many clients pull at once.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// The size of the layer in MiB.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=4096))]
    mib: u64,
    /// How many new images are pulled.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The `wharf` binary to measure; by default one is built with the release profile.
    #[arg(long)]
    wharf: Option<PathBuf>,
    /// The folder for the data, on a real disk [default: cargo's target folder].
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write the table to this file.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Where an image is pulled, and what is measured there.
struct Case {
    name: String,
    clients: usize,
    is_cache: bool,
    manifests: Vec<Duration>,
    firsts: Vec<Duration>,
    last: Duration,
    /// The most memory that it added, and the most of all, in KiB.
    added: u64,
    peak: u64,
}

/// What an image consists of.
struct Image {
    layer: Blob,
    config: Blob,
}

/// What one client measured.
struct Pull {
    manifest: Duration,
    first: Duration,
    whole: Duration,
}

/// Measures and prints the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.folder.clone().map_or_else(workspace::target_folder, Ok)?;
    machine::refuse_memory_disk(&folder)?;
    let before = load_average()?;
    let folder = TempDir::with_prefix_in("cache-", &folder).context("cannot make a folder for the data")?;
    let binary = options.wharf.clone().map_or_else(|| workspace::build_wharf(true), Ok)?;
    let (upstream, log) = rivals::distribution_with_log(folder.path())?;
    let wharf = Wharf::start_in(&binary, folder.path())?;
    let rule = ["ecr", "create-pull-through-cache-rule", "--ecr-repository-prefix", PREFIX];
    wharf.aws(&[&rule[..], &["--upstream-registry-url", upstream.address()]].concat())?;
    let (from, cache) = (upstream.side(), Side::wharf(&wharf)?);
    let many = usize::from(options.clients);
    let mut cases = Vec::new();
    for clients in [1, many] {
        cases.push(Case::new("the upstream registry", clients, false));
        cases.push(Case::new("Wharf, a new image", clients, true));
    }
    for round in 1..=options.rounds {
        for case in &mut cases {
            println!("{}, round {round} …", case.name);
            let image = push_image(&from, options.mib * MIB)?;
            case.measure(if case.is_cache { &cache } else { &from }, &wharf, &image.layer)?;
            if case.is_cache {
                is_asked_once(&log, &image)?;
            }
        }
    }
    let text = report(options, &cases, before, folder.path())?;
    println!("\n{text}");
    if let Some(path) = &options.output {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let missed: Vec<String> = compared(&cases).filter(|target| !target.is_reached).map(|t| t.what).collect();
    ensure!(missed.is_empty(), "targets were missed: {}", missed.join("; "));
    Ok(())
}

/// Pushes an image with one new layer.
fn push_image(side: &Side, size: u64) -> Result<Image> {
    let mut connection = side.connect()?;
    let (layer, config) = (Blob::random(size)?, Blob::random(KIB)?);
    for blob in [&layer, &config] {
        load::push(&mut connection, side, blob)?;
    }
    let part = |blob: &Blob, kind: &str| {
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": blob.digest, "size": blob.bytes.len()})
    };
    let body = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": part(&config, "config.v1+json"),
        "layers": [part(&layer, "layer.v1.tar")],
    });
    let body = body.to_string();
    let extra = format!("Content-Type: {MANIFEST_TYPE}\r\nContent-Length: {}\r\n", body.len());
    // A tag of its own: the cache does not ask for a tag again that it has.
    let path = format!("/v2/{REPOSITORY}/manifests/{}", tag(&layer));
    let answer = connection.exchange(&side.head("PUT", &path, &extra), body.as_bytes(), |_| ())?;
    ensure!(answer.status == 201, "the push of a manifest: status {}", answer.status);
    Ok(Image { layer, config })
}

fn tag(layer: &Blob) -> String {
    format!("{TAG}-{}", layer.digest.chars().rev().take(16).collect::<String>())
}

/// Fails unless the upstream registry was asked once for each blob. No client asks for the config: the cache fetches it in
/// the background, after the answer.
fn is_asked_once(log: &Path, image: &Image) -> Result<()> {
    let asked = requests(log, &image.layer.digest)?;
    ensure!(asked == 1, "the upstream registry was asked {asked} times for the layer");
    let until = Instant::now() + BACKGROUND;
    while requests(log, &image.config.digest)? == 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
    }
    let asked = requests(log, &image.config.digest)?;
    ensure!(asked == 1, "the upstream registry was asked {asked} times for the config");
    Ok(())
}

/// How often the upstream registry was asked for the bytes of a blob.
fn requests(log: &Path, digest: &str) -> Result<usize> {
    let wanted = format!("\"GET /v2/{REPOSITORY}/blobs/{digest}");
    Ok(fs::read_to_string(log)?.lines().filter(|line| line.contains(&wanted)).count())
}

impl Case {
    fn new(from: &str, clients: usize, is_cache: bool) -> Self {
        let plural = if clients == 1 { "" } else { "s at once" };
        let name = format!("{from}, {clients} client{plural}");
        let (manifests, firsts, last) = (Vec::new(), Vec::new(), Duration::ZERO);
        Self { name, clients, is_cache, manifests, firsts, last, added: 0, peak: 0 }
    }

    /// All clients pull the image: its manifest, then its layer.
    fn measure(&mut self, side: &Side, wharf: &Wharf, layer: &Blob) -> Result<()> {
        process::forget_peak(wharf.pid())?;
        let before = process::memory_kib(wharf.pid(), "VmRSS")?;
        let start = Barrier::new(self.clients);
        let pulls = thread::scope(|scope| {
            let clients = (0..self.clients).map(|at| {
                let (start, is_cache) = (&start, self.is_cache);
                scope.spawn(move || pull(side, is_cache, layer, (start, at == 0)))
            });
            let clients: Vec<_> = clients.collect();
            let join = |client: thread::ScopedJoinHandle<'_, Result<Pull>>| {
                client.join().map_err(|_| anyhow!("a client panicked"))?
            };
            clients.into_iter().map(join).collect::<Result<Vec<_>>>()
        })?;
        let peak = process::memory_kib(wharf.pid(), "VmHWM")?;
        self.added = self.added.max(peak.saturating_sub(before));
        self.peak = self.peak.max(peak);
        self.last = self.last.max(pulls.iter().map(|pull| pull.whole).max().unwrap_or_default());
        self.manifests.extend(pulls.iter().map(|pull| pull.manifest));
        self.firsts.extend(pulls.iter().map(|pull| pull.first));
        self.manifests.sort_unstable();
        self.firsts.sort_unstable();
        Ok(())
    }

    fn row(&self) -> [String; 6] {
        let most = self.firsts.last().copied().unwrap_or_default();
        let memory = if self.is_cache { format!("{} MiB", self.peak / 1024) } else { String::new() };
        let times = [median(&self.manifests), median(&self.firsts), most];
        let [manifest, first, most] = times.map(|time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        [self.name.clone(), manifest, first, most, format!("{:.1} s", self.last.as_secs_f64()), memory]
    }
}

/// The median of times in order.
fn median(times: &[Duration]) -> Duration {
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// One client. Its connection is open before all begin. One of them computes the digest.
fn pull(side: &Side, is_cache: bool, layer: &Blob, (start, verifies): (&Barrier, bool)) -> Result<Pull> {
    let repository = if is_cache { format!("{PREFIX}/{REPOSITORY}") } else { REPOSITORY.to_owned() };
    let connection = side.connect();
    // Also if it failed: the others wait.
    start.wait();
    let (mut connection, began) = (connection?, Instant::now());
    let head = side.head("GET", &format!("/v2/{repository}/manifests/{}", tag(layer)), &accept());
    let answer = connection.exchange(&head, &[], |_| ())?;
    ensure!(answer.status == 200, "GET of the manifest: status {}", answer.status);
    let manifest = began.elapsed();
    let head = side.head("GET", &format!("/v2/{repository}/blobs/{}", layer.digest), "");
    let (asked, mut first, mut hasher) = (Instant::now(), None, Sha256::new());
    let answer = connection.exchange(&head, &[], |bytes| {
        if !bytes.is_empty() {
            first.get_or_insert_with(|| asked.elapsed());
        }
        if verifies {
            hasher.update(bytes);
        }
    })?;
    let is_whole = answer.status == 200 && answer.length == layer.bytes.len() as u64;
    ensure!(is_whole, "GET of the layer: status {}, {} bytes", answer.status, answer.length);
    let digest = format!("sha256:{}", hex::encode(hasher.finalize()));
    ensure!(!verifies || digest == layer.digest, "the layer has other bytes");
    Ok(Pull { manifest, first: first.context("the layer has no bytes")?, whole: began.elapsed() })
}

fn report(options: &Options, cases: &[Case], before: f64, folder: &Path) -> Result<String> {
    let title = format!("One layer of {} MiB, {} new images each.", options.mib, options.rounds);
    let columns = [
        "",
        "manifest, median",
        "first byte, median",
        "first byte, last client",
        "all have the image",
        "peak of memory",
    ];
    let mut table = Table::new(&title, &columns.map(str::to_owned));
    for case in cases {
        table.row(&case.row());
    }
    let mut notes: Vec<String> = compared(cases).map(|target| target.to_string()).collect();
    notes.push("* the upstream registry was asked once for each blob".to_owned());
    if before > QUIET {
        notes.push(format!("* **the machine was loaded before the run began: {before}**"));
    }
    let table = table.text().unwrap_or_default();
    Ok(format!("{}\n{table}\n{}\n", machine::describe(folder)?, notes.join("\n")))
}

/// A target of the cache, and whether it was reached.
struct Target {
    what: String,
    is_reached: bool,
}

/// How much later the first byte comes from the cache, and what the clients cost, for each pair of cases.
fn compared(cases: &[Case]) -> impl Iterator<Item = Target> {
    let pairs = cases.chunks_exact(2).filter_map(|pair| <&[Case; 2]>::try_from(pair).ok());
    pairs.flat_map(|[from, cache]| {
        let later = median(&cache.firsts).saturating_sub(median(&from.firsts));
        let (clients, ms, added) = (cache.clients, later.as_secs_f64() * 1e3, cache.added / 1024);
        let first = format!(
            "{clients} client(s): the first byte of the layer comes {ms:.1} ms later than from the upstream registry \
             (target: {} ms)",
            LATER.as_millis()
        );
        let memory =
            format!("{clients} client(s): Wharf has {added} MiB more memory (target: {} MiB)", MEMORY_KIB / 1024);
        [
            Target { what: first, is_reached: later <= LATER },
            Target { what: memory, is_reached: cache.added <= MEMORY_KIB },
        ]
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "* {}: {}", self.what, if self.is_reached { "reached" } else { "**missed**" })
    }
}

fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    text.split(' ').next().unwrap_or_default().parse().context("the load is not a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_named() {
        let case = |is_cache, first, added| {
            let mut case = Case::new("x", 200, is_cache);
            (case.firsts, case.added) = (vec![Duration::from_millis(first)], added);
            case
        };
        let missed = |later: u64, added: u64| -> Vec<String> {
            let cases = [case(false, 10, 0), case(true, 10 + later, added)];
            compared(&cases).filter(|target| !target.is_reached).map(|target| target.what).collect()
        };
        assert_eq!(missed(50, MEMORY_KIB), Vec::<String>::new());
        let [late] = missed(51, 0).try_into().unwrap();
        assert!(late.contains("51.0 ms later"), "{late}");
        let [large] = missed(0, MEMORY_KIB + 1024).try_into().unwrap();
        assert!(large.contains("257 MiB more"), "{large}");
    }
}
