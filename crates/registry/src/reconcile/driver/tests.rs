//! The driver with reconcilers for tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use access::reconcilers::{DELIVER_EVENTS, EXPIRE_UPLOADS, NAMES, REPLICATE_TO_PEERS, SWEEP_OBJECTS};
use access::settings::{Dialler, Limits, MasterKey, PublicAddress, Settings};
use futures::future::BoxFuture;

use super::*;

/// Works through a backlog, one thing in a pass; fails while there is a failure left.
#[derive(Clone, Default)]
struct Backlog {
    left: Arc<AtomicUsize>,
    failures: Arc<AtomicUsize>,
    passes: Arc<AtomicUsize>,
}

fn take(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Reconciler for Backlog {
    fn name(&self) -> &'static str {
        SWEEP_OBJECTS
    }

    fn interval(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn pass(&self, _now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move {
            self.passes.fetch_add(1, Ordering::SeqCst);
            if take(&self.failures) {
                return Err(Error::internal(std::io::Error::other("the disk is slow")));
            }
            let done = usize::from(take(&self.left));
            Ok(Pass { done, has_more: self.left.load(Ordering::SeqCst) > 0 })
        })
    }
}

async fn access() -> (tempfile::TempDir, Arc<Access>) {
    let folder = tempfile::tempdir().unwrap();
    let options = meta::SqliteOptions::default();
    let store = meta::Meta::sqlite(folder.path().join("wharf.db"), options).await.unwrap();
    let settings = Settings {
        address: PublicAddress {
            scheme: "http",
            suffix: None,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: 5100,
        },
        default_region: "us-east-1".parse().unwrap(),
        limits: Limits::default(),
        rates: access::rate::Rates::default(),
        storage_quotas: Vec::new(),
        vpc_endpoints: Vec::new(),
        event_sinks: Vec::new(),
        dialler: Dialler::new(|_| false),
        peers: access::settings::Peers::default(),
        pull_through_cache: access::settings::PullThroughCache::new(access::settings::Dialler::new(|_| {
            false
        })),
        master_key: MasterKey::new([7; 32]),
        backup: None,
    };
    (folder, Access::open(settings, store).await.unwrap())
}

async fn state(access: &Access) -> ReconcilerState {
    access.reconcilers().await.unwrap().into_iter().find(|state| state.name == SWEEP_OBJECTS).unwrap()
}

#[tokio::test]
async fn a_pass_that_left_work_is_followed_by_another() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    work.left.store(3, Ordering::SeqCst);
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(work.clone())]);
    assert!(driver.round(false).await.unwrap() < Duration::from_secs(1));
    assert!(state(&access).await.has_more);
    for _ in 0..100 {
        let rest = driver.round(false).await.unwrap();
        if !state(&access).await.has_more {
            break;
        }
        tokio::time::sleep(rest).await;
    }
    assert_eq!(work.passes.load(Ordering::SeqCst), 3);
    let ended = state(&access).await;
    let rest = ended.next_run_at.0 - ended.ended_at.0;
    assert!((3_600_000_000..=3_960_000_000).contains(&rest), "an hour and up to a tenth more: {rest}");
    driver.round(false).await.unwrap();
    assert_eq!(work.passes.load(Ordering::SeqCst), 3, "it is not due");
}

#[tokio::test]
async fn a_failed_pass_is_reported_and_retried() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    work.failures.store(1, Ordering::SeqCst);
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(work.clone())]);
    driver.round(false).await.unwrap();
    let failed = state(&access).await;
    assert_eq!(failed.error.as_deref(), Some("the disk is slow"));
    assert_eq!(failed.next_run_at.0 - failed.ended_at.0, 30_000_000);
    access.request_reconciler(SWEEP_OBJECTS, Timestamp::now()).await.unwrap();
    driver.round(false).await.unwrap();
    assert_eq!(state(&access).await.error, None);
}

#[tokio::test]
async fn a_pass_that_failed_is_traced_and_an_idle_one_is_not() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    let (tracer, mut queue) = Tracer::new(trace::Sampling { ratio: 1.0, follows_clients: true });
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(work.clone())]).traced(tracer);
    driver.round(false).await.unwrap();
    assert!(queue.rest(10).is_empty());
    work.failures.store(1, Ordering::SeqCst);
    access.request_reconciler(SWEEP_OBJECTS, Timestamp::now()).await.unwrap();
    driver.round(false).await.unwrap();
    let spans = queue.rest(10);
    let shown = format!("{spans:?}");
    assert_eq!(spans.len(), 1, "{shown}");
    assert!(shown.contains("has_failed: true") && !shown.contains("the disk is slow"), "{shown}");
}

struct Broken;

impl Reconciler for Broken {
    fn name(&self) -> &'static str {
        EXPIRE_UPLOADS
    }

    fn interval(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn pass(&self, _now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async { panic!("made for the test") })
    }
}

#[tokio::test]
async fn a_pass_that_panics_does_not_stop_the_others() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(Broken), Box::new(work.clone())]);
    driver.round(false).await.unwrap();
    assert_eq!(work.passes.load(Ordering::SeqCst), 1);
    let states = access.reconcilers().await.unwrap();
    let broken = states.iter().find(|state| state.name == EXPIRE_UPLOADS).unwrap();
    assert_eq!(broken.error.as_deref(), Some("the pass panicked"));
}

#[tokio::test]
async fn a_requested_run_wakes_the_driver() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(work.clone())]);
    driver.round(false).await.unwrap();
    let running = tokio::spawn(async move { driver.run().await });
    access.request_reconciler(SWEEP_OBJECTS, Timestamp::now()).await.unwrap();
    let began = Instant::now();
    while work.passes.load(Ordering::SeqCst) < 2 {
        assert!(began.elapsed() < Duration::from_secs(4), "it did not wait for its time to look");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.abort();
}

#[tokio::test]
async fn a_reconciler_that_runs_on_another_node_is_not_started() {
    let (_folder, access) = access().await;
    let now = Timestamp::now();
    assert!(
        access.claim_reconciler(SWEEP_OBJECTS, "another", false, (now, later(now, LEASE))).await.unwrap()
    );
    let work = Backlog::default();
    let driver = Driver::of(Arc::clone(&access), vec![Box::new(work.clone())]);
    let rest = driver.round(false).await.unwrap();
    assert_eq!(work.passes.load(Ordering::SeqCst), 0);
    assert!(rest > Duration::from_secs(4), "it does not ask again and again: {rest:?}");
}

/// Takes its time.
struct Slow;

impl Reconciler for Slow {
    fn name(&self) -> &'static str {
        SWEEP_OBJECTS
    }

    fn interval(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn pass(&self, _now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(Pass { done: 1, has_more: false })
        })
    }
}

#[tokio::test]
async fn a_long_pass_keeps_its_lease() {
    let (_folder, access) = access().await;
    let mut driver = Driver::of(Arc::clone(&access), vec![Box::new(Slow)]);
    driver.lease = Duration::from_secs(1);
    let others = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = Timestamp::now();
        access.claim_reconciler(SWEEP_OBJECTS, "another", false, (now, later(now, LEASE))).await.unwrap()
    };
    let (round, is_taken) = tokio::join!(driver.round(false), others);
    round.unwrap();
    assert!(!is_taken);
    assert_eq!(state(&access).await.done, 1);
}

#[tokio::test]
async fn a_pass_that_lost_its_lease_is_dropped() {
    let (_folder, access) = access().await;
    let mut driver = Driver::of(Arc::clone(&access), vec![Box::new(Slow)]);
    driver.lease = Duration::from_secs(4);
    let others = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (now, holder) = (later(Timestamp::now(), Duration::from_secs(5)), "another");
        assert!(
            access.claim_reconciler(SWEEP_OBJECTS, holder, false, (now, later(now, LEASE))).await.unwrap()
        );
    };
    let began = Instant::now();
    let (round, ()) = tokio::join!(driver.round(false), others);
    round.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "it did not work to its end");
    let taken = state(&access).await;
    assert_eq!((taken.holder.as_str(), taken.done, taken.ended_at), ("another", 0, Micros(0)));
}

#[tokio::test]
async fn work_that_came_is_not_left_until_the_next_time() {
    let (_folder, access) = access().await;
    let work = Backlog::default();
    let driver = Driver::of_events(Arc::clone(&access), Box::new(work.clone()));
    for (is_woken, passes) in [(false, 1), (false, 1), (true, 2), (false, 2)] {
        driver.round(is_woken).await.unwrap();
        assert_eq!(work.passes.load(Ordering::SeqCst), passes, "{is_woken}");
    }
    let now = Timestamp::now();
    let taken = access.claim_reconciler(SWEEP_OBJECTS, "another", true, (now, later(now, LEASE)));
    assert!(taken.await.unwrap());
    driver.round(true).await.unwrap();
    assert_eq!(work.passes.load(Ordering::SeqCst), 2, "another node runs it");
}

#[tokio::test]
async fn every_reconciler_has_a_name_of_the_list() {
    let (folder, access) = access().await;
    let blobs = ::blob::Store::disk(folder.path().join("blobs"), ::blob::DiskOptions::default()).unwrap();
    let registry = Registry::new(access, blobs);
    let mut names: Vec<_> = all(&registry).iter().map(|reconciler| reconciler.name()).collect();
    // They have drivers of their own.
    names.extend([DELIVER_EVENTS, REPLICATE_TO_PEERS]);
    names.sort_unstable();
    assert_eq!(names, NAMES);
    let refused = Driver::new(&registry).run_now("sweep").await.unwrap_err();
    assert!(refused.message.contains("There is no reconciler named 'sweep'"), "{}", refused.message);
}
