//! A soak: pushes, pulls, mounts, deletes and collection without any delay, and `kill -9` every few seconds. Everything
//! acknowledged exists after each restart, and in the end the store holds exactly the images.
//!
//! `WHARF_SOAK_SECONDS` is how long it runs (10 by default); `cargo xtask soak --seconds N` sets it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use testkit::Wharf;

use crate::crash_collect::{AT_ONCE, collect_all, only_images_are_stored, ready};
use crate::crash_model::Model;
use crate::crash_work::Worker;

/// Clients at the same time.
const CLIENTS: u64 = 3;

fn seconds() -> u64 {
    std::env::var("WHARF_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// What one client does until the server is gone. Returns how many rounds were complete.
fn work(server: &Wharf, model: &mut Model, seed: &mut u64) -> Result<u64> {
    let mut rounds = 0;
    // A login fails if the server is gone.
    let Ok(client) = server.client() else { return Ok(0) };
    loop {
        *seed += CLIENTS;
        let worked = Worker { client: &client, model, seed: *seed }.everything();
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
    let mut clients: Vec<(Model, u64)> = (0..CLIENTS).map(|at| (Model::default(), at)).collect();
    let (begun, mut dice) = (Instant::now(), 4_711_u64);
    let (mut kills, mut rounds) = (0_u64, 0_u64);
    while begun.elapsed() < Duration::from_secs(seconds()) {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let server = ready(&data, &AT_ONCE).unwrap();
        let pid = server.pid().to_string();
        let life = Duration::from_millis(1_000 + (dice >> 33) % 3_000);
        rounds += std::thread::scope(|scope| {
            let working: Vec<_> = clients
                .iter_mut()
                .map(|(model, seed)| {
                    let server = &server;
                    scope.spawn(move || work(server, model, seed))
                })
                .collect();
            std::thread::sleep(life);
            std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
            let rounds = working.into_iter().map(|client| client.join().unwrap().unwrap());
            rounds.sum::<u64>()
        });
        drop(server);
        kills += 1;
        check(&data, &mut clients).with_context(|| format!("after {kills} kills")).unwrap();
    }
    collect_all(&data).unwrap();
    check(&data, &mut clients).unwrap();
    collect_all(&data).unwrap();
    let models: Vec<Model> = clients.into_iter().map(|(model, _)| model).collect();
    only_images_are_stored(&data, &models).unwrap();
    assert!(rounds > 0, "no client got anywhere");
    println!("{kills} kills and {rounds} rounds in {:?}", begun.elapsed());
}

/// Restarts the server and compares it with what the clients know.
fn check(data: &std::path::Path, clients: &mut [(Model, u64)]) -> Result<()> {
    // This server collects nothing new: what is read does not change meanwhile.
    let server = ready(data, &[])?;
    let client = server.client()?;
    for (model, _) in clients {
        model.layers_may_end();
        model.check(&client)?;
    }
    server.kill()
}
