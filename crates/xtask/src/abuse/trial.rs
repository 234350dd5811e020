//! One attack on a fresh server: the state before, the honest clients during the attack, and the state after.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::attack::{Attack, Scale};
use super::honest::{self, Kind, Traffic};
use super::latency::Latencies;
use super::outcome::{Check, Verdict};
use super::server::Server;
use super::site::Site;
use super::watch::{self, Watched};
use crate::process;

/// The maximum memory of the server during any attack.
const MOST_MIB: u64 = 512;
/// The maximum latency of 99 of 100 honest requests, and of every health check.
const MOST_TIME: Duration = Duration::from_secs(1);
/// The maximum latency of a layer part: a large body that is authenticated only after it has arrived.
const MOST_TIME_OF_A_PART: Duration = Duration::from_secs(2);
/// How long the server may take to release what an attack held, in addition to the longest pause of a body.
const SETTLING: Duration = Duration::from_secs(15);
/// Files that the server may open for itself in the meantime, for example for its database.
const OWN_FILES: usize = 32;

/// Runs one attack, from `attackers`.
pub(super) async fn run(binary: &Path, attack: Attack, scale: Scale, attackers: Ipv4Addr) -> Result<Verdict> {
    let settings = attack.settings(scale);
    let site = Arc::new(Site::set_up(Server::start(binary, settings)?, attackers).await?);
    attack.prepare(&site, scale).await.context("cannot prepare the attack")?;
    let traffic = scale.traffic(attack);
    let (baseline, ()) = with_traffic(&site, traffic, sleep(scale.baseline())).await?;
    let pid = site.server.pid();
    // The honest clients of the first measurement end soon after.
    sleep(Duration::from_millis(500)).await;
    let files = process::open_files(pid)?;
    process::forget_peak(pid)?;
    let (seen, checks) = with_traffic(&site, traffic, alone(attack, Arc::clone(&site), scale)).await?;
    let peak = process::memory_kib(pid, "VmHWM")? / 1024;
    let left = settle(pid, files, Duration::from_secs(settings.body_idle_seconds) + SETTLING).await?;
    let figures = vec![
        ("peak memory", format!("{peak} MiB")),
        ("baseline p99", millis(baseline.latencies.p99())),
        ("honest p99", millis(seen.latencies.p99())),
        (
            "worst kind",
            seen.latencies
                .worst()
                .map_or("-".to_owned(), |(kind, time)| format!("{} ({})", millis(time), kind.name())),
        ),
        ("honest max", millis(seen.latencies.most())),
        ("requests", seen.latencies.count().to_string()),
        ("busy", seen.latencies.busy().to_string()),
        ("errors", seen.latencies.failures().len().to_string()),
        ("healthz max", millis(seen.health.worst)),
    ];
    let mut all = general(&seen, peak);
    all.push(left);
    all.extend(checks?);
    Ok(Verdict { name: attack.name().to_owned(), figures, checks: all })
}

/// The results of honest clients and of the operator's requests.
struct Seen {
    latencies: Latencies,
    health: Watched,
    metrics: Watched,
}

/// Runs `work` while honest clients send requests.
async fn with_traffic<T>(
    site: &Arc<Site>,
    traffic: Traffic,
    work: impl Future<Output = T>,
) -> Result<(Seen, T)> {
    let stop = CancellationToken::new();
    let honest = tokio::spawn(honest::run(Arc::clone(site), traffic, stop.clone()));
    let health = tokio::spawn(watch::watch(site.server.address, "/healthz", stop.clone()));
    let metrics = tokio::spawn(watch::watch(site.server.metrics, "/metrics", stop.clone()));
    // By then every honest client has a connection.
    sleep(traffic.pace).await;
    let outcome = work.await;
    stop.cancel();
    let seen = Seen { latencies: honest.await??, health: health.await?, metrics: metrics.await? };
    Ok((seen, outcome))
}

/// Runs the attack on a separate thread, so its work does not delay the measurements of honest clients. Its connections
/// end with it.
async fn alone(attack: Attack, site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let runtime: Runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let outcome = runtime.spawn(attack.run(site, scale)).await;
    runtime.shutdown_background();
    outcome.context("the attack panicked")?
}

fn general(seen: &Seen, peak: u64) -> Vec<Check> {
    let latencies = &seen.latencies;
    let (kind, worst) = latencies.worst().map_or(("", Duration::ZERO), |(kind, time)| (kind.name(), time));
    let failures = latencies.failures();
    let part = latencies.most_of(Kind::Part);
    vec![
        Check::new(format!("peak memory below {MOST_MIB} MiB"), peak < MOST_MIB, format!("{peak} MiB")),
        Check::new("honest p99 below 1 s", latencies.p99() < MOST_TIME, millis(latencies.p99())),
        Check::new("the same of every kind", worst < MOST_TIME, format!("{} ({kind})", millis(worst))),
        Check::new("every UploadLayerPart within 2 s", part < MOST_TIME_OF_A_PART, millis(part)),
        Check::new("no honest request fails", failures.is_empty(), listed(&failures)),
        Check::new("no honest client is sent away", latencies.busy() == 0, latencies.busy().to_string()),
        answered("/healthz", &seen.health),
        answered("/metrics", &seen.metrics),
    ]
}

fn answered(path: &str, watched: &Watched) -> Check {
    let failures: Vec<&str> = watched.failures.iter().map(String::as_str).collect();
    let holds = failures.is_empty() && watched.worst < MOST_TIME && watched.asked > 0;
    let seen =
        format!("{} times, at most {}, failed {}", watched.asked, millis(watched.worst), listed(&failures));
    Check::new(format!("{path} is always answered within 1 s"), holds, seen)
}

/// Waits until the server has closed the files and sockets that the attack made it open.
async fn settle(pid: u32, before: usize, most: Duration) -> Result<Check> {
    let start = Instant::now();
    loop {
        let now = process::open_files(pid)?;
        let is_settled = now <= before + OWN_FILES;
        if is_settled || start.elapsed() > most {
            let seen = format!("{before} before, {now} after {} s", start.elapsed().as_secs());
            return Ok(Check::new("open files and sockets are back after the attack", is_settled, seen));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// The number of texts, and the first of them.
fn listed(texts: &[&str]) -> String {
    texts.first().map_or("0".to_owned(), |first| format!("{} ({first})", texts.len()))
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
