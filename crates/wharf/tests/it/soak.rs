//! A soak: pushes, pulls, mounts, deletes, lifecycle policies and collection without any delay, and `kill -9` about once a
//! second. The disk is full at times. Everything acknowledged exists after each restart, and in the end the store holds
//! exactly the images.
//!
//! `WHARF_SOAK_SECONDS` is how long it runs (10 by default); `cargo xtask soak --seconds N` sets it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use testkit::{Client, Wharf, sha256};

use crate::crash_collect::{AT_ONCE, bytes_of_images, collect_all, only_these_are_stored, ready};
use crate::crash_model::Model;
use crate::crash_work::Worker;
use crate::soak_disk::SmallDisk;
use crate::soak_expiry::Expiring;

/// Clients at the same time.
const CLIENTS: u64 = 3;
/// In one of so many lives of the server the disk is full for a while.
const FULL_OF: u64 = 8;
/// The longest time until a push succeeds on a disk that is not full any more.
const RECOVERED: Duration = Duration::from_secs(20);
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image that is pulled from a full disk.
const PULLED: &str = "/v2/soak/pulled/manifests/kept";

/// A setting of the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What a client knows.
struct Known {
    model: Model,
    expiring: Expiring,
    seed: u64,
}

/// What a client got done in one life of the server.
#[derive(Default)]
struct Done {
    rounds: u64,
    /// Requests that the full disk refused.
    refused: u64,
}

/// What one client does until the server is gone.
fn work(server: &Wharf, known: &mut Known, is_full: bool) -> Result<Done> {
    let mut done = Done::default();
    // A login fails if the server is gone.
    let Ok(client) = server.client() else { return Ok(done) };
    loop {
        known.seed += CLIENTS;
        let mut worker = Worker { client: &client, model: &mut known.model, seed: known.seed };
        let worked = known.expiring.push(&client).and_then(|()| worker.everything());
        let Err(error) = worked else {
            done.rounds += 1;
            continue;
        };
        let text = format!("{error:#}");
        if !text.contains(" instead of ") {
            return Ok(done);
        }
        if is_full && ["500 instead", "503 instead", "507 instead"].iter().any(|told| text.contains(told)) {
            done.refused += 1;
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        // Without a grace, the collector may end a layer between its push and the push of its image, or the source of a
        // mount. The client is told so, and would push again.
        let is_told = ["404 instead", "400 instead", "202 instead"].iter().any(|told| text.contains(told));
        ensure!(is_told, "{text}");
    }
}

/// A store, its clients and what happened to it.
struct Soak {
    disk: SmallDisk,
    data: PathBuf,
    clients: Vec<Known>,
    kills: u64,
    done: Done,
    /// How long it took until a push succeeded after the disk was full.
    recoveries: Vec<Duration>,
}

#[test]
fn a_soak_loses_nothing_and_leaves_nothing() {
    let disk = SmallDisk::mount().unwrap();
    let data = disk.path().join("data");
    let known = |at| Known { model: Model::default(), expiring: Expiring::new(at), seed: at };
    let clients = (0..CLIENTS).map(known).collect();
    let mut soak = Soak { disk, data, clients, kills: 0, done: Done::default(), recoveries: Vec::new() };
    if let Err(error) = soak.run() {
        let log = std::fs::read_to_string(soak.data.with_extension("log")).unwrap_or_default();
        let end = log.len().saturating_sub(4_000);
        panic!("after {} kills: {error:#}\nthe log: {}", soak.kills, &log[end..]);
    }
}

impl Soak {
    fn run(&mut self) -> Result<()> {
        let time = Duration::from_secs(setting("WHARF_SOAK_SECONDS", 10));
        let most_kills = setting("WHARF_SOAK_KILLS", u64::MAX);
        let (begun, mut dice) = (Instant::now(), 4_711_u64);
        let server = ready(&self.data, &[])?;
        let pulled = push_what_is_pulled(&server.client()?)?;
        server.kill()?;
        while begun.elapsed() < time && self.kills < most_kills {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            self.one_life(dice >> 33)?;
            self.kills += 1;
            if self.kills.is_multiple_of(100) {
                println!("{} kills after {:?}", self.kills, begun.elapsed());
            }
        }
        self.settle()?;
        collect_all(&self.data)?;
        self.check(&ready(&self.data, &[])?)?;
        collect_all(&self.data)?;
        let mut wanted = bytes_of_images(self.clients.iter().map(|known| &known.model));
        wanted.extend(self.clients.iter().flat_map(|known| known.expiring.bytes_of_images()));
        wanted.extend(pulled);
        let on_disk = only_these_are_stored(&self.data, &wanted)?;
        let expired: usize = self.clients.iter().map(|known| known.expiring.expired).sum();
        let Done { rounds, refused } = self.done;
        ensure!(
            rounds > 0 && expired > 0,
            "no client got anywhere: {rounds} rounds, {expired} images expired"
        );
        ensure!(refused > 0 || self.kills < 4 * FULL_OF, "the disk was never full");
        self.recoveries.sort();
        println!(
            "{} kills, {rounds} rounds and {expired} expired images in {:?}; {on_disk} bytes on disk, {} expected; the full \
             disk refused {refused} requests, and then a push succeeded within {:?}",
            self.kills,
            begun.elapsed(),
            wanted.values().sum::<u64>(),
            self.recoveries.last()
        );
        Ok(())
    }

    /// Starts the server, compares it with what the clients know, lets them work, and kills it.
    fn one_life(&mut self, roll: u64) -> Result<()> {
        let server = ready(&self.data, &AT_ONCE)?;
        self.check(&server)?;
        let pid = server.pid().to_string();
        let life =
            Duration::from_millis(100 + (roll >> 8) % if roll.is_multiple_of(2) { 400 } else { 1_400 });
        let is_full = self.kills % FULL_OF == FULL_OF - 1;
        let (disk, server) = (&self.disk, &server);
        std::thread::scope(|scope| {
            let working: Vec<_> = self
                .clients
                .iter_mut()
                .map(|known| scope.spawn(move || work(server, known, is_full)))
                .collect();
            std::thread::sleep(life);
            // In every second such life the server dies with the full disk.
            let dies_full = roll & 8 == 0;
            let filled = if is_full { fill(disk, server, life, !dies_full) } else { Ok(None) };
            std::process::Command::new("kill").args(["-9", &pid]).status()?;
            for client in working {
                let done = client.join().map_err(|_| anyhow!("a client panicked"))??;
                self.done.rounds += done.rounds;
                self.done.refused += done.refused;
            }
            self.recoveries.extend(filled?);
            if is_full && dies_full { disk.free() } else { Ok(()) }
        })
    }

    /// Compares a server with what the clients know.
    fn check(&mut self, server: &Wharf) -> Result<()> {
        std::thread::scope(|scope| {
            let check = |known: &mut Known| {
                let client = server.client()?;
                known.model.layers_may_end();
                known.model.check(&client)?;
                known.expiring.check(&client)
            };
            let checks: Vec<_> =
                self.clients.iter_mut().map(|known| scope.spawn(move || check(known))).collect();
            checks.into_iter().try_for_each(|check| check.join().map_err(|_| anyhow!("a check panicked"))?)
        })
    }

    /// Lets the policies expire what they do not keep.
    fn settle(&mut self) -> Result<()> {
        let server = ready(&self.data, &[])?;
        let client = server.client()?;
        for known in &mut self.clients {
            known.expiring.settle(&client)?;
        }
        server.kill()
    }
}

/// Fills the disk for some time: pulls go on. Returns how long it took until a push succeeded, if the disk is freed.
fn fill(disk: &SmallDisk, server: &Wharf, time: Duration, frees: bool) -> Result<Option<Duration>> {
    let client = server.client()?;
    disk.fill()?;
    let until = Instant::now() + time.max(Duration::from_millis(300));
    while Instant::now() < until {
        client.v2("GET", PULLED, "", b"")?.expect(200).context("a pull from a full disk")?;
        std::thread::sleep(Duration::from_millis(20));
    }
    if !frees {
        return Ok(None);
    }
    disk.free()?;
    let freed = Instant::now();
    while push_blob(&client, format!("{freed:?}").as_bytes()).is_err() {
        ensure!(freed.elapsed() < RECOVERED, "no push succeeds on a disk that was full");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(freed.elapsed()))
}

fn push_blob(client: &Client, bytes: &[u8]) -> Result<String> {
    let digest = sha256(bytes);
    let path = format!("/v2/soak/pulled/blobs/uploads/?digest={digest}");
    client.v2("POST", &path, "application/octet-stream", bytes)?.expect(201)?;
    Ok(digest)
}

/// Pushes the image that is pulled from a full disk. Returns its layers with their sizes.
fn push_what_is_pulled(client: &Client) -> Result<BTreeMap<String, u64>> {
    client.ecr("CreateRepository", r#"{"repositoryName":"soak/pulled"}"#)?.expect(200)?;
    let digest = push_blob(client, b"{}")?;
    let descriptor = |kind| format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":2}}"#);
    let config = descriptor("application/vnd.oci.image.config.v1+json");
    let layer = descriptor("application/vnd.oci.image.layer.v1.tar");
    let body = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{config},"layers":[{layer}]}}"#);
    client.v2("PUT", PULLED, IMAGE, body.as_bytes())?.expect(201)?;
    Ok([(digest, 2)].into())
}
