//! `kill -9` at every fault point and at random moments of pushes and deletes. After each restart everything
//! acknowledged exists, no row points to missing bytes, and no bytes remain that nothing would remove.
//!
//! `WHARF_CRASH_CYCLES` is the number of cycles (210 by default).

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fault::Fault;
use testkit::{Offline, Started, Wharf};

use crate::crash_model::Model;
use crate::crash_work::Worker;

/// At least half of the starts are ready within this time. The machine may be busy.
const READY: Duration = Duration::from_secs(1);
/// A server that takes this long repairs something.
const REPAIRING: Duration = Duration::from_secs(20);
/// Without an explicit number of cycles the test stops after this time. An idle machine needs a tenth of it.
const GIVEN_UP: Duration = Duration::from_mins(12);

/// The fault points that are reached without a request.
const CLEANING: [Fault; 4] =
    [Fault::AfterPurgeSlice, Fault::BeforeDeleteBytes, Fault::Deleted, Fault::AfterDeleteBytes];

struct Crashes {
    data: PathBuf,
    model: Model,
    cycle: u64,
    starts: Vec<Duration>,
}

fn binary() -> &'static Path {
    env!("CARGO_BIN_EXE_wharf").as_ref()
}

impl Crashes {
    fn start(&mut self) -> Result<Wharf> {
        let Started::Ready(server) = Wharf::start(binary(), &self.data, None)? else {
            anyhow::bail!("no start: {}", std::fs::read_to_string(self.data.with_extension("log"))?)
        };
        self.starts.push(server.start_took);
        ensure!(server.start_took < REPAIRING, "ready only after {:?}", server.start_took);
        Ok(server)
    }

    fn work(&mut self, server: &Wharf) -> Result<()> {
        self.cycle += 1;
        let client = server.client()?;
        Worker { client: &client, model: &mut self.model, seed: self.cycle }.everything()
    }

    /// Starts without a fault, checks everything and stops again.
    fn check(&mut self) -> Result<()> {
        let server = self.start()?;
        self.model.check(&server.client()?).with_context(|| format!("after cycle {}", self.cycle))?;
        server.kill()
    }

    /// Lets the server end when it reaches a point for the `n`-th time; returns whether it did.
    fn die_at(&mut self, fault: Fault, n: u32) -> Result<bool> {
        if CLEANING.contains(&fault) {
            // A server cleans up when it starts, so the previous one must have left something.
            let server = self.start()?;
            self.work(&server)?;
            server.kill()?;
        }
        Offline::open(&self.data)?.let_time_pass()?;
        let armed = format!("{}:{n}", fault.name());
        let died = match Wharf::start(binary(), &self.data, Some(&armed))? {
            Started::Ended => true,
            Started::Ready(mut server) => {
                let worked = self.work(&server);
                let died =
                    server.ends_within(Duration::from_millis(if worked.is_ok() { 0 } else { 2_000 }))?;
                ensure!(died || worked.is_ok(), "{armed}: {worked:?}");
                died
            }
        };
        self.check().with_context(|| armed)?;
        Ok(died)
    }

    /// Kills the server some time after it began to work.
    fn die_after(&mut self, time: Duration) -> Result<()> {
        let server = self.start()?;
        let pid = server.pid().to_string();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(time);
            std::process::Command::new("kill").args(["-9", &pid]).status()
        });
        let worked = self.work(&server);
        killer.join().ok().context("the killer")??;
        server.kill()?;
        if let Err(error) = worked {
            // A missing answer is expected only if the connection broke. Any other error is a failure.
            ensure!(!error.to_string().contains(" instead of "), "cycle {}: {error:#}", self.cycle);
        }
        self.check()
    }

    /// All doomed bytes are removed in the end, and everything that remains is known.
    fn check_leftovers(&mut self) -> Result<()> {
        let offline = Offline::open(&self.data)?;
        ensure!(offline.short_objects()?.is_empty(), "rows without bytes: {:?}", offline.short_objects()?);
        ensure!(
            offline.forgotten_files()?.is_empty(),
            "files that no row knows: {:?}",
            offline.forgotten_files()?
        );
        let begun = Instant::now();
        while !offline.doomed()?.is_empty() || offline.unfinished()? > 0 {
            let left = (offline.doomed()?.len(), offline.unfinished()?);
            ensure!(begun.elapsed() < Duration::from_secs(20), "(doomed keys, work) that never go: {left:?}");
            offline.let_time_pass()?;
            let server = self.start()?;
            std::thread::sleep(Duration::from_millis(300));
            server.kill()?;
        }
        ensure!(
            offline.forgotten_files()?.is_empty(),
            "files that no row knows: {:?}",
            offline.forgotten_files()?
        );
        Ok(())
    }
}

fn cycles() -> u64 {
    std::env::var("WHARF_CRASH_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(210)
}

#[test]
fn acknowledged_data_survives_every_crash() {
    let folder = testkit::memory_folder().unwrap();
    let data = folder.path().join("data");
    let mut crashes = Crashes { data, model: Model::default(), cycle: 0, starts: Vec::new() };
    let server = crashes.start().unwrap();
    crashes.work(&server).unwrap();
    server.kill().unwrap();
    crashes.check().unwrap();
    let begun = Instant::now();
    let mut deaths = 0;
    // A rotation of the master key, the collector, lifecycle policies, the archive and the delivery of events have their
    // own tests: no request of this one reaches their fault points.
    let of_others = ["master-key-", "lifecycle-", "archive-", "events-"];
    let has_own_test = |fault: &Fault| {
        of_others.iter().any(|of_other| fault.name().starts_with(of_other))
            || fault.name().contains("-collect-")
    };
    for fault in Fault::ALL.iter().filter(|fault| !has_own_test(fault)) {
        let mut fired = 0;
        for n in [1, 2, 4] {
            fired += u64::from(crashes.die_at(*fault, n).unwrap());
        }
        assert!(fired > 0, "{} was never reached", fault.name());
        deaths += fired;
    }
    crashes.check_leftovers().unwrap();
    let at_points = deaths;
    let longer = std::env::var_os("WHARF_CRASH_CYCLES").is_some();
    let mut dice = 12_345_u64;
    while deaths < cycles() {
        assert!(longer || begun.elapsed() < GIVEN_UP, "only {deaths} cycles in {GIVEN_UP:?}");
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        crashes.die_after(Duration::from_micros((dice >> 33) % 400_000)).unwrap();
        deaths += 1;
    }
    crashes.check_leftovers().unwrap();
    crashes.starts.sort_unstable();
    let (starts, took) = (&crashes.starts, begun.elapsed());
    let (median, slowest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    println!(
        "{deaths} deaths, {at_points} of them at named points, in {took:?}; start: median {median:?}, slowest {slowest:?}"
    );
    assert!(median < READY, "starts take {median:?}");
}
