//! Fills a SQLite database with many images and measures what must not depend on their number: opening it, pages at the
//! beginning, in the middle and at the end, times of pulls, and the removal of a deleted repository.
//!
//! `cargo run --release -p meta --example scale -- FOLDER [IMAGES]`. If the folder is the data folder of a server that
//! has stopped, the images are in its first registry, so the server can be measured with them.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::single_match_else,
    clippy::format_collect,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

mod repository;
mod rows;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use meta::{
    AccountKey, CreateAccount, DeleteRepository, DescribeImages, DescribeRepositories, EnsureRegistry,
    ImageCursor, ImageId, ImageState, ListImages, ListReferrers, ListTagDetails, Meta, Micros, Pull,
    PurgeRepositorySlice, RecordPulls, RegistryKey, RepositoryKey, SqliteOptions, TagStatus,
};
use oci::digest::{Algorithm, Digest};

/// How many repositories have the images; the last one is deleted.
const REPOSITORIES: i64 = 10;
/// How many repositories there are for the pages of repositories.
const MANY: [i64; 2] = [1_000, 100_000];
/// How many images of each repository refer to one subject.
const REFERRERS: i64 = 5_000;
/// How often a page is read.
const READS: usize = 501;
/// Rows that are removed at once.
const SLICE: usize = 1_000;

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "/tmp/scale".into());
    let images: i64 = std::env::args().nth(2).map_or(1_000_000, |text| text.parse().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let path = Path::new(&folder).join("wharf.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let repositories = prepare(&path).await;
        fill(&path, &repositories, images / REPOSITORIES);
        for _ in 0..3 {
            timed("open", async { drop(open(&path).await) }).await;
        }
        let meta = open(&path).await;
        pages(&meta, repositories[0], images / REPOSITORIES).await;
        repositories_in_pages(&meta, &path, repositories[0].registry).await;
        pulls(&meta, repositories[1]).await;
        purge(&meta, repositories[repositories.len() - 1]).await;
    });
}

async fn open(path: &Path) -> Meta {
    Meta::sqlite(path, SqliteOptions::default()).await.unwrap()
}

async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let result = work.await;
    println!("{what:<48} {:>10.3} ms", began.elapsed().as_secs_f64() * 1e3);
    result
}

/// The median of some reads. The first one fills SQLite's memory and is not counted.
async fn page<O: meta::Operation + Clone>(what: &str, meta: &Meta, operation: O) {
    let mut times = Vec::new();
    for _ in 0..=READS {
        let began = Instant::now();
        drop(meta.read(operation.clone()).await);
        times.push(began.elapsed());
    }
    times.swap_remove(0);
    times.sort_unstable();
    println!("{what:<48} {:>10.3} ms", times[READS / 2].as_secs_f64() * 1e3);
}

/// The registry, and the repositories in it.
async fn prepare(path: &Path) -> Vec<RepositoryKey> {
    let meta = open(path).await;
    let beside = rusqlite::Connection::open(path).unwrap();
    let first = beside.query_row("SELECT key FROM registry LIMIT 1", [], |row| row.get(0));
    let registry = match first {
        Ok(key) => RegistryKey(key),
        Err(_) => {
            let (key, at, account_id) = (AccountKey(1), Micros(1), "123456789012".parse().unwrap());
            meta.write(CreateAccount { key, account_id, name: "main".into(), at }).await.unwrap();
            let region = "us-east-1".parse().unwrap();
            let ensure = EnsureRegistry { key_if_new: RegistryKey(10), account: key, region, at, limit: 1 };
            meta.write(ensure).await.unwrap().key
        }
    };
    let names: Vec<String> = (0..REPOSITORIES).map(|number| format!("scale/{number}")).collect();
    for (id, name) in (1..).zip(&names) {
        // It exists if the example ran before.
        drop(meta.write(repository::repository(registry, id, name.clone())).await);
    }
    let found = meta
        .read(DescribeRepositories { registry, after: Some("scale".into()), limit: names.len() })
        .await
        .unwrap();
    found.iter().map(|row| row.key).collect()
}

fn subject() -> Digest {
    Digest::of(Algorithm::Sha256, b"subject")
}

/// Writes the rows of the images, if they are not there.
fn fill(path: &Path, repositories: &[RepositoryKey], each: i64) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch(rows::FAST).unwrap();
    let select = "SELECT EXISTS (SELECT 1 FROM image)";
    if connection.query_row(select, [], |row| row.get::<_, bool>(0)).unwrap() {
        return;
    }
    for key in repositories {
        let of = rows::Referrers { count: REFERRERS, subject: &subject().to_stored() };
        rows::images(&connection, (key.registry.0, key.id), each, &of).unwrap();
    }
    println!("{} images in {REPOSITORIES} repositories", each * REPOSITORIES);
}

/// Pages of 100 and 1,000, as DescribeImages and ListImages read them.
async fn pages(meta: &Meta, repository: RepositoryKey, images: i64) {
    let state = Some(ImageState::Active);
    for (limit, tag_status) in [100, 1_000].into_iter().flat_map(|limit| {
        [TagStatus::Any, TagStatus::Tagged, TagStatus::Untagged].map(|status| (limit, status))
    }) {
        let last = (images - i64::try_from(limit).unwrap()).max(0);
        for (place, id) in [("first", 0), ("middle", images / 2), ("last", last)] {
            let images = DescribeImages { repository, after: Some(ImageId(id)), limit, tag_status, state };
            page(&format!("page of {limit} images, {tag_status:?}, {place}"), meta, images).await;
            let after = Some(ImageCursor { image: ImageId(id), tag: None });
            let list = ListImages { repository, after, limit, tag_status, state };
            page(&format!("page of {limit} image ids, {tag_status:?}, {place}"), meta, list).await;
        }
    }
    // The names of tags are numbers with a letter before, in byte order.
    for (limit, (place, after)) in [100, 1_000]
        .into_iter()
        .flat_map(|limit| [("first", ""), ("middle", "v5"), ("last", "v98")].map(|page| (limit, page)))
    {
        let list = ListTagDetails { repository, after: Some(after.to_owned()), limit };
        page(&format!("page of {limit} tags, {place}"), meta, list).await;
    }
    for artifact_types in [Vec::new(), vec!["type/1".to_owned()], vec!["type/none".to_owned()]] {
        for (place, id) in [("first", 0), ("last", REFERRERS - 100)] {
            let what = format!("page of 100 of 5,000 referrers {artifact_types:?}, {place}");
            let (artifact_types, after) = (artifact_types.clone(), Some(ImageId(id)));
            let list =
                ListReferrers { repository, subject: subject(), artifact_types, state, after, limit: 100 };
            page(&what, meta, list).await;
        }
    }
}

/// Pages of DescribeRepositories, in a registry with many.
async fn repositories_in_pages(meta: &Meta, path: &Path, registry: RegistryKey) {
    let connection = rusqlite::Connection::open(path).unwrap();
    for many in MANY {
        rows::repositories(&connection, registry.0, many).unwrap();
        for limit in [100, 1_000] {
            let last = many - i64::try_from(limit).unwrap();
            for (place, before) in [("first", 0), ("middle", last / 2), ("last", last)] {
                let after = Some(format!("many/{before:06}"));
                let repositories = DescribeRepositories { registry, after, limit };
                page(&format!("page of {limit} of {many} repositories, {place}"), meta, repositories).await;
            }
        }
    }
}

async fn pulls(meta: &Meta, repository: RepositoryKey) {
    for (what, at) in [("1,024 times of pulls", 1), ("the same again, too soon", 1), ("an hour later", 2)] {
        let at = Micros(at * 3_600_000_000_000);
        let pull = |id| Pull { repository, id: ImageId(id), at, principal_arn: "arn:p".into() };
        let record = RecordPulls { pulls: (1..=1_024).map(pull).collect(), apart: Micros(3_600_000_000) };
        timed(what, meta.write(record)).await.unwrap();
    }
}

/// Removes a repository as fast as possible.
async fn purge(meta: &Meta, repository: RepositoryKey) {
    let at = Micros(9);
    meta.write(DeleteRepository { repository, force: true, at }).await.unwrap();
    let (began, mut slices, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let slice = Instant::now();
        let done = meta.write(PurgeRepositorySlice { repository, limit: SLICE, at }).await.unwrap();
        longest = longest.max(slice.elapsed());
        slices += 1;
        if done {
            break;
        }
    }
    let each = began.elapsed().as_secs_f64() * 1e3 / f64::from(slices);
    println!(
        "a deleted repository: {slices} slices of {SLICE} rows, {each:.2} ms each, longest {longest:.1?}"
    );
}
