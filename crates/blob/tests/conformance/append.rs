//! Appending: an upload continues from its stage, and from nothing else.

use blob::{AppendError, ObjectKey, OpenError};
use futures::StreamExt as _;
use oci::digest::Algorithm;

use super::{BodyBroke, Place, body, bytes, digest, read, through_the_row};

pub(super) async fn an_upload_goes_on_through_its_row(place: Place) {
    let store = place.open();
    let (key, all) = (ObjectKey::random(), bytes(1_500_000, 1));
    let mut stage = store.resume(Algorithm::Sha256, 0, None).unwrap();
    for part in [&all[..700_000], &all[700_000..700_001], &all[700_001..]] {
        let appended = store.append(&key, stage, &mut body(part), None).await.unwrap();
        assert_eq!(appended.written, part.len() as u64);
        stage = through_the_row(&store, &appended.stage);
    }
    assert_eq!(stage.digest(), digest(&all));
    store.finish(&key, &stage).await.unwrap();
    assert_eq!(read(&store, &key, 0, all.len() as u64).await, all);
}

pub(super) async fn an_upload_goes_on_after_a_cut(place: Place) {
    let store = place.open();
    for before in [0, 10, 1_200_000] {
        let (key, all) = (ObjectKey::random(), bytes(before + 5_000, 2));
        let mut cut = body(&all[..before]).chain(futures::stream::iter([Err(BodyBroke)]));
        let error = store.append(&key, store.begin(Algorithm::Sha256), &mut cut, None).await.unwrap_err();
        let AppendError::Body { source: BodyBroke, appended } = error else { panic!("{error:?}") };
        assert_eq!((appended.written, appended.stage.offset()), (before as u64, before as u64));
        let stage = through_the_row(&store, &appended.stage);
        let whole = store.append(&key, stage, &mut body(&all[before..]), None).await.unwrap();
        assert_eq!(whole.stage.digest(), digest(&all));
        store.finish(&key, &whole.stage).await.unwrap();
        assert_eq!(read(&store, &key, 0, all.len() as u64).await, all);
    }
}

pub(super) async fn an_upload_goes_on_after_a_new_start(place: Place) {
    let (key, all) = (ObjectKey::random(), bytes(40_000, 3));
    let store = place.open();
    let first =
        store.append(&key, store.begin(Algorithm::Sha256), &mut body(&all[..9_000]), None).await.unwrap();
    drop(store);
    let store = place.open();
    let stage = through_the_row(&store, &first.stage);
    let second = store.append(&key, stage, &mut body(&all[9_000..]), None).await.unwrap();
    store.finish(&key, &second.stage).await.unwrap();
    drop(store);
    assert_eq!(read(&place.open(), &key, 0, 40_000).await, all);
}

/// Bytes that were appended and not recorded: the row has a smaller length than the stored object.
pub(super) async fn bytes_behind_the_stage_do_not_count(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let kept = store.append(&key, store.begin(Algorithm::Sha256), &mut body(b"kept, "), None).await.unwrap();
    let lost = bytes(3_000, 4);
    store.append(&key, kept.stage.clone(), &mut body(&lost), None).await.unwrap();
    let again = store.append(&key, kept.stage, &mut body(b"again"), None).await.unwrap();
    store.finish(&key, &again.stage).await.unwrap();
    assert_eq!(again.stage.digest(), digest(b"kept, again"));
    assert_eq!(read(&store, &key, 0, 11).await, b"kept, again");
}

pub(super) async fn an_empty_blob_can_be_read(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let stage = store.begin(Algorithm::Sha256);
    assert_eq!(stage.digest(), digest(b""));
    store.finish(&key, &stage).await.unwrap();
    assert_eq!(read(&store, &key, 0, 0).await, b"");
    assert_eq!(store.rehash(&key, Algorithm::Sha256, 0).await.unwrap(), digest(b""));
}

pub(super) async fn a_finish_can_be_repeated(place: Place) {
    let store = place.open();
    for content in [&b""[..], b"content"] {
        let key = ObjectKey::random();
        let appended =
            store.append(&key, store.begin(Algorithm::Sha256), &mut body(content), None).await.unwrap();
        store.finish(&key, &appended.stage).await.unwrap();
        store.finish(&key, &appended.stage).await.unwrap();
        assert_eq!(read(&store, &key, 0, content.len() as u64).await, content);
    }
}

pub(super) async fn a_body_over_the_limit_is_refused(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let first =
        store.append(&key, store.begin(Algorithm::Sha256), &mut body(&bytes(900, 5)), Some(1_000)).await;
    let stage = first.unwrap().stage;
    let error = store.append(&key, stage.clone(), &mut body(&bytes(101, 6)), Some(1_000)).await.unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { limit: 1_000 }), "{error:?}");
    let full = store.append(&key, stage, &mut body(&bytes(100, 7)), Some(1_000)).await.unwrap();
    assert_eq!(full.stage.offset(), 1_000);
}

pub(super) async fn a_stage_without_its_bytes_is_refused(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let first = store.append(&key, store.begin(Algorithm::Sha256), &mut body(b"abc"), None).await.unwrap();
    store.delete(&key).await.unwrap();
    let error = store.append(&key, first.stage, &mut body(b"d"), None).await.unwrap_err();
    assert!(matches!(error, AppendError::Missing { offset: 3, .. }), "{error:?}");
}

/// Both have the same stage. The one that waits must not remove the bytes of the first.
pub(super) async fn a_concurrent_append_is_refused(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let (send, receive) = tokio::sync::oneshot::channel();
    let mut slow = futures::stream::once(async move { Ok::<_, BodyBroke>(receive.await.unwrap()) }).boxed();
    let (mut fast, begin) = (body(b"second"), store.begin(Algorithm::Sha256));
    let mut first = Box::pin(store.append(&key, begin.clone(), &mut slow, None));
    let mut second = Box::pin(store.append(&key, begin, &mut fast, None));
    assert!(futures::poll!(&mut first).is_pending());
    assert!(futures::poll!(&mut second).is_pending());
    send.send("first".into()).unwrap();
    let appended = first.await.unwrap();
    let error = second.await.unwrap_err();
    assert!(matches!(error, AppendError::Overtaken), "{error:?}");
    store.finish(&key, &appended.stage).await.unwrap();
    assert_eq!(read(&store, &key, 0, 5).await, b"first");
}

pub(super) async fn a_wrong_digest_shows_in_the_stage(place: Place) {
    let store = place.open();
    let key = ObjectKey::random();
    let appended =
        store.append(&key, store.begin(Algorithm::Sha256), &mut body(b"what came"), None).await.unwrap();
    assert_ne!(appended.stage.digest(), digest(b"what was promised"));
    assert_eq!(appended.stage.digest(), digest(b"what came"));
    assert!(store.delete(&key).await.unwrap());
    assert!(matches!(store.open(&key, 0, 0).await, Err(OpenError::Missing)));
}
