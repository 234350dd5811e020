//! The store from outside: appending, reading, and the state after a power cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a failed test is allowed to panic"
)]

mod append;
mod concurrent;
mod power_cut;
mod power_cut_move;
mod power_cut_vault;
mod read;
mod simulated_disk;
mod unread;

use blob::Stage;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use oci::digest::{Algorithm, Digest, Hasher};

/// A body in chunks of `chunk` bytes.
fn body(bytes: &[u8], chunk: usize) -> impl Stream<Item = Result<Bytes, BodyBroke>> + Unpin + Send + use<> {
    let chunks: Vec<_> = bytes.chunks(chunk).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    futures::stream::iter(chunks)
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the body broke")]
struct BodyBroke;

/// Bytes that depend on the position and the seed.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// The stage of an upload without bytes.
fn sha256() -> Stage {
    hashed(b"")
}

/// The stage of an upload with `bytes`, from a row that contains only the hash state.
fn hashed(bytes: &[u8]) -> Stage {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    Stage::restore(&hasher.save().unwrap(), Algorithm::Sha256, bytes.len() as u64).unwrap()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A folder in memory if possible: the layout has 256 folders, and these tests create it thousands of times. The
/// simulated disk decides what is durable.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn store() -> (tempfile::TempDir, blob::Store) {
    let folder = memory_folder();
    let store = blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).unwrap();
    (folder, store)
}

/// All bytes of a part of an object, through the stream.
async fn read(store: &blob::Store, key: &blob::ObjectKey, start: u64, len: u64) -> Vec<u8> {
    let mut stream = store.open(key, start, len).await.unwrap().into_stream();
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(stream.remaining(), 0);
    all
}

/// The stored length of an object; None if it does not exist.
async fn stored_len(store: &blob::Store, key: &blob::ObjectKey) -> Option<u64> {
    match store.open(key, 0, u64::MAX).await {
        Err(blob::OpenError::Truncated { len, .. }) => Some(len),
        Err(blob::OpenError::Missing) => None,
        other => panic!("{other:?}"),
    }
}
