//! Concurrent appends, and appends whose request is dropped.

use blob::ObjectKey;
use bytes::Bytes;
use futures::StreamExt as _;

use super::{BodyBroke, body, bytes, digest, hashed, read, sha256, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_to_different_objects_are_independent() {
    let (_folder, store) = store();
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..24 {
        let store = store.clone();
        tasks.spawn(async move {
            let key = ObjectKey::random();
            let all = bytes(40_000 * (seed as usize + 1), seed);
            let appended = store.append(&key, sha256(), &mut body(&all, 30_000), None).await.unwrap();
            assert_eq!(appended.stage.digest(), digest(&all));
            assert_eq!(read(&store, &key, 0, all.len() as u64).await, all);
        });
    }
    assert_eq!(tasks.join_all().await.len(), 24);
}

/// The first request's batch must not be written after the second request has written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_append_does_not_change_the_bytes_of_the_next() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    let kept = bytes(10_000, 1);
    store.append(&key, sha256(), &mut body(&kept, 5_000), None).await.unwrap();
    for seed in 0..40_u64 {
        // Sends some batches, reports it, and then never ends.
        let (said, heard) = tokio::sync::oneshot::channel();
        let flood = bytes(1_200_000 + 1_000 * seed as usize, seed + 100);
        let parts: Vec<_> = flood.chunks(300_000).map(Bytes::copy_from_slice).collect();
        let mut stalled = futures::stream::iter(parts.into_iter().map(Ok::<_, BodyBroke>)).chain(
            futures::stream::once(async move {
                said.send(()).unwrap();
                std::future::pending().await
            })
            .boxed(),
        );
        let stalled = tokio::spawn({
            let (store, start) = (store.clone(), hashed(&kept));
            async move { store.append(&key, start, &mut stalled, None).await.map(|_| ()) }
        });
        heard.await.unwrap();
        stalled.abort();
        let more = bytes(2_000_000, seed);
        let appended = store.append(&key, hashed(&kept), &mut body(&more, 250_000), None).await.unwrap();
        let mut all = kept.clone();
        all.extend_from_slice(&more);
        assert_eq!(appended.stage.digest(), digest(&all));
        assert!(read(&store, &key, 0, all.len() as u64).await == all, "round {seed}");
    }
}
