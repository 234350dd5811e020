//! Measures five real operations on both drivers, on SQLite with and without group commit. The figures of
//! docs/adr/0001-metadata-on-two-drivers.md come from here: `cargo run --release -p meta --example spike`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

#[path = "../src/conformance/cluster.rs"]
#[allow(dead_code, reason = "the conformance suite also removes databases")]
mod cluster;
mod repository;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use meta::{
    AccountKey, CompleteUpload, CreateAccount, CreateUpload, EnsureRegistry, ImageId, LinkBlob, Meta, Micros,
    OperationId, PostgresOptions, PutImage, RegistryKey, RepositoryKey, Resolve, SameDigestSameTag,
    SqliteOptions, Target,
};
use oci::digest::{Algorithm, Digest};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_millis(1_500);
static ID: AtomicI64 = AtomicI64::new(1_000);

fn id() -> i64 {
    ID.fetch_add(1, Ordering::Relaxed)
}

fn main() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "/tmp".into()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("one write and fdatasync of 4 KiB: {:.0}/s", fdatasync(&folder));
        println!(
            "{:<22} {:>4} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "n", "Resolve", "Create", "Complete", "PutImage", "LinkBlob", "us/Res."
        );
        for (name, group_size) in [("sqlite, groups", 256), ("sqlite, one by one", 1)] {
            let place = folder.join(format!("spike-{}-{group_size}", std::process::id()));
            std::fs::create_dir_all(&place).unwrap();
            let options = SqliteOptions { group_size, ..SqliteOptions::default() };
            measure(name, Meta::sqlite(place.join("wharf.db"), options).await.unwrap()).await;
            std::fs::remove_dir_all(&place).unwrap();
        }
        let cluster = cluster::Cluster::start(true).unwrap();
        let url = cluster.database("spike", cluster::EMPTY).await.unwrap();
        measure("postgresql", Meta::postgres(&url, PostgresOptions::default()).await.unwrap()).await;
    });
}

/// What one sync costs on this disk.
fn fdatasync(folder: &std::path::Path) -> f64 {
    use std::io::Write as _;
    let path = folder.join(format!("spike-sync-{}", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < SPAN {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    std::fs::remove_file(path).unwrap();
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Processor time of this process so far, in microseconds (proc_pid_stat(5): fields 14 and 15, in ticks of 10 ms).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    ticks.map(|field| field.parse::<f64>().unwrap() * 10_000.0).sum()
}

/// Operations a second, with `tasks` callers that each wait for their answer.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    tasks: usize,
    call: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> f64 {
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (done, call) = (Arc::clone(&done), call.clone());
            tokio::spawn(async move {
                while start.elapsed() < SPAN {
                    call().await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in running {
        task.await.unwrap();
    }
    done.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

async fn measure(name: &str, meta: Meta) {
    let repository = seed(&meta, "app").await;
    let target = seed(&meta, "target").await;
    let layer = complete(&meta, repository).await;
    meta.write(image(repository, "latest")).await.unwrap();
    for tasks in [1, 16, 64] {
        let m = meta.clone();
        let (before, start) = (cpu(), Instant::now());
        let resolves = rate(tasks, move || {
            let m = m.clone();
            async move { drop(m.read(resolve()).await.unwrap()) }
        })
        .await;
        let each = (cpu() - before) / (resolves * start.elapsed().as_secs_f64());
        let m = meta.clone();
        let creates = rate(tasks, move || {
            let m = m.clone();
            async move { drop(m.write(upload(repository)).await) }
        })
        .await;
        let m = meta.clone();
        let completes = rate(tasks, move || {
            let m = m.clone();
            async move {
                let _: Digest = complete(&m, repository).await;
            }
        })
        .await;
        let m = meta.clone();
        let puts = rate(tasks, move || {
            let m = m.clone();
            async move { drop(m.write(image(repository, &format!("t{}", id()))).await.unwrap()) }
        })
        .await;
        let m = meta.clone();
        let links = rate(tasks, move || {
            let m = m.clone();
            async move {
                drop(
                    m.write(LinkBlob {
                        repository: target,
                        from: repository,
                        digest: layer,
                        peer: None,
                        at: Micros(id()),
                    })
                    .await
                    .unwrap(),
                );
            }
        })
        .await;
        println!(
            "{name:<22} {tasks:>4} {resolves:>9.0} {creates:>9.0} {completes:>9.0} {puts:>9.0} {links:>9.0} {each:>9.1}"
        );
    }
}

async fn seed(meta: &Meta, name: &str) -> RepositoryKey {
    let account_id = "123456789012".parse().unwrap();
    let account = CreateAccount { key: AccountKey(1), account_id, name: "main".into(), at: Micros(1) };
    meta.write(account).await.unwrap();
    let region = "us-east-1".parse().unwrap();
    let registry = EnsureRegistry {
        key_if_new: RegistryKey(1),
        account: AccountKey(1),
        region,
        limit: 9,
        at: Micros(1),
    };
    meta.write(registry).await.unwrap();
    let create = repository::repository(RegistryKey(1), id(), name.into());
    meta.write(create).await.unwrap().key
}

fn resolve() -> Resolve {
    Resolve {
        account_id: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        repository: Some("app".into()),
        target: Target::Tag("latest".parse().unwrap()),
        caller: None,
    }
}

fn upload(repository: RepositoryKey) -> CreateUpload {
    let number = id();
    CreateUpload {
        repository,
        id: format!("upload-{number}"),
        principal: "AIDA1".into(),
        object_key: format!("object-{number}"),
        algorithm: Algorithm::Sha256,
        version: 0,
        at: Micros(number),
    }
}

/// A relaxed write that begins the upload, and the durable one that ends it.
async fn complete(meta: &Meta, repository: RepositoryKey) -> Digest {
    let upload = upload(repository);
    meta.write(upload.clone()).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, upload.id.as_bytes());
    let complete = CompleteUpload {
        repository,
        id: upload.id,
        expected_version: 0,
        digest,
        size: 10,
        peer: None,
        object_id: id(),
        at: Micros(id()),
        op: OperationId(format!("op{}", id()).into()),
    };
    meta.write(complete).await.unwrap();
    digest
}

fn image(repository: RepositoryKey, tag: &str) -> PutImage {
    let body = format!("{{\"manifest\":{}}}", id()).into_bytes();
    PutImage {
        tags_limit: 1_000,
        images_limit: 100_000,
        is_over_storage_quota: false,
        repository,
        id: ImageId(id()),
        digest: Digest::of(Algorithm::Sha256, &body),
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        artifact_type: None,
        config_media_type: None,
        body,
        image_size: 10,
        subject: None,
        annotations_json: None,
        blobs: Vec::new(),
        children: Vec::new(),
        foreign: Vec::new(),
        missing: meta::MissingContents::Refuse,
        tags: vec![tag.parse().unwrap()],
        pushed_by: "AIDA1".into(),
        moved_by: "arn:aws:iam::123456789012:user/ann".into(),
        at: Micros(id()),
        op: OperationId(format!("op{}", id()).into()),
        same_digest_same_tag: SameDigestSameTag::Accept,
    }
}
