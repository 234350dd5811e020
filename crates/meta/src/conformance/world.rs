//! A separate store for each case, and short functions for what cases need.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
};

use oci::{
    digest::{Algorithm, Digest},
    name::Tag,
};

use super::{beside::Beside, place::Place};
use crate::{ops::operation, value::params, *};

const DATABASE: Database = Database::Registries;

/// The account ID in every world.
pub(super) const ACCOUNT: &str = "123456789012";
/// The Region of the registry in every world.
pub(super) const REGION: &str = "us-east-1";

/// How many tags the images of these tests may have.
pub(super) const TAGS_LIMIT: u64 = 1_000;

/// A migrated store with one account and one registry.
pub(super) struct World {
    pub(super) meta: Meta,
    pub(super) registry: RegistryKey,
    place: Place,
    last_id: AtomicI64,
}

/// A repository with the numbers that its row keeps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Counted {
    pub(super) row: RepositoryRow,
    pub(super) image_count: u64,
    pub(super) tag_count: u64,
}

impl std::ops::Deref for Counted {
    type Target = RepositoryRow;

    fn deref(&self) -> &RepositoryRow {
        &self.row
    }
}

struct CountContents(RepositoryKey);

operation!(CountContents: Point -> (u64, u64), Never, |op, tx| {
    let select = "SELECT image_count, tag_count FROM repository WHERE registry = ?1 AND id = ?2";
    let mut row = tx.row(select, &params![op.0.registry, op.0.id]).await?.unwrap();
    Ok(Ok((row.take()?, row.take()?)))
});

struct CountRepositories(RegistryKey);

operation!(CountRepositories: Point -> u64, Never, |op, tx| {
    let select = "SELECT repository_count FROM registry WHERE key = ?1";
    Ok(Ok(tx.value(select, &params![op.0]).await?.unwrap()))
});

impl World {
    pub(super) async fn make(place: Place) -> Self {
        let meta = place.open().await.unwrap();
        let account = CreateAccount {
            key: AccountKey(1),
            account_id: ACCOUNT.parse().unwrap(),
            name: "main".into(),
            at: Micros(1),
        };
        meta.write(account).await.unwrap();
        let world = Self { meta, registry: RegistryKey(10), place, last_id: AtomicI64::new(1_000) };
        world.registry_in(REGION, world.registry).await;
        world
    }

    pub(super) async fn registry_in(&self, region: &str, key_if_new: RegistryKey) -> Registry {
        self.meta.write(new_registry(region, key_if_new)).await.unwrap()
    }

    /// Breaks no connection from now on.
    pub(super) fn stop_losses(&self) {
        if let Place::Lossy(_, proxy) = &self.place {
            proxy.break_commits(false);
        }
    }

    /// Where the store is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Closes the store.
    pub(super) fn close(self) -> Place {
        self.place
    }

    /// Closes the store and opens it again.
    pub(super) async fn restart(self) -> Self {
        let Self { meta, registry, place, last_id } = self;
        drop(meta);
        Self { meta: place.open().await.unwrap(), registry, place, last_id }
    }

    /// A store of the same kind that ran this SQL before it was opened, in its dialect.
    pub(super) async fn prepared(&self, sqlite: &str, postgres: &str) -> Result<Self, (StoreError, Place)> {
        let place = self.place.another().await;
        let mut beside = Beside::open(&place).await;
        beside.run(if matches!(place, Place::Sqlite(_)) { sqlite } else { postgres }).await.unwrap();
        match place.open().await {
            Ok(meta) => Ok(Self { meta, registry: self.registry, place, last_id: AtomicI64::new(1_000) }),
            Err(error) => Err((error, place)),
        }
    }

    /// A separate connection to the store.
    pub(super) async fn beside(&self) -> Beside {
        Beside::open(&self.place).await
    }

    /// Runs SQL on a separate connection.
    pub(super) async fn sql(&self, sql: &str) -> Result<(), String> {
        self.beside().await.run(sql).await
    }

    /// Runs a case in one transaction that is never committed. SQLite's is in memory.
    pub(super) async fn in_one_transaction(&self, case: impl AsyncFnOnce(&mut Tx<'_>)) {
        if let Place::Postgres(_) | Place::Lossy(..) = self.place {
            return self.meta.in_one_transaction(case).await;
        }
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        connection.set_prepared_statement_cache_capacity(1_000);
        crate::migrate::sqlite(&mut connection).unwrap();
        let mut tx = Tx::new(crate::tx::Driver::Sqlite(&mut connection));
        tx.execute("BEGIN", &[]).await.unwrap();
        let account = format!(
            "INSERT INTO account (key, account_id, name, status, created_at) VALUES (1, '{ACCOUNT}', 'main', 'ACTIVE', 5)"
        );
        tx.execute(&account, &[]).await.unwrap();
        new_registry(REGION, self.registry).run(&mut tx).await.unwrap().unwrap();
        case(&mut tx).await;
    }

    /// Runs SQL of the store's dialect on a separate connection.
    pub(super) async fn dialect(&self, sqlite: &str, postgres: &str) {
        let sql = if matches!(self.place, Place::Sqlite(_)) { sqlite } else { postgres };
        self.sql(sql).await.unwrap();
    }

    /// The first column of the result of a statement on a separate connection, which must be text.
    pub(super) async fn texts(&self, sql: &str) -> Vec<String> {
        self.beside().await.texts(sql).await
    }

    /// How many rows each table has.
    pub(super) async fn row_counts(&self) -> BTreeMap<String, String> {
        let beside = self.beside().await;
        let tables = match &self.place {
            Place::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table'",
            Place::Postgres(_) | Place::Lossy(..) => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'commit_marker'"
            }
        };
        let mut counts = BTreeMap::new();
        for table in beside.texts(tables).await {
            let count = beside.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await.remove(0);
            counts.insert(table, count);
        }
        counts
    }

    /// An unused number; the numbers increase.
    pub(super) fn id(&self) -> i64 {
        self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn op(&self) -> OperationId {
        OperationId(format!("op-{}", self.id()).into())
    }

    pub(super) fn new_repository(&self, name: &str) -> CreateRepository {
        CreateRepository {
            registry: self.registry,
            id: self.id(),
            name: name.into(),
            at: Micros(self.id()),
            op: self.op(),
            mutability: Mutability::Mutable,
            filters: Vec::new(),
            scan_on_push: false,
            encryption_type: "AES256".into(),
            kms_key: None,
            tags: Vec::new(),
            policy: None,
            lifecycle_policy: None,
            limit: 1_000,
        }
    }

    pub(super) async fn repository(&self, name: &str) -> RepositoryKey {
        self.meta.write(self.new_repository(name)).await.unwrap().key
    }

    /// The current state of the repository.
    pub(super) async fn row(&self, name: &str) -> Counted {
        let all = DescribeRepositories { registry: self.registry, after: None, limit: 10_000 };
        let rows = self.meta.read(all).await.unwrap();
        let row = rows.into_iter().find(|row| row.name == name).unwrap();
        let (image_count, tag_count) = self.meta.read(CountContents(row.key)).await.unwrap();
        Counted { row, image_count, tag_count }
    }

    /// How many living repositories the registry has.
    pub(super) async fn repository_count(&self) -> u64 {
        self.meta.read(CountRepositories(self.registry)).await.unwrap()
    }

    pub(super) fn new_upload(&self, repository: RepositoryKey) -> CreateUpload {
        let id = self.id();
        CreateUpload {
            repository,
            id: format!("upload-{id}"),
            principal: "AIDA1".into(),
            object_key: format!("object-{id}"),
            algorithm: Algorithm::Sha256,
            version: 0,
            at: Micros(self.id()),
        }
    }

    pub(super) async fn upload(&self, repository: RepositoryKey) -> CreateUpload {
        let upload = self.new_upload(repository);
        self.meta.write(upload.clone()).await.unwrap();
        upload
    }

    pub(super) fn complete(&self, upload: &CreateUpload, content: &str) -> CompleteUpload {
        CompleteUpload {
            repository: upload.repository,
            id: upload.id.clone(),
            expected_version: 0,
            digest: digest(content),
            size: content.len() as u64,
            peer: None,
            object_id: self.id(),
            at: Micros(self.id()),
            op: self.op(),
        }
    }

    pub(super) async fn blob(&self, repository: RepositoryKey, content: &str) -> Digest {
        let upload = self.upload(repository).await;
        self.meta.write(self.complete(&upload, content)).await.unwrap().blob.digest
    }

    pub(super) fn image(&self, repository: RepositoryKey, body: &str, tags: &[&str]) -> PutImage {
        PutImage {
            tags_limit: TAGS_LIMIT,
            images_limit: 100_000,
            is_over_storage_quota: false,
            repository,
            id: ImageId(self.id()),
            digest: digest(body),
            media_type: "application/vnd.oci.image.manifest.v1+json".into(),
            artifact_type: None,
            config_media_type: None,
            body: body.as_bytes().to_vec(),
            image_size: 7,
            subject: None,
            annotations_json: None,
            blobs: Vec::new(),
            foreign: Vec::new(),
            children: Vec::new(),
            missing: MissingContents::Refuse,
            tags: tags.iter().map(|name| tag(name)).collect(),
            pushed_by: "AIDA1".into(),
            moved_by: "arn:aws:iam::123456789012:user/ann".into(),
            at: Micros(self.id()),
            op: self.op(),
            same_digest_same_tag: SameDigestSameTag::Accept,
        }
    }

    /// Whether the registry accepts images whose contents are missing.
    pub(super) async fn sparse(&self, value: &str) {
        let (name, value) = (SPARSE_IMAGES.to_owned(), value.to_owned());
        self.meta.write(PutAccountSetting { registry: self.registry, name, value }).await.unwrap();
    }

    pub(super) async fn put(&self, repository: RepositoryKey, body: &str, tags: &[&str]) -> ImageRow {
        self.meta.write(self.image(repository, body, tags)).await.unwrap().image
    }

    /// When an image was last pulled.
    pub(super) async fn last_pulled_at(&self, repository: RepositoryKey, digest: Digest) -> Option<Micros> {
        let ids = vec![ImageRef { digest: Some(digest), tag: None }];
        match self.meta.read(FindImages { repository, ids }).await.unwrap().remove(0) {
            FoundImage::Found(found) => found.last_pulled_at,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn user(&self, unique_id: &str, name: &str) -> Result<Principal, OpError<UserExists>> {
        let (unique_id, name) = (unique_id.to_owned(), name.to_owned());
        let create = CreateUser { account: AccountKey(1), unique_id, path: "/".into(), name, at: Micros(5) };
        self.meta.write(create).await
    }

    /// The doomed keys whose delay is over, long after everything that happened so far.
    pub(super) async fn doomed(&self) -> Vec<String> {
        let now = Micros(i64::MAX / 4);
        let claim = ClaimDoomed { now, delay: DOOM_DELAY, lease_until: now, limit: 1_000 };
        let mut keys = self.meta.write(claim).await.unwrap();
        keys.sort();
        keys
    }
}

pub(super) fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

pub(super) fn tag(name: &str) -> Tag {
    name.parse().unwrap()
}

/// The rule that refused the operation.
#[track_caller]
pub(super) fn refusal<T, R>(result: Result<T, OpError<R>>) -> R {
    match result {
        Err(OpError::Refused(refusal)) => refusal,
        Err(OpError::Store(error)) => panic!("the store failed: {error:?}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// Deletes one image with all its tags, unless an index lists it.
pub(super) fn delete_image(repository: RepositoryKey, name: &str) -> BatchDeleteImage {
    BatchDeleteImage {
        repository,
        items: vec![DeleteItem::ByDigest(digest(name))],
        at: Micros(9),
        tag_delete_removes_untagged_image: true,
        refuse_if_referenced: true,
    }
}

pub(super) fn new_registry(region: &str, key_if_new: RegistryKey) -> EnsureRegistry {
    let region = region.parse().unwrap();
    EnsureRegistry { key_if_new, account: AccountKey(1), region, limit: 9, at: Micros(1) }
}
