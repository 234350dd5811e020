//! A policy changes thousands of times a second while its user pulls. No pull is decided by a policy that was gone
//! before the pull began.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use access::context::{Caller, RepositoryRef};
use access::error::Code;
use oci::name::Reference;

use crate::world::{World, ctx};

/// How many policies take turns: each allows one repository.
const POLICIES: u64 = 8;
const TIME: Duration = Duration::from_millis(2_500);

/// Of the policies, in the order in which they are written.
#[derive(Default)]
struct Written {
    /// The newest one whose writing has begun.
    begun: AtomicU64,
    /// The newest one whose writing was answered.
    answered: AtomicU64,
}

/// What the pulls of one client showed.
#[derive(Default)]
struct Seen {
    allowed: u64,
    denied: u64,
}

fn statement(number: u64) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":"ecr:BatchGetImage",
            "Resource":"arn:aws:ecr:eu-west-1:123456789012:repository/r{}"}}"#,
        number % POLICIES
    )
}

/// Pulls from the repository of the newest policy, and from that of the policy before it.
async fn pulls(
    world: &World,
    reader: &Arc<Caller>,
    repositories: &[RepositoryRef],
    written: &Written,
) -> Seen {
    let mut seen = Seen::default();
    let latest = Reference::Tag("latest".parse().unwrap());
    let end = Instant::now() + TIME;
    let mut back = 0;
    while Instant::now() < end {
        back = 1 - back;
        let answered = written.answered.load(Ordering::Acquire);
        let repository = (answered + POLICIES - back) % POLICIES;
        let app = &repositories[usize::try_from(repository).unwrap()];
        let pulled = world.rules.registry.get_manifest(&ctx(reader), app, &latest).await;
        let mut decided_by = answered..=written.begun.load(Ordering::Acquire);
        match pulled {
            Ok(_) => {
                assert!(
                    decided_by.any(|policy| policy % POLICIES == repository),
                    "{repository} {decided_by:?}"
                );
                seen.allowed += 1;
            }
            Err(error) => {
                assert_eq!(error.code, Code::AccessDenied);
                assert!(
                    decided_by.any(|policy| policy % POLICIES != repository),
                    "{repository} {decided_by:?}"
                );
                seen.denied += 1;
            }
        }
    }
    seen
}

/// Writes one policy after the other, on a thread of its own. After some of them it pauses, so some pulls find what
/// they need in memory.
async fn flip(world: &World, reader: &Arc<Caller>, written: &Written) -> u64 {
    let end = Instant::now() + TIME;
    let mut number = 0;
    while Instant::now() < end {
        number += 1;
        written.begun.store(number, Ordering::Release);
        world.set_policy(&reader.unique_id, &statement(number)).await;
        written.answered.store(number, Ordering::Release);
        if number.is_multiple_of(6) {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
    number
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_pull_is_decided_by_a_policy_that_was_gone() {
    // In memory if possible: there a commit does not wait for a disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    // To compare answers with the store would take the time in which they become outdated.
    let options = meta::SqliteOptions { verifies_kept: false, ..meta::SqliteOptions::default() };
    let world = Arc::new(World::in_folder(folder, options).await);
    let mut repositories = Vec::new();
    for number in 0..POLICIES {
        let app = world.create(&format!("r{number}")).await;
        world.push(&app, "latest", b"{}").await.unwrap();
        repositories.push(app);
    }
    let reader = world.user("reader", &statement(0)).await;
    let (written, repositories) = (Arc::new(Written::default()), Arc::new(repositories));
    let before = world.meta.reads();
    let clients: Vec<_> = (0..2)
        .map(|_| {
            let (world, reader) = (Arc::clone(&world), Arc::clone(&reader));
            let (written, repositories) = (Arc::clone(&written), Arc::clone(&repositories));
            tokio::spawn(async move { pulls(&world, &reader, &repositories, &written).await })
        })
        .collect();
    let runtime = tokio::runtime::Handle::current();
    let writer = {
        let (world, written) = (Arc::clone(&world), Arc::clone(&written));
        tokio::task::spawn_blocking(move || runtime.block_on(flip(&world, &reader, &written)))
    };
    let flips = writer.await.unwrap();
    let mut seen = Seen::default();
    for client in clients {
        let of_client = client.await.unwrap();
        seen.allowed += of_client.allowed;
        seen.denied += of_client.denied;
    }
    let reads = world.meta.reads() - before;
    assert!(flips > 500 && seen.allowed > 500 && seen.denied > 500);
    assert!(reads < seen.allowed + seen.denied, "some were decided from memory: {reads} reads");
}
