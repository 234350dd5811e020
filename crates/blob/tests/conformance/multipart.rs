//! What only a store in a bucket does: multipart uploads that span requests and nodes, and what is left of them.

use blob::{AppendError, ObjectKey, OpenError, Stage, Store};
use oci::digest::Algorithm;

use testkit::s3_server::{self, BUCKET};

use super::bucket::{self, PART_BYTES};
use super::{Place, body, bytes, digest, read, stored, through_the_row};

/// Two nodes with one bucket; None with a printed reason if there is no server.
fn nodes() -> Option<(String, Place, Store, Store)> {
    if let Err(reason) = s3_server::address() {
        eprintln!("not tested: {reason}");
        return None;
    }
    let place = Place::new(bucket::open);
    let (one, two) = (place.open(), place.open());
    Some((bucket::prefix_of(place.folder.path()), place, one, two))
}

async fn append(store: &Store, key: &ObjectKey, stage: Stage, bytes: &[u8]) -> Stage {
    let appended = store.append(key, stage, &mut body(bytes), None).await.unwrap();
    assert_eq!(appended.written, bytes.len() as u64);
    through_the_row(store, &appended.stage)
}

/// The keys of the multipart uploads that are not complete.
pub(super) fn open_uploads(prefix: &str) -> usize {
    s3_server::signed("GET", &format!("{BUCKET}?uploads=")).matches(&format!("<Key>{prefix}/")).count()
}

/// The number of keys under a prefix.
pub(super) fn keys(prefix: &str) -> usize {
    s3_server::signed("GET", &format!("{BUCKET}?list-type=2&prefix={prefix}%2F")).matches("<Key>").count()
}

#[tokio::test]
async fn parts_span_requests_and_nodes() {
    let Some((prefix, _place, one, two)) = nodes() else { return };
    let (key, all) = (ObjectKey::random(), bytes(3 * PART_BYTES + 77, 1));
    let mut stage = one.begin(Algorithm::Sha256);
    let ends = [1_000, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 500_000, all.len()];
    let mut from = 0;
    for (at, end) in ends.into_iter().enumerate() {
        let node = if at % 2 == 0 { &one } else { &two };
        stage = append(node, &key, stage, &all[from..end]).await;
        from = end;
    }
    assert_eq!(stage.digest(), digest(&all));
    assert_eq!(open_uploads(&prefix), 1);
    two.finish(&key, &stage).await.unwrap();
    one.finish(&key, &stage).await.unwrap();
    assert!(read(&one, &key, 0, all.len() as u64).await == all);
    let across = (PART_BYTES as u64 - 5, 10);
    assert_eq!(read(&one, &key, across.0, across.1).await, all[PART_BYTES - 5..PART_BYTES + 5]);
    assert_eq!((open_uploads(&prefix), keys(&prefix)), (0, 1), "only the object is left");
}

#[tokio::test]
async fn parts_that_were_not_recorded_do_not_count() {
    let Some((prefix, _place, one, two)) = nodes() else { return };
    let key = ObjectKey::random();
    let (kept, lost) = (bytes(100_000, 1), bytes(2 * PART_BYTES, 2));
    let stage = append(&one, &key, one.begin(Algorithm::Sha256), &kept).await;
    append(&one, &key, stage.clone(), &lost).await;
    let other = bytes(2 * PART_BYTES, 3);
    let stage = append(&two, &key, stage, &other).await;
    two.finish(&key, &stage).await.unwrap();
    let whole = [kept, other].concat();
    assert_eq!(stage.digest(), digest(&whole));
    assert!(read(&one, &key, 0, whole.len() as u64).await == whole);
    assert_eq!((open_uploads(&prefix), keys(&prefix)), (0, 1));
}

/// The object of a redirect is read without its row, so it must not have bytes that the row does not count.
#[tokio::test]
async fn a_finished_object_has_exactly_its_length() {
    let Some((_, _place, one, two)) = nodes() else { return };
    let key = ObjectKey::random();
    let stage = append(&one, &key, one.begin(Algorithm::Sha256), b"recorded").await;
    append(&one, &key, stage.clone(), b", not recorded").await;
    two.finish(&key, &stage).await.unwrap();
    assert_eq!(two.len(&key).await.unwrap(), Some(8));
    assert_eq!(read(&two, &key, 0, 8).await, b"recorded");
}

/// Both nodes have the same stage. The bytes of the second would be under the digest of the first.
#[tokio::test]
async fn two_nodes_never_mix_their_bytes() {
    let Some((_, _place, one, two)) = nodes() else { return };
    let key = ObjectKey::random();
    let (send, receive) = tokio::sync::oneshot::channel();
    let first = async {
        let bytes: bytes::Bytes = receive.await.unwrap();
        Ok::<_, super::BodyBroke>(bytes)
    };
    let mut slow = futures::StreamExt::boxed(futures::stream::once(first));
    let mut first = Box::pin(one.append(&key, one.begin(Algorithm::Sha256), &mut slow, None));
    assert!(futures::poll!(&mut first).is_pending());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let stage = append(&two, &key, two.begin(Algorithm::Sha256), b"second").await;
    send.send("first".into()).unwrap();
    let error = first.await.unwrap_err();
    assert!(matches!(error, AppendError::Overtaken), "{error:?}");
    two.finish(&key, &stage).await.unwrap();
    assert_eq!(read(&one, &key, 0, 6).await, b"second");
}

#[tokio::test]
async fn replaced_parts_and_tails_fail_the_upload() {
    let Some((_, _place, one, two)) = nodes() else { return };
    for len in [PART_BYTES + 10, 2 * PART_BYTES + 10] {
        let key = ObjectKey::random();
        let begin = append(&one, &key, one.begin(Algorithm::Sha256), b"begin").await;
        let stage = append(&one, &key, begin.clone(), &bytes(len, 4)).await;
        // A request that the row does not know, from a node that was paused.
        append(&two, &key, begin, &bytes(len, 5)).await;
        let error = one.finish(&key, &stage).await.unwrap_err();
        assert!(matches!(error, OpenError::Io(_)), "{error:?}");
        assert!(one.len(&key).await.unwrap() < Some(len as u64), "nothing was completed");
    }
}

#[tokio::test]
async fn a_deleted_upload_leaves_nothing() {
    let Some((prefix, _place, one, two)) = nodes() else { return };
    let key = ObjectKey::random();
    let stage = append(&one, &key, one.begin(Algorithm::Sha256), &bytes(PART_BYTES + 9, 6)).await;
    assert!(open_uploads(&prefix) == 1 && keys(&prefix) == 2);
    assert!(two.delete(&key).await.unwrap());
    assert!(!two.delete(&key).await.unwrap());
    assert_eq!((open_uploads(&prefix), keys(&prefix)), (0, 0));
    let error = one.append(&key, stage, &mut body(b"more"), None).await.unwrap_err();
    assert!(matches!(error, AppendError::Missing { .. }), "{error:?}");
}

#[tokio::test]
async fn the_check_finds_objects_and_ends_uploads() {
    let Some((prefix, _place, one, _)) = nodes() else { return };
    let key = stored(&one, b"an object").await;
    let upload = ObjectKey::random();
    append(&one, &upload, one.begin(Algorithm::Sha256), &bytes(PART_BYTES + 9, 7)).await;
    let mut found = Vec::new();
    for folder in 0..=u8::MAX {
        for file in one.list(blob::Place::Standard, folder).await.unwrap() {
            one.quarantine(blob::Place::Standard, folder, &file.name).await.unwrap();
            found.push(file);
        }
    }
    found.sort_by_key(|file| file.len);
    let seen: Vec<_> = found.iter().map(|file| (file.key, file.len)).collect();
    assert_eq!(seen, [(Some(upload), 0), (Some(key), 9)]);
    assert!(matches!(one.open(&key, 0, 1).await, Err(OpenError::Missing)));
    assert_eq!((open_uploads(&prefix), keys(&prefix)), (0, 1));
    assert_eq!(s3_server::signed("GET", &format!("{BUCKET}/{prefix}/quarantine/{key}")), "an object");
    for bad in ["..", "../x", "a/b", "upload-of-../x"] {
        assert!(one.quarantine(blob::Place::Standard, 0, bad).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_copy_has_its_digest() {
    let Some((_, _place, one, _)) = nodes() else { return };
    let all = bytes(2 * PART_BYTES + 9, 8);
    let from = stored(&one, &all).await;
    for len in [all.len(), all.len() - 1, 0] {
        let to = ObjectKey::random();
        let copied = one.copy(&from, &to, Algorithm::Sha256, len as u64).await.unwrap();
        assert_eq!((copied, one.len(&to).await.unwrap()), (digest(&all[..len]), Some(len as u64)));
    }
    let long = one.copy(&from, &ObjectKey::random(), Algorithm::Sha256, all.len() as u64 + 1).await;
    assert!(matches!(long, Err(OpenError::Truncated { .. })), "{long:?}");
    let archive = ObjectKey::random_in(blob::Place::Archive);
    assert!(one.len(&archive).await.is_err(), "without an archive nothing is taken for missing");
}

#[tokio::test]
async fn a_signed_url_reads_one_object_until_it_expires() {
    let Some((_, _place, one, _)) = nodes() else { return };
    let key = stored(&one, b"0123456789").await;
    let second = std::time::Duration::from_secs(1);
    let url = one.signed_url(&key, 60 * second).await.unwrap().unwrap();
    assert_eq!(s3_server::curl(&[&url]), ("200".to_owned(), "0123456789".to_owned()));
    assert_eq!(s3_server::curl(&["-r", "2-4", &url]), ("206".to_owned(), "234".to_owned()));
    assert_eq!(s3_server::curl(&["-I", "-o", "/dev/null", &url]).0, "403", "it is signed for GET");
    let other = url.replace(&key.to_string(), &stored(&one, b"x").await.to_string());
    assert_eq!(s3_server::curl(&["-o", "/dev/null", &other]).0, "403");
    let short = one.signed_url(&key, second).await.unwrap().unwrap();
    tokio::time::sleep(3 * second).await;
    assert_eq!(s3_server::curl(&["-o", "/dev/null", &short]).0, "403");
}

#[tokio::test]
async fn a_bucket_has_one_id() {
    let Some((_, _place, one, two)) = nodes() else { return };
    let (Store::S3(one), Store::S3(two)) = (one, two) else { panic!("not in a bucket") };
    assert_eq!(one.store_id().await.unwrap(), None);
    let (a, b) = tokio::join!(one.ensure_store_id(), two.ensure_store_id());
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(one.store_id().await.unwrap(), Some(two.ensure_store_id().await.unwrap()));
}

#[tokio::test]
async fn a_wrong_secret_is_an_error_and_not_a_missing_object() {
    let Some((prefix, _place, one, _)) = nodes() else { return };
    let key = stored(&one, b"abc").await;
    let mut options = bucket::options(&prefix);
    options.credentials =
        blob::Credentials::Key { id: s3_server::KEY_ID.to_owned(), secret: "other".to_owned() };
    let store = Store::s3(&options).unwrap();
    assert!(matches!(store.open(&key, 0, 3).await, Err(OpenError::Io(_))));
    assert!(store.len(&key).await.is_err() && store.delete(&key).await.is_err());
    assert_eq!(read(&one, &key, 0, 3).await, b"abc");
}

#[tokio::test]
async fn what_is_not_finished_is_found_only_if_it_is_small() {
    let Some((_, _place, store, _)) = nodes() else { return };
    for len in [1, PART_BYTES, PART_BYTES + 1] {
        let (key, all, size) = (ObjectKey::random(), bytes(len, 1), len as u64);
        let begun = store.begin(Algorithm::Sha256);
        let appended = store.append(&key, begun, &mut body(&all), Some(size)).await.unwrap();
        let is_found = store.len(&key).await.unwrap() == Some(size);
        assert_eq!(store.shows_only_finished(size), !is_found, "{len}");
        store.finish(&key, &appended.stage).await.unwrap();
        assert_eq!(store.len(&key).await.unwrap(), Some(size));
    }
}
