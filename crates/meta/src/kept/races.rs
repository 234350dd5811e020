//! Readers beside a writer: what they get is never older than what was answered, and policy and tag belong together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use oci::digest::{Algorithm, Digest};

use crate::*;

const TIME: Duration = Duration::from_millis(1_500);

fn body(number: u64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// Puts an image with this number under the tag.
fn image(repository: RepositoryKey, number: u64) -> PutImage {
    let body = body(number);
    let at = i64::try_from(number).unwrap();
    PutImage {
        tags_limit: 1_000,
        images_limit: 1_000_000,
        is_over_storage_quota: false,
        repository,
        id: ImageId(at),
        digest: Digest::of(Algorithm::Sha256, &body),
        media_type: "application/vnd.oci.image.manifest.v1+json".into(),
        artifact_type: None,
        config_media_type: None,
        body,
        image_size: number,
        subject: None,
        annotations_json: None,
        blobs: Vec::new(),
        foreign: Vec::new(),
        children: Vec::new(),
        missing: MissingContents::Refuse,
        tags: vec!["latest".parse().unwrap()],
        pushed_by: "AIDA1".into(),
        moved_by: "arn:aws:iam::123456789012:user/ann".into(),
        at: Micros(at),
        op: OperationId(format!("put {number}").into()),
        same_digest_same_tag: SameDigestSameTag::Accept,
    }
}

async fn prepared(meta: &Meta) -> RepositoryKey {
    let (account, at) = (AccountKey(1), Micros(1));
    let account_id = "123456789012".parse().unwrap();
    meta.write(CreateAccount { key: account, account_id, name: "main".into(), at }).await.unwrap();
    let (key_if_new, region) = (RegistryKey(10), "us-east-1".parse().unwrap());
    meta.write(EnsureRegistry { key_if_new, account, region, limit: 9, at }).await.unwrap();
    let (unique_id, path, name) = ("AIDA1".into(), "/".into(), "ann".into());
    meta.write(CreateUser { account, unique_id, path, name, at }).await.unwrap();
    let create = CreateRepository {
        registry: RegistryKey(10),
        id: 1,
        name: "app".into(),
        at,
        op: OperationId("create".into()),
        mutability: Mutability::Mutable,
        filters: Vec::new(),
        scan_on_push: false,
        encryption_type: "AES256".into(),
        kms_key: None,
        tags: Vec::new(),
        policy: None,
        lifecycle_policy: None,
        limit: 9,
    };
    meta.write(create).await.unwrap().key
}

fn ask() -> Resolve {
    Resolve {
        account_id: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        repository: Some("app".into()),
        target: Target::Tag("latest".parse().unwrap()),
        caller: Some(CallerRef { unique_id: "AIDA1".into(), access_key_id: None }),
    }
}

/// Round `n` sets a policy (version 2n - 1), moves the tag to image `n`, and sets a policy again (version 2n). So the
/// image tells which versions it can be seen with.
async fn write(meta: &Meta, repository: RepositoryKey, answered: &AtomicU64) {
    let end = Instant::now() + TIME;
    let document = Some("{}".to_owned());
    for number in 1.. {
        meta.write(SetRepositoryPolicy { repository, document: document.clone(), at: Micros(9) })
            .await
            .unwrap();
        meta.write(image(repository, number)).await.unwrap();
        answered.store(number, Ordering::Release);
        meta.write(SetRepositoryPolicy { repository, document: document.clone(), at: Micros(9) })
            .await
            .unwrap();
        if Instant::now() > end {
            return;
        }
        if number.is_multiple_of(4) {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Reads until the time is over; returns how often.
async fn read(meta: &Meta, answered: &AtomicU64, seen: &AtomicU64) -> u64 {
    let end = Instant::now() + TIME;
    let mut count = 0;
    while Instant::now() < end {
        let oldest = answered.load(Ordering::Acquire).max(seen.load(Ordering::Acquire));
        let resolved = meta.resolve(ask()).await.unwrap();
        let number = resolved.image().map_or(0, |image| image.image_size);
        assert!(number >= oldest, "image {number} after {oldest} was there");
        let version = resolved.basis.repository.as_ref().unwrap().policy_version.cast_unsigned();
        let with = (2 * number).saturating_sub(1)..=2 * number + 1;
        assert!(with.contains(&version), "image {number} with version {version}");
        seen.fetch_max(number, Ordering::AcqRel);
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policy_and_tag_belong_together_and_are_never_old() {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let options = SqliteOptions { verifies_kept: false, ..SqliteOptions::default() };
    let meta = Meta::sqlite(folder.path().join("wharf.db"), options).await.unwrap();
    let repository = prepared(&meta).await;
    let (answered, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (meta, answered, seen) = (meta.clone(), Arc::clone(&answered), Arc::clone(&seen));
            tokio::spawn(async move { read(&meta, &answered, &seen).await })
        })
        .collect();
    let runtime = tokio::runtime::Handle::current();
    let writer = {
        let (meta, answered) = (meta.clone(), Arc::clone(&answered));
        tokio::task::spawn_blocking(move || runtime.block_on(write(&meta, repository, &answered)))
    };
    let mut count = 0;
    for reader in readers {
        count += reader.await.unwrap();
    }
    writer.await.unwrap();
    let (rounds, reads) = (answered.load(Ordering::Acquire), meta.reads());
    assert!(rounds > 100 && reads < count, "{rounds} rounds, {count} answers, {reads} reads");
}
