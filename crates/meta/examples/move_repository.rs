//! Moves the largest repositories that may move to another account, and measures the transaction: with SQLite, all other
//! writes wait for it.
//!
//! `cargo run --release -p meta --example move_repository -- FOLDER`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

mod repository;
mod rows;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use meta::{
    AccountKey, CreateAccount, DecidedVersions, EnsureRegistry, Meta, Micros, MoveRepository, RegistryKey,
    RepositoryKey, SqliteOptions,
};

/// As a move limits them.
const IMAGES: i64 = 10_000;
const ROWS: i64 = 500_000;
/// What `rows::images` writes for ten images, and `rows::waiting_layers` for one layer.
const ROWS_OF_TEN_IMAGES: i64 = 59;
const ROWS_OF_A_LAYER: i64 = 2;

struct Store {
    path: PathBuf,
    meta: Meta,
}

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "/tmp/move-repository".into());
    std::fs::create_dir_all(&folder).unwrap();
    let path = Path::new(&folder).join("wharf.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let meta = Meta::sqlite(&path, SqliteOptions::default()).await.unwrap();
        let store = Store { path, meta };
        let from = store.registry(1, "111122223333").await;
        let to = store.registry(2, "444455556666").await;
        let most_layers = (ROWS - 1_000 - IMAGES / 10 * ROWS_OF_TEN_IMAGES) / ROWS_OF_A_LAYER;
        for (id, images, layers) in
            [(1, 100, 0), (2, IMAGES / 10, 0), (3, IMAGES, 0), (4, IMAGES, most_layers)]
        {
            store.fill(RepositoryKey { registry: from, id }, images, layers).await;
            store.move_to(to, RepositoryKey { registry: from, id }, images, layers).await;
        }
    });
}

impl Store {
    async fn registry(&self, key: i64, account_id: &str) -> RegistryKey {
        let account_id = account_id.parse().unwrap();
        let create =
            CreateAccount { key: AccountKey(key), account_id, name: format!("account{key}"), at: Micros(1) };
        self.meta.write(create).await.unwrap();
        let (account, region) = (AccountKey(key), "us-east-1".parse().unwrap());
        let key_if_new = RegistryKey(10 + key);
        let ensure = EnsureRegistry { key_if_new, account, region, at: Micros(1), limit: 9 };
        self.meta.write(ensure).await.unwrap().key
    }

    async fn fill(&self, key: RepositoryKey, images: i64, layers: i64) {
        let RepositoryKey { registry, id } = key;
        self.meta.write(repository::repository(registry, id, format!("team/{id}"))).await.unwrap();
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        connection.execute_batch(rows::FAST).unwrap();
        let none = rows::Referrers { count: 0, subject: b"" };
        rows::images(&connection, (registry.0, id), images, &none).unwrap();
        rows::waiting_layers(&connection, (registry.0, id), layers).unwrap();
    }

    async fn move_to(&self, registry: RegistryKey, repository: RepositoryKey, images: i64, layers: i64) {
        let began = Instant::now();
        let moved = self.meta.write(MoveRepository {
            repository,
            registry,
            account_id: "444455556666".parse().unwrap(),
            name: format!("team/{}", repository.id),
            redirect_until: Micros(i64::MAX),
            decided: DecidedVersions::default(),
            images_limit: IMAGES.unsigned_abs(),
            rows_limit: ROWS,
            limit: 1_000,
            at: Micros(2),
        });
        moved.await.unwrap();
        let rows = images * ROWS_OF_TEN_IMAGES / 10 + layers * ROWS_OF_A_LAYER;
        let seconds = began.elapsed().as_secs_f64();
        println!("{images:>6} images, {layers:>7} other layers, {rows:>7} rows: {seconds:.3} s");
    }
}
