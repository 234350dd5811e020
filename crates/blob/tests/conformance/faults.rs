//! A bucket behind a faulty server or network: what is acknowledged is there, other bytes than those of an object are never
//! its bytes, and a failure is an error that says that the store is not available.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use blob::{AppendError, Content, ObjectKey, OpenError, Store, is_unavailable};
use bytes::Bytes;
use futures::StreamExt as _;
use oci::digest::Algorithm;
use testkit::faulty_s3::{Fault, FaultyS3, Request};
use testkit::s3_server::{self, BUCKET};

use super::bucket::{self, PART_BYTES};
use super::multipart::{keys, open_uploads};
use super::{Place, body, bytes, digest, read, stored, through_the_row};

/// A store behind a proxy, and the same store without it.
pub(super) struct Behind {
    pub(super) proxy: FaultyS3,
    pub(super) store: Store,
    pub(super) direct: Store,
    pub(super) prefix: String,
    _place: Place,
}

/// None, with a printed reason, if there is no server.
pub(super) fn behind_a_proxy(set: impl FnOnce(&mut blob::S3Options)) -> Option<Behind> {
    let server = s3_server::address().inspect_err(|reason| eprintln!("not tested: {reason}")).ok()?;
    let (proxy, place) = (FaultyS3::of(&server), Place::new(bucket::open));
    let prefix = bucket::prefix_of(place.folder.path());
    let mut options = bucket::options_at(&proxy.address, &prefix);
    options.read_timeout = Duration::from_secs(1);
    options.retry_timeout = Duration::from_secs(3);
    options.orphaned_after = Duration::ZERO;
    set(&mut options);
    let (store, direct) = (Store::s3(&options).unwrap(), place.open());
    Some(Behind { proxy, store, direct, prefix, _place: place })
}

/// Everything that a layer passes: two requests with bytes, the end, a read and the deletion.
async fn life_of_a_layer(store: &Store, all: &[u8]) {
    let (first, second) = all.split_at(all.len() / 3);
    let key = ObjectKey::random();
    let appended = store.append(&key, store.begin(Algorithm::Sha256), &mut body(first), None).await.unwrap();
    let stage = through_the_row(store, &appended.stage);
    let appended = store.append(&key, stage, &mut body(second), None).await.unwrap();
    assert_eq!(appended.stage.digest(), digest(all));
    store.finish(&key, &appended.stage).await.unwrap();
    assert!(read(store, &key, 0, all.len() as u64).await == all);
    assert!(store.delete(&key).await.unwrap());
    assert!(matches!(store.open(&key, 0, 1).await, Err(OpenError::Missing)));
}

/// The orphans that the check of the store finds. They are ended.
async fn end_orphans(store: &Store) -> usize {
    let mut ended = 0;
    for folder in 0..=u8::MAX {
        for found in store.list(blob::Place::Standard, folder).await.unwrap() {
            store.quarantine(blob::Place::Standard, folder, &found.name).await.unwrap();
            ended += 1;
        }
    }
    ended
}

/// An upload that its client gives up.
async fn abandoned(store: &Store, all: &[u8]) {
    let key = ObjectKey::random();
    store.append(&key, store.begin(Algorithm::Sha256), &mut body(all), None).await.unwrap();
    assert!(store.delete(&key).await.unwrap());
}

/// Each operation with the size of a layer that needs it.
const OPERATIONS: [(&str, usize); 8] = [
    ("CreateMultipartUpload", PART_BYTES + 1_000),
    ("UploadPart", PART_BYTES + 1_000),
    ("CompleteMultipartUpload", PART_BYTES + 1_000),
    ("AbortMultipartUpload", PART_BYTES + 1_000),
    ("PutObject", 70_000),
    ("GetObject", 70_000),
    ("HeadObject", 70_000),
    ("DeleteObject", 70_000),
];

#[tokio::test]
async fn one_fault_of_any_request_is_survived() {
    let Some(Behind { proxy, store, prefix, .. }) = behind_a_proxy(|_| {}) else { return };
    let faults = [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Reset,
        Fault::LoseAnswer,
        Fault::CutBody(3),
        Fault::ShortBody(3),
        Fault::DamageRequest,
    ];
    for fault in faults {
        for (operation, len) in OPERATIONS {
            let all = bytes(len, 1);
            let hits = proxy.inject(1, fault.clone(), move |request| request.is(operation));
            if operation == "AbortMultipartUpload" {
                abandoned(&store, &all).await;
            } else {
                life_of_a_layer(&store, &all).await;
            }
            assert_eq!(hits.load(Ordering::SeqCst), 1, "{operation} {fault:?}");
            proxy.heal();
            assert_eq!(keys(&prefix), 0, "{operation} {fault:?}");
        }
    }
    // The multipart uploads whose creation was not answered.
    let left = open_uploads(&prefix);
    assert_eq!((end_orphans(&store).await, open_uploads(&prefix)), (left, 0));
    assert!(left > 0);
}

/// Each request of the layer in turn. A lost answer of a deletion or of the end of an upload looks like a missing object.
#[tokio::test]
async fn any_lost_answer_is_survived() {
    let Some(Behind { proxy, store, prefix, .. }) = behind_a_proxy(|_| {}) else { return };
    for len in [1_000, PART_BYTES + 1] {
        let all = bytes(len, 2);
        for at in 0_usize.. {
            let number = AtomicUsize::new(0);
            let hits =
                proxy.inject(1, Fault::LoseAnswer, move |_| number.fetch_add(1, Ordering::SeqCst) == at);
            life_of_a_layer(&store, &all).await;
            proxy.heal();
            assert_eq!(keys(&prefix), 0, "{at}");
            if hits.load(Ordering::SeqCst) == 0 {
                assert!(at > 5, "{at} requests");
                break;
            }
        }
    }
}

fn unavailable<E: std::fmt::Debug>(error: &AppendError<E>) -> bool {
    matches!(error, AppendError::Io(error) if is_unavailable(error))
}

#[tokio::test]
async fn an_outage_is_an_error_and_a_push_goes_on_after_it() {
    let Some(Behind { proxy, store, direct, .. }) = behind_a_proxy(|_| {}) else { return };
    let all = bytes(PART_BYTES + 70_000, 3);
    let (first, second) = all.split_at(60_000);
    let other = stored(&direct, b"another object").await;
    for fault in
        [Fault::Status(500, "InternalError"), Fault::Status(503, "SlowDown"), Fault::Reset, Fault::Hang]
    {
        let key = ObjectKey::random();
        let begin = store.begin(Algorithm::Sha256);
        let stage = store.append(&key, begin, &mut body(first), None).await.unwrap().stage;
        proxy.seen();
        proxy.inject(usize::MAX, fault.clone(), |_| true);
        let begun = Instant::now();
        let error = store.append(&key, stage.clone(), &mut body(second), None).await.unwrap_err();
        assert!(unavailable(&error), "{fault:?}: {error:?}");
        let error = store.open(&other, 0, 14).await.unwrap_err();
        assert!(matches!(&error, OpenError::Io(error) if is_unavailable(error)), "{fault:?}: {error:?}");
        let error = store.delete(&other).await.unwrap_err();
        assert!(is_unavailable(&error), "{fault:?}: {error:?}");
        let error = store.finish(&key, &stage).await.unwrap_err();
        assert!(matches!(&error, OpenError::Io(error) if is_unavailable(error)), "{fault:?}: {error:?}");
        assert!(begun.elapsed() < Duration::from_mins(1), "{fault:?}: {:?}", begun.elapsed());
        assert!(proxy.seen().len() <= 60, "the number of attempts is bounded");
        proxy.heal();
        assert_eq!(read(&store, &other, 0, 14).await, b"another object", "nothing was deleted");
        let stage = through_the_row(&store, &stage);
        let whole = store.append(&key, stage, &mut body(second), None).await.unwrap();
        store.finish(&key, &whole.stage).await.unwrap();
        assert!(read(&direct, &key, 0, all.len() as u64).await == all, "{fault:?}");
    }
}

fn is_get(request: &Request) -> bool {
    request.is("GetObject")
}

/// All bytes of an object, or the first error.
async fn try_read(store: &Store, key: &ObjectKey, all: &[u8]) -> Result<Vec<u8>, String> {
    let content = store.open(key, 0, all.len() as u64).await.map_err(|error| format!("{error:?}"))?;
    assert!(matches!(content, Content::Remote(_)));
    let mut stream = content.expect(digest(all)).into_stream();
    let mut read = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|error| format!("{error:?}"))?;
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

#[tokio::test]
async fn a_read_is_whole_and_right_or_an_error() {
    let Some(Behind { proxy, store, direct, .. }) = behind_a_proxy(|_| {}) else { return };
    let all = bytes(1_300_000, 4);
    let (key, len) = (stored(&direct, &all).await, all.len());
    for fault in [
        Fault::CutBody(700_000),
        Fault::ShortBody(700_000),
        Fault::ShortBody(0),
        Fault::StallBody(700_000),
        Fault::Reset,
        Fault::Hang,
        Fault::Status(503, "SlowDown"),
    ] {
        let hits = proxy.inject(1, fault.clone(), is_get);
        let read = try_read(&store, &key, &all).await;
        assert!(read.as_deref() == Ok(all.as_slice()), "{fault:?}: {:?}", read.err());
        assert_eq!(hits.load(Ordering::SeqCst), 1, "{fault:?}");
        proxy.inject(usize::MAX, fault.clone(), is_get);
        match (try_read(&store, &key, &all).await, &fault) {
            // Each GET brings something.
            (Ok(read), Fault::CutBody(_) | Fault::ShortBody(_) | Fault::StallBody(_)) => assert!(read == all),
            (Ok(_), _) => panic!("{fault:?}: read without an answer"),
            (Err(_), _) => {}
        }
        proxy.heal();
    }
    for lie in [Fault::DamageAnswer, Fault::WrongSize(len as u64 - 1), Fault::WrongSize(1)] {
        proxy.inject(1, lie.clone(), is_get);
        assert!(try_read(&store, &key, &all).await.is_err(), "{lie:?}");
        assert!(try_read(&store, &key, &all).await.is_ok(), "{lie:?}");
    }
}

/// The server says that an upload is complete, and it is not.
#[tokio::test]
async fn a_completion_that_did_not_happen_is_an_error() {
    let Some(Behind { proxy, store, direct, .. }) = behind_a_proxy(|_| {}) else { return };
    let all = bytes(PART_BYTES + 10, 5);
    let key = ObjectKey::random();
    let stage =
        store.append(&key, store.begin(Algorithm::Sha256), &mut body(&all), None).await.unwrap().stage;
    for said in [
        "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>",
        "<Error><Code>InternalError</Code><Message>of the test</Message></Error>",
        "<Error><Code>AccessDenied</Code><Message>of the test</Message></Error>",
        "not XML",
    ] {
        let hits =
            proxy.inject(usize::MAX, Fault::Say(said), |request| request.is("CompleteMultipartUpload"));
        let error = store.finish(&key, &stage).await.unwrap_err();
        assert!(matches!(&error, OpenError::Io(error) if is_unavailable(error)), "{said}: {error:?}");
        assert!(hits.load(Ordering::SeqCst) > 0);
        proxy.heal();
    }
    store.finish(&key, &stage).await.unwrap();
    assert!(read(&direct, &key, 0, all.len() as u64).await == all);
}

#[tokio::test]
async fn wrong_etags_and_damaged_tails_never_make_an_object() {
    let Some(Behind { proxy, store, direct, .. }) = behind_a_proxy(|_| {}) else { return };
    let all = bytes(PART_BYTES + 10, 6);
    let append = async |key: &ObjectKey, bytes: &[u8]| {
        let begin = store.begin(Algorithm::Sha256);
        store.append(key, begin, &mut body(bytes), None).await.unwrap().stage
    };
    // The server compares the ETags of parts. The upload has failed; another one works.
    let key = ObjectKey::random();
    proxy.inject(1, Fault::WrongETag, |request| request.is("UploadPart"));
    let stage = append(&key, &all).await;
    assert!(store.finish(&key, &stage).await.is_err());
    assert!(direct.len(&key).await.unwrap() < Some(all.len() as u64), "nothing was completed");
    assert!(store.delete(&key).await.unwrap());
    let key = stored(&store, &all).await;
    assert!(read(&direct, &key, 0, all.len() as u64).await == all);
    // A small object whose ETag is not known is stored again.
    let key = ObjectKey::random();
    proxy.inject(1, Fault::WrongETag, |request| request.is("PutObject"));
    let stage = append(&key, b"small").await;
    store.finish(&key, &stage).await.unwrap();
    assert_eq!(read(&direct, &key, 0, 5).await, b"small");
    // A tail that is damaged on its way back is read again.
    let key = ObjectKey::random();
    let stage = append(&key, b"first, ").await;
    let hits = proxy.inject(1, Fault::DamageAnswer, is_get);
    let stage = store.append(&key, stage, &mut body(b"second"), None).await.unwrap().stage;
    store.finish(&key, &stage).await.unwrap();
    assert_eq!((hits.load(Ordering::SeqCst), stage.digest()), (1, digest(b"first, second")));
    assert_eq!(read(&direct, &key, 0, 13).await, b"first, second");
}

/// Another server answers in its place, or the bucket was deleted: the check of the store must not take objects for lost.
#[tokio::test]
async fn a_server_that_knows_nothing_has_lost_nothing() {
    let Some(Behind { proxy, store, direct, .. }) = behind_a_proxy(|_| {}) else { return };
    let Store::S3(s3) = &store else { panic!("not in a bucket") };
    s3.ensure_store_id().await.unwrap();
    let key = stored(&direct, b"abc").await;
    proxy.inject(usize::MAX, Fault::Status(404, "NoSuchBucket"), |_| true);
    let opened = store.open(&key, 0, 3).await.unwrap_err();
    assert!(matches!(&opened, OpenError::Io(error) if is_unavailable(error)), "{opened:?}");
    assert!(is_unavailable(&store.len(&key).await.unwrap_err()));
    let rehashed = store.rehash(&key, Algorithm::Sha256, 3).await.unwrap_err();
    assert!(matches!(&rehashed, OpenError::Io(error) if is_unavailable(error)), "{rehashed:?}");
    proxy.heal();
    assert!(matches!(store.open(&ObjectKey::random(), 0, 3).await, Err(OpenError::Missing)));
    assert_eq!(store.len(&ObjectKey::random()).await.unwrap(), None);
}

/// A node stopped between the creation of a multipart upload and the record of its ID.
#[tokio::test]
async fn multipart_uploads_that_nobody_knows_are_ended() {
    let Some(Behind { proxy: _proxy, store, direct, prefix, .. }) = behind_a_proxy(|_| {}) else { return };
    let (known, orphan) = (ObjectKey::random(), stored(&direct, b"complete").await);
    let begin = store.begin(Algorithm::Sha256);
    let all = bytes(PART_BYTES + 10, 7);
    let stage = store.append(&known, begin, &mut body(&all), None).await.unwrap().stage;
    s3_server::signed("POST", &format!("{BUCKET}/{prefix}/objects/{orphan}?uploads="));
    assert_eq!(open_uploads(&prefix), 2);
    let orphans = async |store: &Store| {
        let mut found = Vec::new();
        for folder in 0..=u8::MAX {
            let listed = store.list(blob::Place::Standard, folder).await.unwrap();
            found
                .extend(listed.into_iter().filter(|file| file.key.is_none()).map(|file| (folder, file.name)));
        }
        found
    };
    assert!(orphans(&direct).await.is_empty(), "it is not old enough");
    let found = orphans(&store).await;
    let [(folder, name)] = &found[..] else { panic!("{found:?}") };
    assert!(name.starts_with(&format!("parts-of-{orphan}.")), "{name}");
    store.quarantine(blob::Place::Standard, *folder, name).await.unwrap();
    assert_eq!(open_uploads(&prefix), 1);
    assert_eq!(read(&direct, &orphan, 0, 8).await, b"complete");
    store.finish(&known, &stage).await.unwrap();
    assert!(read(&direct, &known, 0, all.len() as u64).await == all);
}

/// An S3 server that ends while it completes an upload can lose it, and a rule of a bucket can end it.
#[tokio::test]
async fn an_upload_that_the_server_lost_is_missing() {
    let Some(behind) = behind_a_proxy(|_| ()) else { return };
    let (all, key) = (bytes(2 * PART_BYTES + 1_000, 77), ObjectKey::random());
    let (first, second) = all.split_at(PART_BYTES + 500);
    let store = &behind.store;
    let appended = store.append(&key, store.begin(Algorithm::Sha256), &mut body(first), None).await.unwrap();
    let stage = through_the_row(store, &appended.stage);
    behind.proxy.inject(usize::MAX, Fault::Status(404, "NoSuchUpload"), |request| request.is("UploadPart"));
    let more = store.append(&key, stage.clone(), &mut body(second), None).await;
    assert!(matches!(more, Err(AppendError::Missing { .. })), "{more:?}");
    assert!(matches!(store.finish(&key, &stage).await, Err(OpenError::Missing)));
    behind.proxy.heal();
    // Another node has completed it: then it is there.
    behind.direct.finish(&key, &stage).await.unwrap();
    behind.proxy.inject(usize::MAX, Fault::Status(404, "NoSuchUpload"), |request| request.is("UploadPart"));
    store.finish(&key, &stage).await.unwrap();
    assert!(read(store, &key, 0, first.len() as u64).await == first);
    behind.proxy.heal();
    behind.direct.delete(&key).await.unwrap();
    assert!(matches!(store.finish(&key, &stage).await, Err(OpenError::Missing)));
}
