//! A soak of three nodes behind a load balancer: clients push, pull, tag, delete and collect while nodes, PostgreSQL and
//! the S3 server are killed, PostgreSQL fails over, S3 misbehaves and networks are cut. What was acknowledged stays, tags are
//! linearizable, and `wharf fsck` finds nothing.
//!
//! `cargo xtask soak --nodes 3` sets how long it runs; by default it is short.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use testkit::{Client, Cluster, ClusterOptions, sha256};

use crate::crash_collect::binary;
use crate::crash_model::Model;
use crate::crash_work::Worker;
use crate::soak::setting;
use crate::soak_expiry::Expiring;
use crate::soak_faults::{Recoveries, Strike};
use crate::soak_network::Network;
use crate::soak_tags::Race;
use crate::soak_upload::Uploads;

/// Clients that have repositories of their own, and clients that share tags.
const CLIENTS: u64 = 2;
const RACERS: u64 = 3;
/// A layer without an image stays for this time, which is longer than any push takes.
const SETTINGS: [(&str, &str); 3] = [
    ("WHARF__COLLECTION__GRACE_SECONDS", "40"),
    ("WHARF__COLLECTION__DELAY_SECONDS", "1"),
    ("WHARF__COLLECTION__INTERVAL_SECONDS", "1"),
];
/// A push that took this long may have lost layers to the collector.
const LONG: Duration = Duration::from_secs(30);
/// How long a fault lasts that does not kill anything: this, and up to as much again.
const LASTS: Duration = Duration::from_secs(1);
/// The longest time until requests succeed again, and until all nodes are ready.
const RECOVERED: Duration = Duration::from_mins(1);
const FAULTS_OF_A_ROUND: u64 = 6;

/// What a client knows.
struct Known {
    model: Model,
    expiring: Expiring,
    seed: u64,
}

/// All that the clients share.
struct Soak {
    cluster: Cluster,
    network: Network,
    failovers: AtomicU64,
    race: Race,
    uploads: Uploads,
    rounds: AtomicU64,
    failures: AtomicU64,
    dice: u64,
}

#[test]
fn a_soak_of_nodes_loses_nothing() {
    let (seconds, most_kills) =
        (setting("WHARF_SOAK_NODES_SECONDS", 15), setting("WHARF_SOAK_KILLS", u64::MAX));
    let store = std::env::var("WHARF_SOAK_STORE").unwrap_or_else(|_| "versitygw".to_owned());
    let nodes = u32::try_from(setting("WHARF_SOAK_NODES", 3)).unwrap();
    let network = Network::new(nodes);
    let options = ClusterOptions {
        binary: binary(),
        nodes,
        store: &store,
        serve: "stream",
        folder: None,
        settings: &SETTINGS,
        standby: true,
        links: Some(&network.links()),
    };
    let cluster = Cluster::start(&options).unwrap();
    let race = Race::new(&cluster.client).unwrap();
    Uploads::create(&cluster.client).unwrap();
    let create = cluster.client.ecr("CreateRepository", r#"{"repositoryName":"soak/probe"}"#);
    create.unwrap().expect(200).unwrap();
    let [rounds, failures, failovers] = [(); 3].map(|()| AtomicU64::new(0));
    let dice = setting("WHARF_SOAK_SEED", 4_711);
    let uploads = Uploads::default();
    let mut soak = Soak { cluster, network, failovers, race, uploads, rounds, failures, dice };
    if let Err(error) = soak.run(Duration::from_secs(seconds), most_kills, &store) {
        panic!("{error:#}\nlogs: {:?}", soak.cluster.keep_logs());
    }
}

/// Whether a layer and a row can be written.
fn probe(client: &Client, roll: u64) -> bool {
    let bytes = format!("probe {roll} {:?}", Instant::now()).into_bytes();
    let path = format!("/v2/soak/probe/blobs/uploads/?digest={}", sha256(&bytes));
    let pushed = client.v2("POST", &path, "application/octet-stream", &bytes);
    pushed.is_ok_and(|reply| reply.status == 201)
}

fn await_recovery(since: Instant, what: &str, is_over: impl Fn() -> bool) -> Result<()> {
    while !is_over() {
        ensure!(since.elapsed() < RECOVERED, "{what}: no recovery within {RECOVERED:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

impl Soak {
    fn run(&mut self, time: Duration, most_kills: u64, store: &str) -> Result<()> {
        let known = |at| Known { model: Model::default(), expiring: Expiring::new(at), seed: at };
        let mut clients: Vec<Known> = (0..CLIENTS).map(known).collect();
        let (mut recoveries, mut kills, begun) = (Recoveries::default(), 0, Instant::now());
        while begun.elapsed() < time && kills < most_kills {
            let round = self.round(&mut clients, &mut recoveries);
            let checked = round.and_then(|more| {
                kills += more;
                self.check(&mut clients)?;
                self.cluster.vacuum()
            });
            println!("{kills} kills of nodes after {:?}", begun.elapsed());
            checked.with_context(|| format!("after {kills} kills\n{}", recoveries.table()))?;
        }
        self.end(&mut clients)?;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (uploads, expired) =
            (&self.uploads, clients.iter().map(|known| known.expiring.expired).sum::<usize>());
        println!(
            "{kills} kills of nodes on {store} in {:?}: {} requests for shared tags answered, {} rounds complete, {} \
             ended by a fault, {} large layers ({} requests repeated, {} uploads begun again), {expired} images expired\n\n{}",
            begun.elapsed(),
            of(&self.race.answered),
            of(&self.rounds),
            of(&self.failures),
            of(&uploads.complete),
            of(&uploads.continued),
            of(&uploads.forgotten),
            recoveries.table()
        );
        ensure!(of(&self.rounds) > 0 && of(&uploads.complete) > 0, "no client got anywhere");
        Ok(())
    }

    /// All clients work while some processes are killed. Returns how many of them were nodes.
    fn round(&mut self, clients: &mut [Known], recoveries: &mut Recoveries) -> Result<u64> {
        let stop = AtomicBool::new(false);
        let (mut dice, stop) = (self.dice, &stop);
        let this = &*self;
        let kills = std::thread::scope(|scope| {
            let mut working: Vec<_> =
                clients.iter_mut().map(|known| scope.spawn(move || this.work(known, stop))).collect();
            for racer in 0..RACERS {
                let seed = dice ^ racer;
                working.push(scope.spawn(move || this.race.run(&this.cluster.client, seed, stop)));
            }
            working.push(scope.spawn(move || this.uploads.run(&this.cluster.client, dice, stop)));
            let mut kills = 0;
            let struck: Result<()> = (0..FAULTS_OF_A_ROUND).try_for_each(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                kills += this.strike(dice >> 33, recoveries)?;
                std::thread::sleep(Duration::from_millis(100 + (dice >> 40) % 1_000));
                Ok(())
            });
            stop.store(true, Ordering::Relaxed);
            let worked = working.into_iter().try_for_each(|client| {
                client.join().map_err(|panic| anyhow!("{:?}", panic.downcast_ref::<String>()))?
            });
            struck.and(worked).map(|()| kills)
        })?;
        self.dice = dice.wrapping_add(1);
        Ok(kills)
    }

    /// Lets one fault happen, and waits until requests succeed and all nodes are ready. Returns how many nodes it killed.
    fn strike(&self, roll: u64, recoveries: &mut Recoveries) -> Result<u64> {
        let strike = Strike::choose(roll, &self.cluster)?;
        let what = strike.what;
        // Before and after: the counter is odd in between.
        let kills_server = u64::from(strike.kills_a_server(&self.cluster.primary()?));
        self.uploads.kills.fetch_add(kills_server, Ordering::Relaxed);
        let mut since = Instant::now();
        strike.begin(&self.cluster, &self.network)?;
        if strike.lasts() {
            let lasted = self.last(&strike, roll);
            since = Instant::now();
            strike.end(&self.network);
            lasted.context(what)?;
        }
        await_recovery(since, what, || probe(&self.cluster.client, roll))?;
        let succeeded = since.elapsed();
        self.uploads.kills.fetch_add(kills_server, Ordering::Relaxed);
        await_recovery(since, what, || {
            (0..self.cluster.nodes.len()).all(|node| self.cluster.is_ready(node))
        })?;
        recoveries.add(what, succeeded, since.elapsed());
        if strike.is_failover() {
            self.cluster.await_standby(self.failovers.fetch_add(1, Ordering::Relaxed) + 1)?;
        }
        Ok(strike.kills_of_nodes())
    }

    /// While a fault lasts. A node that is cut off does not keep the others from their work.
    fn last(&self, strike: &Strike, roll: u64) -> Result<()> {
        let (begun, lasts) = (Instant::now(), LASTS + LASTS * u32::from(roll.to_be_bytes()[6]) / 256);
        if let Some(node) = strike.cut_off() {
            let other = (node + 1) % self.cluster.nodes.len();
            if other != node {
                ensure!(probe(&self.cluster.nodes[other], roll), "another node does not work");
            }
        }
        std::thread::sleep(lasts.saturating_sub(begun.elapsed()));
        Ok(())
    }

    fn kills_of_servers(&self) -> u64 {
        self.uploads.kills.load(Ordering::Relaxed)
    }

    /// What a client with its own repositories does. Fails at an answer that no fault explains.
    fn work(&self, known: &mut Known, stop: &AtomicBool) -> Result<()> {
        let client = &self.cluster.client;
        while !stop.load(Ordering::Relaxed) {
            known.seed += CLIENTS;
            let (begun, kills) = (Instant::now(), self.kills_of_servers());
            let mut worker = Worker { client, model: &mut known.model, seed: known.seed };
            let worked = known.expiring.push(client).and_then(|()| worker.everything());
            let Err(error) = worked else {
                self.rounds.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let text = format!("{error:#}");
            let status = text.split(" instead of ").next().and_then(|start| start.rsplit(' ').next());
            let is_refused = text.contains(" instead of ") && status.is_none_or(|status| status < "500");
            // A database that is killed may forget the state of an upload, which is not synced.
            let is_explained = begun.elapsed() > LONG || self.uploads.may_be_forgotten(kills);
            ensure!(!is_refused || is_explained, "{text}");
            self.failures.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Compares each node with what the clients know.
    fn check(&self, clients: &mut [Known]) -> Result<()> {
        self.race.check(&self.cluster.nodes)?;
        for (Known { model, expiring, .. }, node) in clients.iter_mut().zip(self.cluster.nodes.iter().cycle())
        {
            model.layers_may_end();
            if self.kills_of_servers() > 0 {
                model.uploads_may_go_back();
            }
            model.check(node)?;
            expiring.check(node)?;
        }
        Ok(())
    }

    /// Lets the policies and the collector end, and checks the store.
    fn end(&self, clients: &mut [Known]) -> Result<()> {
        for known in clients.iter_mut() {
            known.expiring.settle(&self.cluster.client)?;
        }
        let collected = self.cluster.command(&["gc", "run", "--timeout", "150"])?.output()?;
        let said = [collected.stdout, collected.stderr].concat();
        ensure!(collected.status.success(), "gc run: {}", String::from_utf8_lossy(&said));
        self.check(clients)?;
        let checked = self.cluster.command(&["fsck", "--json"])?.output()?;
        let [report, error] =
            [checked.stdout, checked.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        ensure!(checked.status.success(), "fsck: {report}{error}");
        Ok(())
    }
}
