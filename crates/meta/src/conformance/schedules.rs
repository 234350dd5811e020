//! Two nodes on one PostgreSQL run one operation each, and a test decides which of them sends its next statement. All
//! schedules are run that leave a node before it must wait at most [`SWITCHES`] times. Each must end as one of the two orders
//! without such a switch ends: in what the callers are told and in what is left.
//!
//! (Most faults of concurrent programs need at most two such switches: Musuvathi and Qadeer, "Iterative Context Bounding".)

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;

use super::{
    beside::Beside,
    place::{PATIENT, Place, on_postgres},
    replication::{OTHER, places},
    replication_backfill::{configured, prepare, started},
    world::{World, delete_image, digest},
};
use crate::{
    postgres::turns::{At, Turns},
    *,
};

const SWITCHES: usize = 2;
const NAMES: [&str; 2] = ["left", "right"];
/// A node that works for longer may wait for the other one. PostgreSQL is asked whether it does.
const BRIEFLY: Duration = Duration::from_millis(3);

/// What a node does; the text is what its caller is told.
type Act = BoxFuture<'static, String>;

/// Two operations, and the repository that they change.
struct Race {
    repository: RepositoryKey,
    acts: [Act; 2],
}

/// A statement of a schedule.
#[derive(Clone, Copy, Debug)]
struct Sent {
    node: usize,
    /// Whether the other node could have gone on instead.
    is_choice: bool,
}

struct Nodes {
    metas: [Meta; 2],
    turns: [Arc<Turns>; 2],
    beside: Beside,
}

/// How often a node was left that could have gone on.
fn switches(schedule: &[Sent]) -> usize {
    let left = |pair: &[Sent]| pair[0].node != pair[1].node && pair[1].is_choice;
    schedule.windows(2).filter(|pair| left(pair)).count()
}

fn nodes_of(schedule: &[Sent]) -> String {
    schedule.iter().map(|sent| NAMES[sent.node].get(..1).unwrap()).collect()
}

impl Nodes {
    async fn open(world: &World) -> Self {
        let Place::Postgres(url) = world.place() else { panic!("only on PostgreSQL") };
        let turns = [(); 2].map(|()| Arc::new(Turns::new()));
        let open = async |node: usize| {
            let meta = Meta::postgres(&format!("{url} application_name={}", NAMES[node]), PATIENT).await;
            meta.unwrap().with_turns(Arc::clone(&turns[node]))
        };
        let metas = [open(0).await, open(1).await];
        Self { metas, turns, beside: world.beside().await }
    }

    /// Whether a node waits for a row that the other one holds.
    async fn is_blocked(&self, node: usize) -> bool {
        let blocked = format!(
            "SELECT application_name FROM pg_stat_activity WHERE application_name = '{}' AND cardinality(pg_blocking_pids(pid)) > 0",
            NAMES[node]
        );
        !self.beside.texts(&blocked).await.is_empty()
    }

    /// Returns when a node is at its next statement, at its end, or waits for the other one: whether it can go on.
    async fn can_go_on(&self, node: usize) -> bool {
        let begun = Instant::now();
        while tokio::time::timeout(BRIEFLY, self.turns[node].rests()).await.is_err() {
            if self.is_blocked(node).await {
                return false;
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "{} does not go on", NAMES[node]);
        }
        self.turns[node].at() == At::Gate
    }

    /// Runs both acts with a schedule that begins like this, and then leaves no node that can go on.
    async fn run(&self, acts: [Act; 2], begins: &[usize]) -> (Vec<Sent>, [String; 2]) {
        let [left, right] = [0, 1].map(|node| Arc::clone(&self.turns[node]));
        let [first, second] = acts;
        let spawn = |turns: Arc<Turns>, act: Act| {
            turns.begin();
            tokio::spawn(async move {
                let told = act.await;
                turns.end();
                told
            })
        };
        let tasks = [spawn(left, first), spawn(right, second)];
        let mut schedule: Vec<Sent> = Vec::new();
        loop {
            let can = [self.can_go_on(0).await, self.can_go_on(1).await];
            if !can[0] && !can[1] {
                if self.turns.iter().all(|turns| turns.at() == At::End) {
                    break;
                }
                // Each waits for the other: PostgreSQL ends one of them.
                continue;
            }
            let wanted = begins.get(schedule.len()).or(schedule.last().map(|sent| &sent.node)).copied();
            let node = wanted.filter(|node| can[*node]).unwrap_or(usize::from(!can[0]));
            schedule.push(Sent { node, is_choice: can[0] && can[1] });
            self.turns[node].give();
        }
        let [left, right] = tasks;
        (schedule, [left.await.unwrap(), right.await.unwrap()])
    }

    /// What a repository holds, without what differs from run to run.
    async fn contents(&self, repository: RepositoryKey) -> Vec<String> {
        let of = |alias: &str| format!("{alias}.registry = 10 AND {alias}.repository = {}", repository.id);
        let mut rows = Vec::new();
        for sql in [
            format!(
                "SELECT concat_ws(' ', 'repository', image_count, tag_count, policy_version, deleted_at IS NOT NULL) \
                 FROM repository WHERE registry = 10 AND id = {}",
                repository.id
            ),
            format!(
                "SELECT concat_ws(' ', 'image', i.digest::text, i.status, i.tag_count) FROM image i WHERE {} ORDER BY 1",
                of("i")
            ),
            format!(
                "SELECT concat_ws(' ', 'tag', t.name, i.digest::text) FROM tag t LEFT JOIN image i ON {} AND i.id = t.image \
                 WHERE {} ORDER BY 1",
                of("i"),
                of("t")
            ),
            format!(
                "SELECT concat_ws(' ', 'layer', o.id IS NOT NULL, d.object_key IS NOT NULL) FROM blob_link l \
                 LEFT JOIN object o ON o.id = l.object LEFT JOIN doomed d ON d.object_key = o.object_key \
                 WHERE {} ORDER BY 1",
                of("l")
            ),
            format!(
                "SELECT 'an image without a layer' FROM image_blob b LEFT JOIN blob_link l ON l.registry = b.registry \
                 AND l.repository = b.repository AND l.digest = b.digest WHERE {} AND l.digest IS NULL",
                of("b")
            ),
            format!(
                "SELECT 'a replication of an image that is gone' FROM replication p LEFT JOIN image i ON {} \
                 AND i.digest = p.digest WHERE {} AND p.action = 1 AND i.id IS NULL",
                of("i"),
                of("p")
            ),
        ] {
            rows.extend(self.beside.texts(&sql).await);
        }
        rows
    }
}

/// Runs all schedules of a race, each in a repository of its own.
async fn explore(world: World, race: impl AsyncFn(&World, &[Meta; 2], &str) -> Race) {
    let nodes = Nodes::open(&world).await;
    let (mut orders, mut ends, mut begins) = (BTreeSet::new(), Vec::new(), vec![Vec::new()]);
    while let Some(begin) = begins.pop() {
        let Race { repository, acts } = race(&world, &nodes.metas, &format!("app{}", ends.len())).await;
        let (schedule, told) = nodes.run(acts, &begin).await;
        for (at, sent) in schedule.iter().enumerate().skip(begin.len()) {
            let mut other = schedule[..at].to_vec();
            other.push(Sent { node: 1 - sent.node, is_choice: true });
            if sent.is_choice && switches(&other) <= SWITCHES {
                begins.push(other.iter().map(|sent| sent.node).collect());
            }
        }
        assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), [], "{}", nodes_of(&schedule));
        let end = (told, nodes.contents(repository).await);
        if switches(&schedule) == 0 {
            orders.insert(end.clone());
        }
        ends.push((schedule, end));
    }
    for (schedule, end) in &ends {
        assert!(orders.contains(end), "{} ends as no order does: {end:#?}, {orders:#?}", nodes_of(schedule));
    }
    assert!(ends.len() > 10, "the nodes meet in {} schedules only", ends.len());
}

type Outcome<O> = Result<<O as Operation>::Output, OpError<<O as Operation>::Refusal>>;

/// An act of one write, told by this.
fn write<O: Operation + 'static>(meta: &Meta, operation: O, tell: fn(Outcome<O>) -> String) -> Act
where
    O::Output: Send,
    O::Refusal: Send,
{
    let meta = meta.clone();
    Box::pin(async move { tell(meta.write(operation).await) })
}

fn put_told(put: Result<PutImageOutcome, OpError<PutImageRefusal>>) -> String {
    put.map_or_else(
        |error| format!("{error:?}"),
        |put| format!("put: new {}, {} tags moved", put.created, put.tags_moved.len()),
    )
}

fn delete_told(deleted: Result<Vec<DeleteOutcome>, OpError<RepositoryGone>>) -> String {
    let is_removed = |outcome: &DeleteOutcome| matches!(outcome, DeleteOutcome::Removed(_));
    deleted.map_or_else(
        |error| format!("{error:?}"),
        |outcomes| format!("removed {:?}", outcomes.iter().map(is_removed).collect::<Vec<_>>()),
    )
}

fn deleted_repository_told(deleted: Result<RepositoryRow, OpError<DeleteRepositoryRefusal>>) -> String {
    deleted.map_or_else(|error| format!("{error:?}"), |_| "deleted".to_owned())
}

/// A push of an image with this layer.
fn push(world: &World, repository: RepositoryKey, layer: &str, tag: &str) -> PutImage {
    PutImage { blobs: vec![digest(layer)], ..world.image(repository, "m", &[tag]) }
}

#[test]
fn a_push_and_a_deletion_of_one_image_are_in_some_order() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            world.blob(repository, name).await;
            world.meta.write(push(world, repository, name, "v1")).await.unwrap();
            let put = write(left, push(world, repository, name, "v2"), put_told);
            let delete = BatchDeleteImage { at: Micros(world.id()), ..delete_image(repository, "m") };
            Race { repository, acts: [put, write(right, delete, delete_told)] }
        })
        .await;
    });
}

#[test]
fn two_moves_of_one_tag_are_in_some_order() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            world.put(repository, "first", &["v1"]).await;
            let one = write(left, world.image(repository, "one", &["v1"]), put_told);
            let two = write(right, world.image(repository, "two", &["v1", "v2"]), put_told);
            Race { repository, acts: [one, two] }
        })
        .await;
    });
}

#[test]
fn a_push_and_the_deletion_of_its_repository_are_in_some_order() {
    for force in [false, true] {
        on_postgres(async |world| {
            explore(world, async |world, [left, right], name| {
                let repository = world.repository(name).await;
                world.blob(repository, name).await;
                let put = write(left, push(world, repository, name, "v1"), put_told);
                let delete = DeleteRepository { repository, force, at: Micros(world.id()) };
                Race { repository, acts: [put, write(right, delete, deleted_repository_told)] }
            })
            .await;
        });
    }
}

#[test]
fn a_pull_sees_a_policy_whole_or_not_at_all() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            world.put(repository, "m", &["v1"]).await;
            let document = Some("{}".to_owned());
            let set = SetRepositoryPolicy { repository, document, at: Micros(world.id()) };
            let set = write(left, set, |set| format!("{:?}", set.is_ok()));
            let (right, ask) = (right.clone(), super::resolve::ask(name, Target::Tag("v1".parse().unwrap())));
            let pull = async move {
                // As the gate does: the version that decides, and then the policy if it does not have that version yet.
                let resolved = right.resolve(ask).await.unwrap();
                let version = resolved.basis.repository.as_ref().unwrap().policy_version;
                let policy = right.read(LoadRepositoryPolicy { repository }).await.unwrap();
                assert!(resolved.image().is_some() && policy.version >= version);
                format!("version {}, a document {}", policy.version, policy.document.is_some())
            };
            Race { repository, acts: [set, Box::pin(pull)] }
        })
        .await;
    });
}

#[test]
fn a_push_of_a_layer_and_the_end_of_its_link_are_in_some_order() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            world.blob(repository, name).await;
            let (upload, cutoff) = (world.upload(repository).await, Micros(world.id()));
            let complete = write(left, world.complete(&upload, name), |done| {
                format!("{:?}", done.map(|done| done.was_duplicate))
            });
            let collector = right.clone();
            let collect = async move {
                let due = collector.read(DueLinkReviews { cutoff, limit: 10_000 }).await.unwrap();
                let reviews = due.into_iter().filter(|review| review.repository == repository).collect();
                collector.write(CollectLinks { repository, reviews, cutoff }).await.map(drop).unwrap();
                String::new()
            };
            Race { repository, acts: [complete, Box::pin(collect)] }
        })
        .await;
    });
}

#[test]
fn a_push_of_a_layer_and_the_end_of_its_bytes_are_in_some_order() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            let layer = world.blob(repository, name).await;
            let unlink = UnlinkBlob { repository, digest: layer, at: Micros(world.id()) };
            world.meta.write(unlink).await.unwrap();
            let (upload, cutoff) = (world.upload(repository).await, Micros(world.id()));
            let complete = write(left, world.complete(&upload, name), |done| {
                format!("{:?}", done.map(|done| done.was_duplicate))
            });
            let (collector, at) = (right.clone(), Micros(world.id()));
            let collect = async move {
                let reviews = collector.read(DueObjectReviews { cutoff, limit: 10_000 }).await.unwrap();
                collector.write(CollectObjects { reviews, at }).await.map(drop).unwrap();
                String::new()
            };
            Race { repository, acts: [complete, Box::pin(collect)] }
        })
        .await;
    });
}

#[test]
fn the_end_of_a_backfill_and_a_deletion_are_in_some_order() {
    on_postgres(async |world| {
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(&format!("team/{name}")).await;
            world.put(repository, "m", &["v1"]).await;
            configured(world, &["eu-west-1"]).await;
            let id = started(world, "eu-west-1").await;
            prepare(world, &id, 10).await;
            let (ended, at) = (vec![(0, None)], Micros(world.id()));
            let end = EndBackfillItems { id, ended, failure: None, is_at_peer: true, at };
            let end = write(left, end, |end| format!("{end:?}"));
            let delete = BatchDeleteImage { at, ..delete_image(repository, "m") };
            // What is pushed later is not queued.
            configured(world, &[]).await;
            Race { repository, acts: [end, write(right, delete, delete_told)] }
        })
        .await;
    });
}

#[test]
fn a_replication_and_a_deletion_at_the_source_are_in_some_order() {
    on_postgres(async |world| {
        world.registry_in("us-west-2", OTHER).await;
        explore(world, async |world, [left, right], name| {
            let repository = world.repository(name).await;
            world.put(repository, "m", &["v1"]).await;
            let there = CreateRepository { registry: OTHER, ..world.new_repository(name) };
            let there = world.meta.write(there).await.unwrap().key;
            let tag = Some("v1".parse().unwrap());
            let key = ReplicationKey { source: repository, digest: digest("m"), tag, destination: 500 };
            let replicate = ReplicateImage {
                put: world.image(there, "m", &["v1"]),
                source: ReplicaSource::Here(repository),
                item: Some((key, None)),
                places: places(),
            };
            let replicate = write(left, replicate, |put| match put {
                Ok(put) => format!("{} tags arrived", put.tags_moved.len()),
                Err(error) => format!("{error:?}"),
            });
            let delete = BatchDeleteImage { at: Micros(world.id()), ..delete_image(repository, "m") };
            Race { repository, acts: [replicate, write(right, delete, delete_told)] }
        })
        .await;
    });
}
