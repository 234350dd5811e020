//! Two deployments under random changes, network cuts and `kill -9` of either: afterwards both agree, and no layer was sent
//! twice. `WHARF_PEERS_SEEDS=1,2,3` tries other sequences.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{noise, sha256};

use crate::gc::push_image;
use crate::peer_both_ways;
use crate::peers::{Dice, HERE, Side, THERE, arrive, create, two, two_of};
use crate::postgres::Postgres;
use crate::proxy::Proxy;

const NAMES: [&str; 2] = ["app", "team/app"];
const TAGS: [&str; 4] = ["v1", "v2", "v3", "latest"];
/// The most bytes in the head of a request with a part of a layer.
const HEAD: u64 = 2_000;

/// Carries out a sequence for each seed, all at once.
fn for_each_seed(usual: &[u64], sequence: impl Fn(u64) + Sync) {
    let seeds = std::env::var("WHARF_PEERS_SEEDS");
    let seeds = seeds.map_or_else(
        |_| usual.to_vec(),
        |text| text.split(',').map(|seed| seed.trim().parse().unwrap()).collect(),
    );
    for some in seeds.chunks(usual.len()) {
        std::thread::scope(|scope| {
            for seed in some {
                scope.spawn(|| sequence(*seed));
            }
        });
    }
}

/// The layers that were pushed, with their sizes.
#[derive(Default)]
struct Layers(BTreeMap<String, u64>);

impl Layers {
    fn push(&mut self, side: &Side, (name, tag): (&str, &str), layers: &[Vec<u8>]) {
        let config = format!("{{\"tag\":\"{tag}\"}}").into_bytes();
        self.0.extend(layers.iter().chain([&config]).map(|bytes| (sha256(bytes), bytes.len() as u64)));
        let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
        push_image(&side.client(), name, tag, &layers);
    }

    /// What was sent of these layers is sent once, beside what was lost with a connection.
    fn were_sent_once(&self, proxy: &Proxy, what: &str) {
        let (all, sent) = (self.0.values().sum::<u64>(), proxy.parts());
        let arrived = sent.bytes - sent.lost;
        println!("{what}: {sent:?} for {all} bytes of layers; {} bytes were sent in all", proxy.sent());
        let most = all + sent.count * HEAD;
        assert!((1..=most).contains(&arrived), "{what}: {sent:?} for {all} bytes of layers");
    }
}

fn change(a: &Side, dice: &mut Dice, pushed: &mut Layers) {
    let name = NAMES[usize::try_from(dice.below(2)).unwrap()];
    let tag = TAGS[usize::try_from(dice.below(4)).unwrap()];
    match dice.below(6) {
        0..=3 => {
            let layers = [noise(400_000, dice.below(5)), noise(90_000, dice.below(9))];
            pushed.push(a, (name, tag), &layers);
        }
        4 => {
            let id = json!({"imageTag": tag});
            a.call("BatchDeleteImage", &json!({"repositoryName": name, "imageIds": [id]}));
        }
        _ => {
            let Some(digest) = a.images(name).into_keys().next() else { return };
            let id = json!({"imageDigest": digest});
            a.call("BatchDeleteImage", &json!({"repositoryName": name, "imageIds": [id]}));
        }
    }
}

/// Random changes and faults. `kills` are the sides that are killed.
fn disturbed((a, b, proxy): &mut (Side, Side, Proxy), seed: u64, (steps, kills): (u32, [bool; 2])) {
    for name in NAMES {
        create(a, name);
    }
    let (mut dice, mut pushed, began) = (Dice(seed), Layers::default(), Instant::now());
    proxy.be_wild(true);
    for _ in 0..steps {
        match dice.below(8) {
            0 if kills[0] => a.restart(),
            1 if kills[1] => {
                b.restart();
                proxy.lead_to(Some(b.address()));
            }
            _ => change(a, &mut dice, &mut pushed),
        }
        std::thread::sleep(Duration::from_millis(dice.below(400)));
    }
    // There is something to compare.
    for name in NAMES {
        pushed.push(a, (name, "last"), &[noise(90_000, seed)]);
    }
    let (worked, ended) = (began.elapsed(), Instant::now());
    proxy.be_wild(false);
    arrive(a, b);
    println!("seed {seed}: {worked:?} of work; {:?} until all had arrived", ended.elapsed());
    for name in NAMES {
        assert_eq!(b.images(name), a.images(name), "{name}, seed {seed}");
        assert!(!a.images(name).is_empty(), "{name}, seed {seed}");
    }
    pushed.were_sent_once(proxy, &format!("seed {seed}"));
}

#[test]
fn two_deployments_agree_after_cuts_and_kills() {
    for_each_seed(&[7, 8, 9], |seed| {
        let folder = testkit::memory_folder().unwrap();
        disturbed(&mut two(folder.path(), "4MiB"), seed, (40, [true, true]));
    });
}

/// The server that is replicated is not killed: its lease would end only after a minute, as that of one of several nodes.
#[test]
fn two_deployments_on_postgresql_agree_after_cuts() {
    for_each_seed(&[21], |seed| {
        let folder = testkit::memory_folder().unwrap();
        let databases = [Postgres::start(), Postgres::start()];
        let side = |name, region, database: &Postgres| {
            Side::with(folder.path(), name, region, &[("WHARF__DATABASE__URL", &database.url())])
        };
        let sides = [side("a", HERE, &databases[0]), side("b", THERE, &databases[1])];
        let mut sides = two_of(sides, "4MiB");
        disturbed(&mut sides, seed, (25, [false, true]));
    });
}

/// Pushes to both sides. A push to a repository that has not arrived there yet is left out.
fn in_both_directions(folder: &Path, seed: u64) {
    let mut sides = peer_both_ways::two_of([Side::new(folder, "a", HERE), Side::new(folder, "b", THERE)]);
    for name in NAMES {
        create(&sides[0].0, name);
    }
    let (mut dice, mut pushes) = (Dice(seed), 0);
    let mut pushed = [Layers::default(), Layers::default()];
    for (_, proxy) in &sides {
        proxy.be_wild(true);
    }
    for _ in 0..40 {
        let at = usize::try_from(dice.below(2)).unwrap();
        let (side, proxy) = &mut sides[at];
        if dice.below(6) == 0 {
            side.restart();
            proxy.lead_to(Some(side.address()));
        } else {
            let name = NAMES[usize::try_from(dice.below(2)).unwrap()];
            let tag = TAGS[usize::try_from(dice.below(4)).unwrap()];
            let layers = [noise(120_000, dice.below(7))];
            if at == 0 || !side.images(name).is_empty() {
                pushed[at].push(side, (name, tag), &layers);
                pushes += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(dice.below(250)));
    }
    for name in NAMES {
        pushed[0].push(&sides[0].0, (name, "last"), &[noise(90_000, seed)]);
        pushes += 1;
    }
    let ended = Instant::now();
    for (_, proxy) in &sides {
        proxy.be_wild(false);
    }
    let [(a, to_a), (b, to_b)] = &sides;
    arrive(a, b);
    arrive(b, a);
    println!("both ways, seed {seed}: {pushes} pushes; {:?} until all had arrived", ended.elapsed());
    for name in NAMES {
        assert_eq!(a.images(name), b.images(name), "{name}, seed {seed}");
        assert!(!a.images(name).is_empty(), "{name}, seed {seed}");
    }
    let state = || {
        let sent = [to_a, to_b].map(Proxy::sent);
        (peer_both_ways::moves(a), peer_both_ways::moves(b), sent)
    };
    let before = state();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(state(), before, "seed {seed}: nothing goes back and forth");
    for moves in [before.0, before.1] {
        assert!(moves.len() <= pushes, "seed {seed}: {} moves after {pushes} pushes", moves.len());
    }
    pushed[0].were_sent_once(to_b, &format!("both ways, seed {seed}, to b"));
    let own = to_a.parts();
    let all = pushed[1].0.values().sum::<u64>();
    assert!(own.bytes - own.lost <= all + own.count * HEAD, "seed {seed}: {own:?} for {all} bytes of layers");
}

#[test]
fn two_that_replicate_to_each_other_agree_after_kills() {
    for_each_seed(&[11, 12], |seed| {
        let folder = testkit::memory_folder().unwrap();
        in_both_directions(folder.path(), seed);
    });
}
