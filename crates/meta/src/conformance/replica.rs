//! Lists come from a standby that has everything that was acknowledged, and from the primary otherwise.

use std::time::Duration;

use super::{
    beside::Beside,
    cluster::Cluster,
    place::{Place, REPLICATED, on_postgres_with_standbys, on_replicated_postgres},
    world::{World, tag},
};
use crate::*;

/// The store with a standby for lists, which waits this long for it.
fn with_replica(world: &World, standby: &Cluster, wait: Duration) -> Meta {
    let url = standby.url(REPLICATED);
    world.meta.clone().with_replica(&PostgresReplica { url, wait }).unwrap()
}

async fn tags(meta: &Meta, repository: RepositoryKey) -> usize {
    meta.read(ListTags { repository, after: None, limit: 1000 }).await.unwrap().len()
}

async fn on_standby(standby: &Cluster, sql: &str) {
    Beside::open(&Place::Postgres(standby.url(REPLICATED))).await.run(sql).await.unwrap();
}

const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_list_has_what_was_acknowledged_before() {
    on_replicated_postgres(|world, standby| async move {
        let repository = world.repository("app").await;
        let meta = with_replica(&world, &standby, PATIENT);
        for number in 0..40 {
            // Another node writes.
            world.put(repository, &number.to_string(), &[&format!("t{number}")]).await;
            assert_eq!(tags(&meta, repository).await, number + 1);
        }
        assert_eq!(meta.replica_reads(), 40);
        let target = Target::Tag(tag("t1"));
        assert!(meta.resolve(super::resolve::ask("app", target)).await.unwrap().image().is_some());
        assert_eq!(meta.replica_reads(), 40, "a pull does not ask the standby");
    });
}

#[test]
fn the_primary_answers_for_a_standby_that_is_behind() {
    on_replicated_postgres(|world, standby| async move {
        let repository = world.repository("app").await;
        assert_eq!(tags(&with_replica(&world, &standby, PATIENT), repository).await, 0);
        on_standby(&standby, "SELECT pg_wal_replay_pause()").await;
        world.put(repository, "m", &["v1"]).await;
        let meta = with_replica(&world, &standby, SHORT);
        assert_eq!(tags(&meta, repository).await, 1);
        let began = std::time::Instant::now();
        for _ in 0..20 {
            assert_eq!(tags(&meta, repository).await, 1);
        }
        assert!(began.elapsed() < 20 * SHORT, "it waits for a standby that rests");
        assert_eq!(meta.replica_reads(), 0);
        on_standby(&standby, "SELECT pg_wal_replay_resume()").await;
        let meta = with_replica(&world, &standby, PATIENT);
        assert_eq!((tags(&meta, repository).await, meta.replica_reads()), (1, 1));
    });
}

#[test]
fn the_primary_answers_for_what_is_no_standby_of_it() {
    on_replicated_postgres(|world, standby| async move {
        let repository = world.repository("app").await;
        world.put(repository, "m", &["v1"]).await;
        let other = Cluster::start(false).unwrap();
        other.database(REPLICATED, super::cluster::EMPTY).await.unwrap();
        on_standby(&standby, "SELECT pg_promote()").await;
        for server in [&standby, &other] {
            let meta = with_replica(&world, server, PATIENT);
            assert_eq!((tags(&meta, repository).await, meta.replica_reads()), (1, 0));
        }
        let meta = with_replica(&world, &other, SHORT);
        drop((standby, other));
        assert_eq!((tags(&meta, repository).await, meta.replica_reads()), (1, 0), "nobody is there");
    });
}

#[test]
fn a_standby_of_a_former_timeline_is_not_asked() {
    on_postgres_with_standbys(|world, [promoted, standby]| async move {
        let repository = world.repository("app").await;
        let there = with_replica(&world, &promoted, PATIENT);
        assert_eq!((tags(&there, repository).await, there.replica_reads()), (0, 1));
        on_standby(&promoted, "SELECT pg_promote()").await;
        // What the former primary still writes does not count any more, and brings its standby further in the log.
        for number in 0..40 {
            world.put(repository, &number.to_string(), &[&format!("t{number}")]).await;
        }
        let former = with_replica(&world, &standby, PATIENT);
        assert_eq!((tags(&former, repository).await, former.replica_reads()), (40, 1));
        let primary = Meta::postgres(&promoted.url(REPLICATED), PostgresOptions::default()).await.unwrap();
        let replica = PostgresReplica { url: standby.url(REPLICATED), wait: SHORT };
        let now = primary.with_replica(&replica).unwrap();
        assert_eq!((tags(&now, repository).await, now.replica_reads()), (0, 0));
    });
}
