//! Many slow uploads at once: what the store holds of them is charged before it is held, and others go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use blob::{AppendError, Held, Memory, ObjectKey, is_unavailable};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use oci::digest::Algorithm;
use testkit::s3_server;
use tokio::sync::mpsc;

use super::bucket::PART_BYTES;
use super::{BodyBroke, Place, body, bucket, bytes, digest, read};

/// An account with a limit. It counts what is held.
#[derive(Clone)]
struct Account {
    most: u64,
    held: Arc<AtomicU64>,
    highest: Arc<AtomicU64>,
}

struct Charge(Arc<AtomicU64>, u64);

impl Drop for Charge {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

impl Account {
    fn new(most: u64) -> Self {
        Self { most, held: Arc::default(), highest: Arc::default() }
    }

    fn charge(&self, bytes: u64) -> Option<Charge> {
        let add = |held: u64| Some(held + bytes).filter(|sum| *sum <= self.most);
        let before = self.held.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).ok()?;
        self.highest.fetch_max(before + bytes, Ordering::SeqCst);
        Some(Charge(Arc::clone(&self.held), bytes))
    }
}

impl Memory for Account {
    fn take(&self, bytes: u64) -> BoxFuture<'_, Option<Held>> {
        async move {
            for _ in 0..200 {
                if let Some(charge) = self.charge(bytes) {
                    return Some(Box::new(charge) as Held);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            None
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_hold_only_what_is_charged() {
    const UPLOADS: usize = 30;
    if s3_server::address().is_err() {
        return eprintln!("not tested: there is no server");
    }
    let place = Place::new(bucket::open);
    let store = place.open();
    let account = Account::new(3 * PART_BYTES as u64);
    let charged = store.charged_to(Arc::new(account.clone()));
    let senders = Arc::new(Mutex::new(Vec::new()));
    let mut uploads = Vec::new();
    for at in 0..UPLOADS {
        let (send, mut receive) = mpsc::channel::<Result<Bytes, BodyBroke>>(1);
        senders.lock().unwrap().push(send.clone());
        let charged = charged.clone();
        uploads.push(tokio::spawn(async move {
            let mut slow = futures::stream::poll_fn(move |cx| receive.poll_recv(cx));
            let begin = charged.begin(Algorithm::Sha256);
            charged.append(&ObjectKey::random(), begin, &mut slow, None).await.map(|done| done.written)
        }));
        // Each sends 1 MB and then nothing more.
        tokio::spawn(async move {
            for _ in 0..20 {
                if send.send(Ok(bytes(50_000, at as u8).into())).await.is_err() {
                    return;
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    let highest = account.highest.load(Ordering::SeqCst);
    assert!(highest <= account.most && highest > account.most / 2, "{highest}");
    // Another client has an account of its own.
    let other = store.charged_to(Arc::new(Account::new(PART_BYTES as u64)));
    let (key, all) = (ObjectKey::random(), bytes(2 * PART_BYTES, 1));
    let mut body = body(&all);
    let fast = other.append(&key, other.begin(Algorithm::Sha256), &mut body, None);
    let appended = tokio::time::timeout(Duration::from_secs(20), fast).await.unwrap().unwrap();
    assert_eq!(appended.stage.digest(), digest(&all));
    other.finish(&key, &appended.stage).await.unwrap();
    assert!(read(&store, &key, 0, all.len() as u64).await == all);
    // Those that had no memory in time have an error. The others end when their clients do.
    senders.lock().unwrap().clear();
    let (mut done, mut refused) = (0, 0);
    for upload in uploads {
        match upload.await.unwrap() {
            Ok(1_000_000) => done += 1,
            Err(AppendError::Io(error)) if is_unavailable(&error) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    eprintln!("{done} were stored, {refused} were refused; at most {highest} bytes were held");
    assert!(done > 0);
    assert_eq!(account.held.load(Ordering::SeqCst), 0, "everything is released");
}
