//! A soak: pushes, pulls, mounts, deletes, lifecycle policies and collection without any delay, and `kill -9` every few
//! seconds. Everything acknowledged exists after each restart, and in the end the store holds exactly the images.
//!
//! `WHARF_SOAK_SECONDS` is how long it runs (10 by default); `cargo xtask soak --seconds N` sets it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use testkit::Wharf;

use crate::crash_collect::{AT_ONCE, bytes_of_images, collect_all, only_these_are_stored, ready};
use crate::crash_model::Model;
use crate::crash_work::Worker;
use crate::soak_expiry::Expiring;

/// Clients at the same time.
const CLIENTS: u64 = 3;

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

/// What one client does until the server is gone. Returns how many rounds were complete.
fn work(server: &Wharf, known: &mut Known) -> Result<u64> {
    let mut rounds = 0;
    // A login fails if the server is gone.
    let Ok(client) = server.client() else { return Ok(0) };
    loop {
        known.seed += CLIENTS;
        let mut worker = Worker { client: &client, model: &mut known.model, seed: known.seed };
        let worked = known.expiring.push(&client).and_then(|()| worker.everything());
        let Err(error) = worked else {
            rounds += 1;
            continue;
        };
        let text = format!("{error:#}");
        if !text.contains(" instead of ") {
            return Ok(rounds);
        }
        // Without a grace, the collector may end a layer between its push and the push of its image, or the source of a
        // mount. The client is told so, and would push again.
        let is_told = ["404 instead", "400 instead", "202 instead"].iter().any(|told| text.contains(told));
        ensure!(is_told, "{text}");
    }
}

#[test]
fn a_soak_loses_nothing_and_leaves_nothing() {
    let folder = testkit::memory_folder().unwrap();
    let data = folder.path().join("data");
    let known = |at| Known { model: Model::default(), expiring: Expiring::new(at), seed: at };
    let mut clients: Vec<Known> = (0..CLIENTS).map(known).collect();
    let (begun, mut dice) = (Instant::now(), 4_711_u64);
    let (mut kills, mut rounds) = (0_u64, 0_u64);
    let time = Duration::from_secs(setting("WHARF_SOAK_SECONDS", 10));
    let most_kills = setting("WHARF_SOAK_KILLS", u64::MAX);
    while begun.elapsed() < time && kills < most_kills {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        rounds += one_life(&data, &mut clients, Duration::from_millis(1_000 + (dice >> 33) % 3_000));
        kills += 1;
        check(&data, &mut clients).with_context(|| format!("after {kills} kills")).unwrap();
    }
    settle(&data, &mut clients).unwrap();
    collect_all(&data).unwrap();
    check(&data, &mut clients).unwrap();
    collect_all(&data).unwrap();
    let mut wanted = bytes_of_images(clients.iter().map(|known| &known.model));
    wanted.extend(clients.iter().flat_map(|known| known.expiring.bytes_of_images()));
    let on_disk = only_these_are_stored(&data, &wanted).unwrap();
    let expired: usize = clients.iter().map(|known| known.expiring.expired).sum();
    assert!(rounds > 0 && expired > 0, "no client got anywhere: {rounds} rounds, {expired} images expired");
    println!(
        "{kills} kills, {rounds} rounds and {expired} expired images in {:?}; {on_disk} bytes on disk, {} expected",
        begun.elapsed(),
        wanted.values().sum::<u64>()
    );
}

/// Runs a server with all clients, and kills it after this time. Returns how many rounds were complete.
fn one_life(data: &std::path::Path, clients: &mut [Known], life: Duration) -> u64 {
    let server = ready(data, &AT_ONCE).unwrap();
    let pid = server.pid().to_string();
    std::thread::scope(|scope| {
        let server = &server;
        let working: Vec<_> =
            clients.iter_mut().map(|known| scope.spawn(move || work(server, known))).collect();
        std::thread::sleep(life);
        std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
        working.into_iter().map(|client| client.join().unwrap().unwrap()).sum()
    })
}

/// Restarts the server and compares it with what the clients know.
fn check(data: &std::path::Path, clients: &mut [Known]) -> Result<()> {
    // This server collects nothing new: of what is read, only images expire meanwhile.
    let server = ready(data, &[])?;
    let client = server.client()?;
    for Known { model, expiring, .. } in clients {
        model.layers_may_end();
        model.check(&client)?;
        expiring.check(&client)?;
    }
    server.kill()
}

/// Lets the policies expire what they do not keep.
fn settle(data: &std::path::Path, clients: &mut [Known]) -> Result<()> {
    let server = ready(data, &[])?;
    let client = server.client()?;
    for known in clients {
        known.expiring.settle(&client)?;
    }
    server.kill()
}
