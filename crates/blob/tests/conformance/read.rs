//! Reading, hashing again and deleting.

use blob::{ObjectKey, OpenError};
use oci::digest::{Algorithm, Digest};

use super::{Place, bytes, digest, read, stored};

pub(super) async fn any_range_can_be_read(place: Place) {
    let store = place.open();
    let all = bytes(1_300_000, 1);
    let key = stored(&store, &all).await;
    for (start, len) in
        [(0, 0), (0, 1), (0, 1_300_000), (1, 1_299_999), (524_287, 2), (1_299_999, 1), (1_300_000, 0)]
    {
        assert!(
            read(&store, &key, start as u64, len as u64).await == all[start..start + len],
            "{start} {len}"
        );
    }
}

pub(super) async fn what_is_missing_or_short_is_an_error(place: Place) {
    let store = place.open();
    let absent = ObjectKey::random();
    assert!(matches!(store.open(&absent, 0, 1).await, Err(OpenError::Missing)));
    assert!(matches!(store.rehash(&absent, Algorithm::Sha256, 1).await, Err(OpenError::Missing)));
    assert!(matches!(store.open(&absent, 0, 0).await, Err(OpenError::Missing)));
    let key = stored(&store, b"abc").await;
    assert!(matches!(store.open(&key, 1, 3).await, Err(OpenError::Truncated { wanted: 4, len: 3 })));
    assert!(matches!(store.open(&key, u64::MAX, 3).await, Err(OpenError::Truncated { .. })));
    let short = store.rehash(&key, Algorithm::Sha256, 4).await;
    assert!(matches!(short, Err(OpenError::Truncated { wanted: 4, len: 3 })));
}

pub(super) async fn another_algorithm_reads_the_bytes_again(place: Place) {
    let store = place.open();
    let all = bytes(700_000, 2);
    let key = stored(&store, &all).await;
    let whole = store.rehash(&key, Algorithm::Sha512, 700_000).await.unwrap();
    assert_eq!(whole, Digest::of(Algorithm::Sha512, &all));
    let part = store.rehash(&key, Algorithm::Sha256, 600_001).await.unwrap();
    assert_eq!(part, digest(&all[..600_001]));
}

pub(super) async fn a_deleted_object_is_gone(place: Place) {
    let store = place.open();
    let (key, other) = (stored(&store, b"abc").await, stored(&store, b"abc").await);
    assert!(store.delete(&key).await.unwrap());
    assert!(!store.delete(&key).await.unwrap());
    assert!(matches!(store.open(&key, 0, 3).await, Err(OpenError::Missing)));
    assert!(matches!(store.open(&key, 0, 0).await, Err(OpenError::Missing)));
    assert_eq!(read(&store, &other, 0, 3).await, b"abc");
}
