//! Backfills many images and measures what must not depend on their number: the slices that read the images, the pages of
//! those that wait and of those that have ended, and the transactions that end them. The process forgets everything twice
//! on the way, like a server that is killed. No image is replicated: what is measured is the work on rows.
//!
//! `cargo run --release -p meta --example backfill -- FOLDER [IMAGES]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

mod repository;
mod rows;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use meta::{
    AccountKey, BackfillItemStatus, BackfillStatus, CreateAccount, EndBackfillItems, EnsureRegistry,
    ListBackfillFailures, ListBackfillItems, Meta, Micros, PrepareBackfill, PutReplicationConfiguration,
    RegistryKey, ReplicationRoute, SqliteOptions, StartReplicationBackfill, TrimReplicationBackfills,
};

const REPOSITORIES: i64 = 10;
/// As the reconciler does it.
const SLICE: usize = 500;
const ITEMS: usize = 200;
const TRIMMED: usize = 1_000;
const ID: &str = "backfill";
const ACCOUNT: &str = "123456789012";
const THERE: &str = "eu-west-1";

struct Store {
    path: PathBuf,
    /// None while nothing has the database open.
    meta: Option<Meta>,
}

/// Times of one kind of work, in their order.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn take<T>(&mut self, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = work.await;
        self.0.push(began.elapsed());
        result
    }

    /// The medians of the first, the middle and the last hundred, and the longest.
    fn tell(&self, what: &str) {
        let median = |from: usize| {
            let mut some: Vec<_> = self.0.iter().skip(from).take(100).copied().collect();
            some.sort_unstable();
            some[some.len() / 2].as_secs_f64() * 1e3
        };
        let count = self.0.len();
        let (middle, last) = (count / 2, count.saturating_sub(100));
        let longest = self.0.iter().max().unwrap().as_secs_f64() * 1e3;
        println!(
            "{what:<36} {count:>6} times; first {:>7.2} ms, middle {:>7.2} ms, last {:>7.2} ms, longest {longest:>7.1} ms",
            median(0),
            median(middle),
            median(last)
        );
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "/tmp/backfill".into());
    let images: i64 = std::env::args().nth(2).map_or(1_000_000, |text| text.parse().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let path = Path::new(&folder).join("wharf.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut store = Store { meta: Some(open(&path).await), path };
        let registry = store.prepare(images / REPOSITORIES).await;
        let began = Instant::now();
        store.read_images(registry).await;
        store.end_images().await;
        store.trim().await;
        println!("{images} images in {:.1} s, {} MiB at most", began.elapsed().as_secs_f64(), peak_mib());
    });
}

async fn open(path: &Path) -> Meta {
    Meta::sqlite(path, SqliteOptions::default()).await.unwrap()
}

impl Store {
    fn meta(&self) -> &Meta {
        self.meta.as_ref().unwrap()
    }

    /// The process ends and begins again.
    async fn restart(&mut self) {
        self.meta = None;
        let began = Instant::now();
        self.meta = Some(open(&self.path).await);
        println!("{:<36} {:.1} ms", "opened again", began.elapsed().as_secs_f64() * 1e3);
    }

    /// A registry with images and a rule.
    async fn prepare(&self, each: i64) -> RegistryKey {
        let (key, at, account_id) = (AccountKey(1), Micros(1), ACCOUNT.parse().unwrap());
        self.meta().write(CreateAccount { key, account_id, name: "main".into(), at }).await.unwrap();
        let region = "us-east-1".parse().unwrap();
        let ensure = EnsureRegistry { key_if_new: RegistryKey(10), account: key, region, at, limit: 9 };
        let registry = self.meta().write(ensure).await.unwrap().key;
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        connection.execute_batch(rows::FAST).unwrap();
        for id in 1..=REPOSITORIES {
            self.meta().write(repository::repository(registry, id, format!("team/{id}"))).await.unwrap();
            let none = rows::Referrers { count: 0, subject: b"" };
            rows::images(&connection, (registry.0, id), each, &none).unwrap();
        }
        let route = ReplicationRoute {
            id_if_new: 7,
            account_id: ACCOUNT.parse().unwrap(),
            region: THERE.parse().unwrap(),
            prefix: String::new(),
            deletes: false,
        };
        let put = PutReplicationConfiguration { registry, rules: "[]".into(), routes: vec![route], at };
        self.meta().write(put).await.unwrap();
        registry
    }

    async fn read_images(&mut self, registry: RegistryKey) {
        let (account_id, region) = (ACCOUNT.parse().unwrap(), THERE.parse().unwrap());
        let start =
            StartReplicationBackfill { id: ID.into(), registry, account_id, region, limit: 1, at: Micros(2) };
        self.meta().write(start).await.unwrap();
        let mut times = Times::default();
        loop {
            let prepare = PrepareBackfill { id: ID.into(), limit: SLICE, at: Micros(3) };
            if times.take(self.meta().write(prepare)).await.unwrap() {
                break;
            }
            if times.0.len() == 777 {
                self.restart().await;
            }
        }
        times.tell("slices of images that are read");
    }

    /// Every tenth image fails, with one of a hundred codes.
    async fn end_images(&mut self) {
        let (mut waiting, mut ending, mut shown) = (Times::default(), Times::default(), Times::default());
        let (mut last, mut codes) = (-1, Times::default());
        loop {
            let list = |status, after| ListBackfillItems { id: ID.into(), status, after, limit: ITEMS };
            let status = Some(BackfillItemStatus::Waiting);
            let items = waiting.take(self.meta().read(list(status, -1))).await.unwrap();
            let failure =
                |position: i64| (position % 10 == 0).then(|| format!("Code{}", position / 10 % 100));
            let ended = items.iter().map(|item| (item.position, failure(item.position))).collect();
            let end =
                EndBackfillItems { id: ID.into(), ended, failure: None, is_at_peer: false, at: Micros(4) };
            let status = ending.take(self.meta().write(end)).await.unwrap();
            // What is shown while most images wait.
            let page = shown.take(self.meta().read(list(None, last))).await.unwrap();
            last = page.last().map_or(last, |item| item.position);
            codes.take(self.meta().read(ListBackfillFailures { id: ID.into() })).await.unwrap();
            if ending.0.len() == 777 {
                self.restart().await;
            }
            if status == BackfillStatus::Complete {
                break;
            }
        }
        waiting.tell("pages of images that wait");
        ending.tell("transactions that end 200 images");
        shown.tell("pages of images that have ended");
        codes.tell("codes of failures");
    }

    async fn trim(&self) {
        let mut times = Times::default();
        let trim = TrimReplicationBackfills { before: Micros(i64::MAX), limit: TRIMMED };
        while times.take(self.meta().write(trim)).await.unwrap() > 0 {}
        times.tell("slices of rows that are removed");
    }
}

/// The most memory that the process had.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
