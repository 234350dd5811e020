//! Appending: offsets, hashes, limits, bodies that break.

use blob::{AppendError, ObjectKey};
use futures::StreamExt as _;
use proptest::prelude::*;

use super::{BodyBroke, body, bytes, digest, hashed, read, sha256, store, stored_len};

#[tokio::test]
async fn an_object_grows_append_by_append() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    let all = bytes(1_300_000, 1);
    let first = store.append(&key, sha256(), &mut body(&all[..700_000], 9_000), None).await.unwrap();
    assert_eq!((first.written, first.stage.offset()), (700_000, 700_000));
    let second = store.append(&key, first.stage, &mut body(&all[700_000..], 600_000), None).await.unwrap();
    assert_eq!((second.written, second.stage.offset()), (600_000, 1_300_000));
    assert_eq!(second.stage.digest(), digest(&all));
    assert_eq!(read(&store, &key, 0, 1_300_000).await, all);
}

#[tokio::test]
async fn an_empty_append_at_the_start_creates_an_empty_object() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    assert_eq!(stored_len(&store, &key).await, None);
    let appended = store.append(&key, sha256(), &mut body(b"", 1), None).await.unwrap();
    assert_eq!((appended.written, appended.stage.offset()), (0, 0));
    assert_eq!(stored_len(&store, &key).await, Some(0));
    assert_eq!(read(&store, &key, 0, 0).await, b"");
}

#[tokio::test]
async fn bytes_after_the_offset_are_removed() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    store.append(&key, sha256(), &mut body(b"acknowledged, and lost", 5), None).await.unwrap();
    let appended = store.append(&key, hashed(b"acknowledged"), &mut body(b"!", 1), None).await.unwrap();
    assert_eq!(appended.stage.digest(), digest(b"acknowledged!"));
    assert_eq!(stored_len(&store, &key).await, Some(13));
    let nothing = store.append(&key, hashed(b"acknowledged"), &mut body(b"", 1), None).await.unwrap();
    assert_eq!(nothing.stage.offset(), 12);
    assert_eq!(stored_len(&store, &key).await, Some(12));
}

#[tokio::test]
async fn an_offset_beyond_the_object_has_its_own_error() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    let error = store.append(&key, hashed(b"12345"), &mut body(b"x", 1), None).await.unwrap_err();
    assert!(matches!(error, AppendError::Missing { offset: 5, len: 0 }), "{error:?}");
    assert_eq!(stored_len(&store, &key).await, None);
    store.append(&key, sha256(), &mut body(b"abc", 1), None).await.unwrap();
    let error = store.append(&key, hashed(b"12345"), &mut body(b"x", 1), None).await.unwrap_err();
    assert!(matches!(error, AppendError::Missing { offset: 5, len: 3 }), "{error:?}");
}

#[tokio::test]
async fn a_broken_body_leaves_the_reported_prefix() {
    for before in [0, 10, 3_000_000] {
        let (_folder, store) = store();
        let key = ObjectKey::random();
        let all = bytes(before, 2);
        let mut broken = body(&all, 70_000).chain(futures::stream::iter([Err(BodyBroke)]));
        let error = store.append(&key, sha256(), &mut broken, None).await.unwrap_err();
        let AppendError::Body { source: BodyBroke, appended } = error else { panic!("{error:?}") };
        assert_eq!((appended.written, appended.stage.offset()), (before as u64, before as u64));
        assert_eq!(appended.stage.digest(), digest(&all));
        assert_eq!(read(&store, &key, 0, before as u64).await, all);
    }
}

#[tokio::test]
async fn the_limit_covers_the_whole_object_and_frees_its_space() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    store.append(&key, sha256(), &mut body(&bytes(900, 3), 100), Some(1_000)).await.unwrap();
    let start = hashed(&bytes(900, 3));
    let full = store.append(&key, start.clone(), &mut body(&bytes(100, 4), 7), Some(1_000)).await.unwrap();
    assert_eq!(full.stage.offset(), 1_000);
    let limit = 1_500_000;
    let much = bytes(2_000_000, 5);
    let error = store.append(&key, start, &mut body(&much, 10_000), Some(limit)).await.unwrap_err();
    assert!(matches!(error, AppendError::TooLarge { limit: 1_500_000 }), "{error:?}");
    // The next append waits until the space is released, so this length is deterministic.
    let next = store.append(&key, hashed(&bytes(900, 3)), &mut body(b"", 1), None).await.unwrap();
    assert_eq!(next.stage.offset(), 900);
    assert_eq!(stored_len(&store, &key).await, Some(900));
}

#[tokio::test]
async fn open_readers_of_a_deleted_object_continue() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    store.append(&key, sha256(), &mut body(b"abc", 3), None).await.unwrap();
    let content = store.open(&key, 0, 3).await.unwrap();
    assert!(store.delete(&key).await.unwrap());
    assert!(!store.delete(&key).await.unwrap());
    assert_eq!(stored_len(&store, &key).await, None);
    let chunk = content.into_stream().next().await.unwrap().unwrap();
    assert_eq!(&chunk[..], b"abc");
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_everything() {
    let (folder, store) = store();
    let key = ObjectKey::random();
    store.append(&key, sha256(), &mut body(b"abc", 3), None).await.unwrap();
    drop(store);
    let again = blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).unwrap();
    assert_eq!(read(&again, &key, 0, 3).await, b"abc");
    std::fs::write(folder.path().join("blobs/layout"), "wharf objects 99\n").unwrap();
    assert!(blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).is_err());
}

/// One append of a sequence: how far before the end it starts, its length, the size of its chunks, and whether the body
/// ends with an error.
#[derive(Clone, Debug)]
struct Step {
    back: u16,
    len: usize,
    chunk: usize,
    breaks: bool,
    seed: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![3 => 0..2_000_usize, 1 => 0..1_400_000_usize];
    (any::<u16>(), len, 1_000..400_000_usize, any::<bool>(), any::<u64>())
        .prop_map(|(back, len, chunk, breaks, seed)| Step { back, len, chunk, breaks, seed })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_sequence_of_appends_equals_a_vector(steps in prop::collection::vec(step(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (_folder, store) = store();
            let key = ObjectKey::random();
            let mut model: Vec<u8> = Vec::new();
            for step in steps {
                // Goes back to any position, often to the end.
                let offset = model.len().saturating_sub(usize::from(step.back) % (2 * model.len().max(1)) );
                model.truncate(offset);
                let more = bytes(step.len, step.seed);
                let start = hashed(&model);
                model.extend_from_slice(&more);
                let end = if step.breaks { vec![Err(BodyBroke)] } else { Vec::new() };
                let mut stream = body(&more, step.chunk).chain(futures::stream::iter(end));
                let appended = match store.append(&key, start, &mut stream, None).await {
                    Ok(appended) => appended,
                    Err(AppendError::Body { appended, .. }) if step.breaks => *appended,
                    Err(error) => panic!("{error:?}"),
                };
                assert_eq!(appended.stage.offset(), model.len() as u64);
                assert_eq!(appended.written, step.len as u64);
                assert_eq!(appended.stage.digest(), digest(&model));
                assert_eq!(stored_len(&store, &key).await, Some(model.len() as u64));
                assert_eq!(read(&store, &key, 0, model.len() as u64).await, model);
            }
        });
    }
}
