//! Backfills: one to a Region, prepared in slices, and over when its images are, or when too many failed.

use super::world::{ACCOUNT, World, delete_image, digest, refusal};
use crate::*;

pub(super) async fn configured(world: &World, regions: &[&str]) {
    let route = |region: &&str| ReplicationRoute {
        id_if_new: world.id(),
        account_id: ACCOUNT.parse().unwrap(),
        region: region.parse().unwrap(),
        prefix: "team/".to_owned(),
        deletes: false,
    };
    let routes = regions.iter().map(route).collect();
    let (registry, rules, at) = (world.registry, "[]".to_owned(), Micros(1));
    world.meta.write(PutReplicationConfiguration { registry, rules, routes, at }).await.unwrap();
}

fn start(world: &World, region: &str) -> StartReplicationBackfill {
    StartReplicationBackfill {
        id: format!("backfill-{region}-{}", world.id()),
        registry: world.registry,
        account_id: ACCOUNT.parse().unwrap(),
        region: region.parse().unwrap(),
        limit: 2,
        at: Micros(world.id()),
    }
}

pub(super) async fn started(world: &World, region: &str) -> String {
    world.meta.write(start(world, region)).await.unwrap().id
}

pub(super) async fn prepare(world: &World, id: &str, limit: usize) -> usize {
    let mut slices = 0;
    loop {
        let prepare = PrepareBackfill { id: id.to_owned(), limit, at: Micros(9) };
        if world.meta.write(prepare).await.unwrap() {
            return slices;
        }
        slices += 1;
    }
}

async fn find(world: &World, id: &str) -> ReplicationBackfillRow {
    let find = FindReplicationBackfill { registry: world.registry, id: id.to_owned() };
    world.meta.read(find).await.unwrap().unwrap()
}

async fn items(world: &World, id: &str, status: Option<BackfillItemStatus>) -> Vec<BackfillItem> {
    let list = ListBackfillItems { id: id.to_owned(), status, after: -1, limit: 1_000 };
    world.meta.read(list).await.unwrap()
}

async fn end(world: &World, id: &str, ended: Vec<(i64, Option<String>)>) -> BackfillStatus {
    end_at(world, id, ended, false).await
}

async fn end_at(
    world: &World,
    id: &str,
    ended: Vec<(i64, Option<String>)>,
    is_at_peer: bool,
) -> BackfillStatus {
    let end = EndBackfillItems { id: id.to_owned(), ended, failure: None, is_at_peer, at: Micros(77) };
    world.meta.write(end).await.unwrap()
}

pub(super) async fn one_is_in_progress_to_a_region(world: World) {
    let not_there = refusal(world.meta.write(start(&world, "eu-west-1")).await);
    assert_eq!(not_there, StartReplicationBackfillRefusal::NotConfigured);
    configured(&world, &["eu-west-1", "eu-west-2", "eu-west-3"]).await;
    let first = start(&world, "eu-west-1");
    let row = world.meta.write(first.clone()).await.unwrap();
    assert_eq!((row.status, row.total), (BackfillStatus::Preparing, None));
    assert_eq!(world.meta.write(first).await.unwrap(), row, "the same request again");
    let second = refusal(world.meta.write(start(&world, "eu-west-1")).await);
    assert_eq!(second, StartReplicationBackfillRefusal::InProgress);
    let second = started(&world, "eu-west-2").await;
    let page = async |after: Option<&ReplicationBackfillRow>| {
        let after = after.map(|row| (row.started_at, row.id.clone()));
        world.meta.read(ListOpenBackfills { after, limit: 1 }).await.unwrap()
    };
    let (first_page, second_page) = (page(None).await, page(Some(&row)).await);
    assert_eq!((&first_page[0].id, &second_page[0].id), (&row.id, &second));
    assert_eq!(page(Some(&second_page[0])).await, []);
    let third = refusal(world.meta.write(start(&world, "eu-west-3")).await);
    assert_eq!(third, StartReplicationBackfillRefusal::Limit);
    let stop = |id: String| StopReplicationBackfill { registry: world.registry, id, at: Micros(9) };
    let stopped = world.meta.write(stop(row.id.clone())).await.unwrap();
    assert_eq!(stopped.status, BackfillStatus::Stopped);
    let again = refusal(world.meta.write(stop(row.id)).await);
    assert_eq!(again, StopReplicationBackfillRefusal::Status(BackfillStatus::Stopped));
    let unknown = refusal(world.meta.write(stop("unknown".to_owned())).await);
    assert_eq!(unknown, StopReplicationBackfillRefusal::NotFound);
    started(&world, "eu-west-1").await;
    let list = ListReplicationBackfills { registry: world.registry, before: None, limit: 2 };
    let page = world.meta.read(list.clone()).await.unwrap();
    let before = Some((page[1].started_at, page[1].id.clone()));
    let rest = world.meta.read(ListReplicationBackfills { before, ..list }).await.unwrap();
    assert_eq!((page.len(), rest.len()), (2, 1));
    assert!(page[0].started_at > page[1].started_at && page[1].started_at > rest[0].started_at);
}

pub(super) async fn images_are_read_in_slices(world: World) {
    configured(&world, &["eu-west-1"]).await;
    let (app, other) = (world.repository("team/app").await, world.repository("other").await);
    world.put(app, "one", &["v1", "v2"]).await;
    world.put(app, "two", &[]).await;
    world.put(app, "three", &["v3"]).await;
    world.put(other, "four", &["v4"]).await;
    let last = world.repository("team/last").await;
    world.put(last, "five", &["v5"]).await;
    let id = started(&world, "eu-west-1").await;
    assert!(prepare(&world, &id, 2).await > 3, "each slice is small");
    let row = find(&world, &id).await;
    assert_eq!((row.status, row.total), (BackfillStatus::InProgress, Some(5)));
    let all = items(&world, &id, Some(BackfillItemStatus::Waiting)).await;
    let shown: Vec<_> = all
        .iter()
        .map(|item| (item.digest, item.tag.as_ref().map_or("-", |tag| tag.as_str()).to_owned()))
        .collect();
    let item = |body: &str, tag: &str| (digest(body), tag.to_owned());
    let expected =
        [item("one", "v1"), item("one", "v2"), item("two", "-"), item("three", "v3"), item("five", "v5")];
    assert_eq!(shown, expected, "the oldest first");
    assert_eq!(items(&world, &id, None).await, []);
    // Without images it is complete at once.
    configured(&world, &[]).await;
    configured(&world, &["eu-west-1"]).await;
    let key = refusal(world.meta.write(start(&world, "eu-west-1")).await);
    assert_eq!(key, StartReplicationBackfillRefusal::InProgress);
}

pub(super) async fn it_ends_with_its_images_or_too_many_failures(world: World) {
    configured(&world, &["eu-west-1"]).await;
    let app = world.repository("team/app").await;
    for number in 0..120 {
        world.put(app, &number.to_string(), &[]).await;
    }
    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 1_000).await;
    let denied = || Some("AccessDenied".to_owned());
    let half = (0..98).map(|position| (position, if position % 2 == 0 { denied() } else { None }));
    assert_eq!(end(&world, &id, half.collect()).await, BackfillStatus::InProgress, "fewer than 100 ended");
    // An image ends once.
    assert_eq!(end(&world, &id, vec![(0, None), (98, None)]).await, BackfillStatus::InProgress);
    assert_eq!(end(&world, &id, vec![(99, denied())]).await, BackfillStatus::Failed);
    let row = find(&world, &id).await;
    assert_eq!((row.completed, row.failed, row.ended_at), (50, 50, Some(Micros(77))));
    assert_eq!(row.failure_code.as_deref(), Some("TooManyFailures"));
    let codes = world.meta.read(ListBackfillFailures { id: id.clone() }).await.unwrap();
    assert_eq!(codes, ["AccessDenied"]);
    assert_eq!(items(&world, &id, Some(BackfillItemStatus::Failed)).await.len(), 50);
    assert_eq!(items(&world, &id, None).await.len(), 100);

    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 1_000).await;
    let all = (0..120).map(|position| (position, None)).collect();
    assert_eq!(end(&world, &id, all).await, BackfillStatus::Complete);

    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 1_000).await;
    let stop = StopReplicationBackfill { registry: world.registry, id: id.clone(), at: Micros(9) };
    assert_eq!(world.meta.write(stop).await.unwrap().status, BackfillStatus::Stopping);
    assert_eq!(end(&world, &id, vec![(0, None)]).await, BackfillStatus::Stopped);
    assert_eq!(end(&world, &id, vec![(1, None)]).await, BackfillStatus::Stopped);
    assert_eq!(find(&world, &id).await.completed, 1);
}

pub(super) async fn old_ones_are_removed_in_slices(world: World) {
    configured(&world, &["eu-west-1"]).await;
    let app = world.repository("team/app").await;
    world.put(app, "one", &["v1", "v2", "v3"]).await;
    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 10).await;
    let trim = |before: i64| world.meta.write(TrimReplicationBackfills { before: Micros(before), limit: 2 });
    assert_eq!(trim(i64::MAX).await.unwrap(), 0, "it has not ended");
    end(&world, &id, (0..3).map(|position| (position, None)).collect()).await;
    assert_eq!(trim(77).await.unwrap(), 0);
    for expected in [2, 1, 1, 0] {
        assert_eq!(trim(78).await.unwrap(), expected);
    }
    let list = ListReplicationBackfills { registry: world.registry, before: None, limit: 9 };
    assert_eq!(world.meta.read(list).await.unwrap(), []);
}

/// Names that no rule matches are passed over a limited number at a time.
pub(super) async fn other_repositories_are_passed_over_in_slices(world: World) {
    configured(&world, &["eu-west-1"]).await;
    let first = world.repository("other").await;
    let columns = "created_at, operation, mutability, exclusion_filters, scan_on_push, encryption_type, \
        policy_version, tags_version, last_image_id, image_count, tag_count";
    let copies = |numbers: &str| {
        format!(
            "INSERT INTO repository (registry, id, name, {columns}) \
             SELECT registry, id + n, 'other/' || n, {columns} FROM repository, {numbers} WHERE id = {}",
            first.id
        )
    };
    let numbers =
        "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2500) SELECT n FROM c)";
    world.dialect(&copies(numbers), &copies("generate_series(1, 2500) n")).await;
    let last = RepositoryKey { registry: world.registry, id: first.id + 9_000 };
    let team = format!(
        "INSERT INTO repository (registry, id, name, {columns}) \
         SELECT registry, {}, 'team/app', {columns} FROM repository WHERE id = {}",
        last.id, first.id
    );
    world.sql(&team).await.unwrap();
    world.put(last, "one", &["v1"]).await;
    let id = started(&world, "eu-west-1").await;
    assert!(prepare(&world, &id, 100).await >= 3, "a thousand in a slice");
    let all = items(&world, &id, Some(BackfillItemStatus::Waiting)).await;
    assert_eq!(all.iter().map(|item| item.repository_name.as_str()).collect::<Vec<_>>(), ["team/app"]);
}

/// A backfill that was stopped shows what has ended, by its status and in its order.
pub(super) async fn what_has_ended_is_shown_in_its_order(world: World) {
    configured(&world, &["eu-west-1"]).await;
    let app = world.repository("team/app").await;
    for number in 0..9 {
        world.put(app, &number.to_string(), &[]).await;
    }
    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 1_000).await;
    let failed = |code: &str| Some(code.to_owned());
    end(&world, &id, vec![(6, None), (1, failed("B")), (2, None), (4, failed("A")), (5, failed("B"))]).await;
    let page = async |after, limit| {
        let list = ListBackfillItems { id: id.clone(), status: None, after, limit };
        let items = world.meta.read(list).await.unwrap();
        items.iter().map(|item| (item.position, item.has_failed)).collect::<Vec<_>>()
    };
    assert_eq!(page(-1, 3).await, [(1, true), (2, false), (4, true)]);
    assert_eq!(page(4, 9).await, [(5, true), (6, false)]);
    let codes = world.meta.read(ListBackfillFailures { id: id.clone() }).await.unwrap();
    assert_eq!(codes, ["A", "B"]);
}

/// What was deleted while it was sent leaves no row behind.
pub(super) async fn what_a_peer_has_is_shown_as_replicated(world: World) {
    let app = world.repository("team/app").await;
    for (body, tag) in [("one", "v1"), ("two", "v2"), ("three", "v3")] {
        world.put(app, body, &[tag]).await;
    }
    configured(&world, &["eu-west-1"]).await;
    let id = started(&world, "eu-west-1").await;
    prepare(&world, &id, 10).await;
    world.meta.write(delete_image(app, "two")).await.unwrap();
    let failed = Some("AccessDenied".to_owned());
    let ended = end_at(&world, &id, vec![(0, None), (1, None), (2, failed)], true).await;
    assert_eq!(ended, BackfillStatus::Complete);
    let shown = async |body: &str| {
        let list = ListImageReplications { repository: app, digest: digest(body) };
        let shown = world.meta.read(list).await.unwrap();
        shown.into_iter().map(|one| (one.waiting, one.has_failed)).collect::<Vec<_>>()
    };
    assert_eq!(shown("one").await, [(0, false)]);
    assert_eq!((shown("two").await, shown("three").await), (Vec::new(), Vec::new()));
    // Again: nothing is counted twice.
    end_at(&world, &id, vec![(0, None)], true).await;
    let row = find(&world, &id).await;
    assert_eq!((row.completed, row.failed), (2, 1));
}
