//! What every store must do, written once for [`blob::Store`]. A new store is one more line at the end of this file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stderr,
    reason = "a failed test is allowed to panic"
)]

mod append;
mod bucket;
mod crash;
mod faults;
mod multipart;
mod read;
mod settings;
mod slow_uploads;
mod vault;

use std::path::Path;

use blob::{ObjectKey, Stage, Store};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use oci::digest::{Algorithm, Digest};

/// Where a store keeps its objects. A test can open it several times, like a process that restarts.
struct Place {
    folder: tempfile::TempDir,
    open: fn(&Path) -> Store,
}

impl Place {
    fn new(open: fn(&Path) -> Store) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { folder, open }
    }

    fn open(&self) -> Store {
        (self.open)(self.folder.path())
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the body broke")]
struct BodyBroke;

/// A body in chunks of 1,000 bytes.
fn body(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, BodyBroke>> + Unpin + Send + use<> {
    let chunks: Vec<_> = bytes.chunks(1_000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    futures::stream::iter(chunks)
}

/// Bytes that depend on the seed and the position.
fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8) ^ seed).collect()
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// The stage for the next request: saved into the upload's row and read from it.
fn through_the_row(store: &Store, stage: &Stage) -> Stage {
    let saved = stage.save().unwrap();
    assert!(saved.len() <= blob::MAX_STAGE_BYTES);
    store.resume(Algorithm::Sha256, stage.offset(), Some(&saved)).unwrap()
}

/// An object whose upload is complete.
async fn stored(store: &Store, bytes: &[u8]) -> ObjectKey {
    let key = ObjectKey::random();
    let stage = store.begin(Algorithm::Sha256);
    let appended = store.append(&key, stage, &mut body(bytes), None).await.unwrap();
    store.finish(&key, &appended.stage).await.unwrap();
    key
}

/// All bytes of a part of an object.
async fn read(store: &Store, key: &ObjectKey, start: u64, len: u64) -> Vec<u8> {
    let mut stream = store.open(key, start, len).await.unwrap().into_stream();
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all
}

/// Runs every case on one store.
macro_rules! suite {
    ($store:ident, $server:expr, $open:expr) => {
        suite!(@cases $store, $server, $open,
            append::an_upload_goes_on_through_its_row,
            append::an_upload_goes_on_after_a_cut,
            append::an_upload_goes_on_after_a_new_start,
            append::bytes_behind_the_stage_do_not_count,
            append::an_empty_blob_can_be_read,
            append::a_finish_can_be_repeated,
            append::a_body_over_the_limit_is_refused,
            append::a_stage_without_its_bytes_is_refused,
            append::a_concurrent_append_is_refused,
            append::a_wrong_digest_shows_in_the_stage,
            read::any_range_can_be_read,
            read::what_is_missing_or_short_is_an_error,
            read::another_algorithm_reads_the_bytes_again,
            read::a_deleted_object_is_gone,
        );
    };
    (@cases $store:ident, $server:expr, $open:expr, $($file:ident::$case:ident,)+) => {
        mod $store {
            fn is_there() -> bool {
                $server.inspect_err(|reason| eprintln!("not tested: {reason}")).is_ok()
            }

            $(
                #[tokio::test]
                async fn $case() {
                    if !is_there() {
                        return;
                    }
                    super::$file::$case(super::Place::new($open)).await;
                }
            )+

            #[test]
            fn a_crash_at_any_fault_point_loses_nothing() {
                const NAME: &str = concat!(stringify!($store), "::a_crash_at_any_fault_point_loses_nothing");
                if is_there() {
                    super::crash::at_any_point(NAME, $open, &super::crash::$store);
                }
            }
        }
    };
}

suite!(disk, Ok::<_, String>(()), |folder| blob::Store::disk(
    folder.join("blobs"),
    blob::DiskOptions::default()
)
.unwrap());
suite!(s3, testkit::s3_server::address(), super::bucket::open);
