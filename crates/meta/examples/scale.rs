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

use std::{
    path::Path,
    time::{Duration, Instant},
};

use meta::{
    AccountKey, CreateAccount, CreateRepository, DeleteRepository, DescribeImages, DescribeRepositories,
    EnsureRegistry, ImageCursor, ImageId, ImageState, ListImages, ListReferrers, Meta, Micros, Mutability,
    OperationId, Pull, PurgeRepositorySlice, RecordPulls, RegistryKey, RepositoryKey, SqliteOptions,
    TagStatus,
};
use oci::digest::{Algorithm, Digest};

/// How many repositories have the images; the last one is deleted.
const REPOSITORIES: i64 = 10;
/// How many repositories there are for the pages of repositories.
const MANY: i64 = 100_000;
/// How many images of each repository refer to one subject.
const REFERRERS: i64 = 5_000;
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
        if fill(&path, &repositories, images / REPOSITORIES) {
            println!("{images} images in {REPOSITORIES} repositories");
        }
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
        let create = CreateRepository {
            registry,
            id,
            name: name.clone(),
            at: Micros(id),
            op: OperationId(format!("scale {id}").into()),
            mutability: Mutability::Mutable,
            filters: Vec::new(),
            scan_on_push: false,
            encryption_type: "AES256".into(),
            kms_key: None,
            tags: Vec::new(),
            policy: None,
            lifecycle_policy: None,
            limit: i64::MAX,
        };
        // It exists if the example ran before.
        drop(meta.write(create).await);
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

/// Writes the rows of the images; false if they are there.
fn fill(path: &Path, repositories: &[RepositoryKey], each: i64) -> bool {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000").unwrap();
    let filled: i64 =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM image)", [], |row| row.get(0)).unwrap();
    if filled == 1 {
        return false;
    }
    for RepositoryKey { registry, id } in repositories {
        let numbers = format!(
            "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {each}) SELECT n FROM c)"
        );
        let key = format!("{}, {id}", registry.0);
        let digest = |kind: &str| format!("unhex('01' || printf('%s%016x%047x', '{kind}', {id}, n))");
        let subject: String = subject().to_stored().iter().map(|byte| format!("{byte:02x}")).collect();
        connection
            .execute_batch(&format!(
                "BEGIN;
                INSERT INTO image SELECT {key}, n, {image}, 'application/vnd.oci.image.manifest.v1+json',
                    'type/' || (n % 4), 'application/vnd.oci.image.config.v1+json', 1000, 100000000,
                    CASE WHEN n <= {REFERRERS} THEN x'{subject}' END, NULL, 1, n % 10 > 0, n % 10 > 0, n, 'AIDA1', n, n,
                    'push', 'scale', NULL, NULL, NULL FROM {numbers};
                INSERT INTO manifest_body SELECT {key}, n, zeroblob(1000) FROM {numbers};
                INSERT INTO image_pull SELECT {key}, n, n FROM {numbers};
                INSERT INTO tag (registry, repository, name, image, tagged_at, operation) SELECT {key}, 'v' || n, n, n, 'scale' FROM {numbers} WHERE n % 10 > 0;
                INSERT INTO image_blob SELECT {key}, n, {layer} FROM {numbers}
                    UNION ALL SELECT {key}, n, {config} FROM {numbers};
                UPDATE repository SET image_count = {each}, last_image_id = {each} WHERE id = {id};
                COMMIT;",
                image = digest("a"),
                layer = digest("b"),
                config = digest("c"),
            ))
            .unwrap();
    }
    true
}

/// Pages of 100 and 1,000, as DescribeImages and ListImages read them.
async fn pages(meta: &Meta, repository: RepositoryKey, images: i64) {
    let state = Some(ImageState::Active);
    for (limit, tag_status) in [100, 1_000].into_iter().flat_map(|limit| {
        [TagStatus::Any, TagStatus::Tagged, TagStatus::Untagged].map(|status| (limit, status))
    }) {
        let last = (images - i64::try_from(limit).unwrap()).max(0);
        for (place, id) in [("first", 0), ("middle", images / 2), ("last", last)] {
            let page = || DescribeImages { repository, after: Some(ImageId(id)), limit, tag_status, state };
            meta.read(page()).await.unwrap();
            timed(&format!("page of {limit} images, {tag_status:?}, {place}"), meta.read(page()))
                .await
                .unwrap();
            let after = Some(ImageCursor { image: ImageId(id), tag: None });
            let list = ListImages { repository, after, limit, tag_status, state };
            timed(&format!("page of {limit} image ids, {tag_status:?}, {place}"), meta.read(list))
                .await
                .unwrap();
        }
    }
    for artifact_types in [Vec::new(), vec!["type/1".to_owned()], vec!["type/none".to_owned()]] {
        for (place, id) in [("first", 0), ("last", REFERRERS - 100)] {
            let what = format!("page of 100 of 5,000 referrers {artifact_types:?}, {place}");
            let (artifact_types, after) = (artifact_types.clone(), Some(ImageId(id)));
            let list =
                ListReferrers { repository, subject: subject(), artifact_types, state, after, limit: 100 };
            timed(&what, meta.read(list)).await.unwrap();
        }
    }
}

/// Pages of DescribeRepositories, in a registry with many.
async fn repositories_in_pages(meta: &Meta, path: &Path, registry: RegistryKey) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let insert = format!(
        "INSERT OR IGNORE INTO repository (registry, id, name, created_at, operation, mutability, exclusion_filters, \
            scan_on_push, encryption_type, policy_version, tags_version, last_image_id, image_count, tag_count) \
         WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {MANY}) \
         SELECT {}, 1000000 + n, printf('many/%06d', n), n, 'scale', 'MUTABLE', '[]', 0, 'AES256', 0, 0, 0, 0, 0 FROM c",
        registry.0
    );
    connection.execute_batch(&insert).unwrap();
    for limit in [100, 1_000] {
        for (place, after) in [("first", "many"), ("middle", "many/050000"), ("last", "many/099000")] {
            let page = || DescribeRepositories { registry, after: Some(after.into()), limit };
            meta.read(page()).await.unwrap();
            let what = format!("page of {limit} of {MANY} repositories, {place}");
            timed(&what, meta.read(page())).await.unwrap();
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
