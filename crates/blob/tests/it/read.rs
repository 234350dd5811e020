//! Reading: ranges, chunks, and objects that are missing or too short.

use blob::{ObjectKey, OpenError};
use futures::StreamExt as _;
use oci::digest::{Algorithm, Digest};
use proptest::prelude::*;

use super::{body, bytes, read, sha256, store};

#[tokio::test]
async fn chunks_are_large_and_none_is_larger_than_512_kib() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    let all = bytes(1_200_000, 1);
    store.append(&key, sha256(), &mut body(&all, 1_200_000), None).await.unwrap();
    let mut stream = store.open(&key, 0, 1_200_000).await.unwrap().into_stream();
    stream.prepare().await.unwrap();
    assert_eq!(stream.remaining(), 1_200_000, "what is prepared is still to come");
    let mut sizes = Vec::new();
    while let Some(chunk) = stream.next().await {
        sizes.push(chunk.unwrap().len());
    }
    assert_eq!(sizes, [524_288, 524_288, 1_200_000 - 2 * 524_288]);
}

#[tokio::test]
async fn missing_and_short_objects_have_different_errors() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    assert!(matches!(store.open(&key, 0, 1).await, Err(OpenError::Missing)));
    assert!(matches!(store.rehash(&key, Algorithm::Sha512, 1).await, Err(OpenError::Missing)));
    store.append(&key, sha256(), &mut body(b"abc", 3), None).await.unwrap();
    let error = store.open(&key, 1, 3).await.unwrap_err();
    assert!(matches!(error, OpenError::Truncated { wanted: 4, len: 3 }), "{error:?}");
    assert!(matches!(store.open(&key, u64::MAX, 3).await, Err(OpenError::Truncated { .. })));
    let error = store.rehash(&key, Algorithm::Sha512, 4).await.unwrap_err();
    assert!(matches!(error, OpenError::Truncated { wanted: 4, len: 3 }), "{error:?}");
}

#[tokio::test]
async fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    store.append(&key, sha256(), &mut body(&bytes(1_600_000, 1), 100_000), None).await.unwrap();
    let mut stream = store.open(&key, 0, 1_600_000).await.unwrap().into_stream();
    assert!(stream.next().await.unwrap().is_ok());
    store.append(&key, sha256(), &mut body(b"", 1), None).await.unwrap();
    // The chunk that was read ahead may be complete. The next one does not exist.
    let mut next = stream.next().await.unwrap();
    if next.is_ok() {
        next = stream.next().await.unwrap();
    }
    assert_eq!(next.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn rehash_reads_only_the_length_in_the_row() {
    let (_folder, store) = store();
    let key = ObjectKey::random();
    let all = bytes(700_000, 9);
    store.append(&key, sha256(), &mut body(&all, 50_000), None).await.unwrap();
    let whole = store.rehash(&key, Algorithm::Sha512, 700_000).await.unwrap();
    assert_eq!(whole, Digest::of(Algorithm::Sha512, &all));
    let part = store.rehash(&key, Algorithm::Sha256, 600_001).await.unwrap();
    assert_eq!(part, Digest::of(Algorithm::Sha256, &all[..600_001]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_range_equals_the_slice(len in 0..900_000_usize, from: u32, to: u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (_folder, store) = store();
            let key = ObjectKey::random();
            let all = bytes(len, 7);
            store.append(&key, sha256(), &mut body(&all, 100_000), None).await.unwrap();
            let (from, to) = (from as usize % (len + 1), to as usize % (len + 1));
            let range = from.min(to)..from.max(to);
            let got = read(&store, &key, range.start as u64, range.len() as u64).await;
            assert_eq!(got, &all[range]);
        });
    }
}
