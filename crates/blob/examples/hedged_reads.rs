//! Measures what second GETs do for reads of a bucket in which some GETs are slow: a server on this machine whose answers are
//! delayed by half a second, one in fifty at random, with and without second GETs.
//!
//! `cargo run -p blob --example hedged_reads -- READS SEED`: 10,000 reads and the seed 1 without arguments. It needs versitygw
//! (`cargo xtask install`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use blob::{Credentials, ObjectKey, S3Options, Store};
use bytes::Bytes;
use futures::StreamExt as _;
use oci::digest::Algorithm;
use testkit::faulty_s3::{Fault, FaultyS3};
use testkit::noise;
use testkit::s3_server::{BUCKET, KEY_ID, SECRET, address};

/// Reads at the same time.
const READERS: usize = 8;
/// The size of the layer.
const LAYER: usize = 16 * 1024;
/// How long the answer to a slow GET takes longer, and how many of a thousand GETs are slow.
const DELAY: Duration = Duration::from_millis(500);
const SLOW: u64 = 20;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1).map(|word| word.parse().unwrap());
    let (reads, seed) = (words.next().unwrap_or(10_000), words.next().unwrap_or(1));
    let server = address().unwrap();
    println!(
        "{reads} reads of {} KiB, {READERS} at a time; {SLOW} of 1,000 GETs take {} ms longer (seed {seed})\n",
        LAYER / 1024,
        DELAY.as_millis()
    );
    println!("| second GETs | p50 | p99 | p99.9 | longest | slow GETs | GETs in addition |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for hedge in [false, true] {
        let proxy = FaultyS3::of(&server);
        let store = Store::s3(&options(&proxy.address, hedge)).unwrap();
        let key = stored(&store).await;
        let number = AtomicU64::new(0);
        let slow = proxy.inject(usize::MAX, Fault::Slow(DELAY), move |request| {
            request.is("GetObject") && is_slow(seed, number.fetch_add(1, Ordering::Relaxed))
        });
        proxy.seen();
        let each = futures::stream::iter(0..reads).map(|_| read(&store, &key));
        let mut times: Vec<_> = each.buffer_unordered(READERS).collect().await;
        times.sort_unstable();
        let gets = proxy.seen().iter().filter(|request| request.is("GetObject")).count();
        let of = |thousandths: usize| times[(times.len() * thousandths / 1_000).min(times.len() - 1)];
        let [p50, p99, p999, longest] =
            [500, 990, 999, 1_000].map(|at| format!("{:.1} ms", of(at).as_secs_f64() * 1e3));
        println!(
            "| {} | {p50} | {p99} | {p999} | {longest} | {} | {} |",
            if hedge { "yes" } else { "no" },
            slow.load(Ordering::Relaxed),
            gets - times.len()
        );
    }
}

fn options(address: &str, hedge: bool) -> S3Options {
    let mut options = S3Options::new(format!("s3://{BUCKET}/hedge-{hedge}").parse().unwrap(), "us-east-1");
    options.path_style = true;
    options.endpoint = Some(format!("http://{address}"));
    options.credentials = Credentials::Key { id: KEY_ID.to_owned(), secret: SECRET.to_owned() };
    options.hedge = hedge;
    options
}

async fn stored(store: &Store) -> ObjectKey {
    let key = ObjectKey::random();
    let layer = Ok::<_, std::io::Error>(Bytes::from(noise(LAYER, 1)));
    let mut body = futures::stream::iter([layer]);
    let appended = store.append(&key, store.begin(Algorithm::Sha256), &mut body, None).await.unwrap();
    store.finish(&key, &appended.stage).await.unwrap();
    key
}

/// The time until all bytes are there.
async fn read(store: &Store, key: &ObjectKey) -> Duration {
    let begun = Instant::now();
    let mut layer = store.open(key, 0, LAYER as u64).await.unwrap().into_stream();
    let mut len = 0;
    while let Some(chunk) = layer.next().await {
        len += chunk.unwrap().len();
    }
    assert_eq!(len, LAYER);
    begun.elapsed()
}

/// Whether the GET with this number is slow: the same ones for a seed (splitmix64).
fn is_slow(seed: u64, number: u64) -> bool {
    let mut state =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state ^ (state >> 31)) % 1_000 < SLOW
}
