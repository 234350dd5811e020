//! Backfills: what was there before the configuration is replicated, and what became of each image is shown.

use std::time::{Duration, Instant};

use access::error::{Code, Error};
use aws::ecr::{
    DescribeReplicationBackfillResultsRequest, DescribeReplicationBackfillResultsResponse,
    ListReplicationBackfillsRequest, ReplicationBackfillResultStatus as ResultStatus,
    ReplicationBackfillStatus as Status, ReplicationDestination, StartReplicationBackfillRequest,
    StopReplicationBackfillRequest,
};
use jiff::{SignedDuration, Timestamp};
use meta::{ImageId, Micros, MissingContents, OperationId, PutImage, RepositoryKey, SameDigestSameTag};

use crate::cross_account::{STAGING, staging};
use crate::replication::{THERE, configure, images, replicate, rule, there, to_there};
use crate::world::{ACCOUNT, World, code, ctx, region, sha256};

pub(crate) async fn start(world: &World, region_name: &str, account: &str) -> Result<String, Error> {
    let destination =
        ReplicationDestination { region: region_name.to_owned(), registry_id: account.to_owned() };
    let start = StartReplicationBackfillRequest { registry_id: None, destination };
    let started =
        world.rules.registry.start_replication_backfill(&ctx(&world.admin), &region(), start).await?;
    assert_eq!(started.status, Some(Status::Preparing));
    Ok(started.replication_backfill_id.unwrap())
}

async fn describe(
    world: &World,
    id: &str,
    filter: Option<ResultStatus>,
    (token, most): (Option<String>, Option<u32>),
) -> DescribeReplicationBackfillResultsResponse {
    let describe = DescribeReplicationBackfillResultsRequest {
        registry_id: None,
        replication_backfill_id: id.to_owned(),
        result_status_filter: filter,
        max_results: most,
        next_token: token,
    };
    let registry = &world.rules.registry;
    registry.describe_replication_backfill_results(&ctx(&world.admin), &region(), describe).await.unwrap()
}

/// How many replications a backfill has that is complete, and how many of them succeeded and failed.
pub(crate) async fn progress(world: &World, id: &str) -> (u32, u32, u32) {
    let ended = describe(world, id, None, (None, None)).await;
    assert_eq!(ended.status, Some(Status::Complete));
    let of = ended.progress.unwrap();
    (of.total_replication_count, of.completed_replication_count, of.failed_replication_count)
}

#[tokio::test]
async fn what_was_there_before_is_replicated() {
    let world = World::new().await;
    let (app, other) = (world.create("team/app").await, world.create("other").await);
    world.push(&app, "v1", b"1").await.unwrap();
    world.push(&app, "v2", b"2").await.unwrap();
    world.push(&app, "latest", b"2").await.unwrap();
    world.push(&other, "v1", b"1").await.unwrap();
    assert_eq!(code(start(&world, THERE, ACCOUNT).await), Code::InvalidParameter, "no rule names it");
    let rules = vec![rule(&[(THERE, ACCOUNT)], &["team/"], false)];
    configure(&world, (&world.admin, &region()), rules).await.unwrap();
    let id = start(&world, THERE, ACCOUNT).await.unwrap();
    let preparing = describe(&world, &id, None, (None, None)).await;
    assert_eq!((preparing.status, preparing.progress), (Some(Status::Preparing), None));
    assert_eq!(code(start(&world, THERE, ACCOUNT).await), Code::ReplicationBackfillInProgress);
    replicate(&world).await;
    let here = images(&world, (&world.admin, &region()), "team/app").await;
    assert_eq!(images(&world, (&world.admin, &there()), "team/app").await, here);
    assert_eq!(images(&world, (&world.admin, &there()), "other").await, []);
    let ended = describe(&world, &id, None, (None, Some(2))).await;
    let progress = ended.progress.unwrap();
    assert_eq!((ended.status, progress.total_replication_count), (Some(Status::Complete), 3));
    assert_eq!((progress.completed_replication_count, progress.failed_replication_count), (3, 0));
    assert!(ended.ended_at >= ended.started_at && ended.ended_at.is_some());
    let rest = describe(&world, &id, None, (ended.next_token, Some(2))).await;
    assert_eq!((ended.results.len(), rest.results.len(), rest.next_token), (2, 1, None));
    let tags: Vec<_> = ended.results.iter().chain(&rest.results).map(|one| &one.image_id.image_tag).collect();
    assert_eq!(tags, [&Some("v1".to_owned()), &Some("latest".to_owned()), &Some("v2".to_owned())]);
}

#[tokio::test]
async fn refusals_are_results() {
    let world = World::new().await;
    staging(&world).await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    configure(&world, (&world.admin, &region()), vec![rule(&[(THERE, STAGING)], &[], false)]).await.unwrap();
    let id = start(&world, THERE, STAGING).await.unwrap();
    replicate(&world).await;
    let failed = describe(&world, &id, Some(ResultStatus::Failed), (None, None)).await;
    assert_eq!(failed.status, Some(Status::Complete), "it fails only after many failures");
    assert_eq!(failed.results[0].failure_code.as_deref(), Some("AccessDenied"));
    assert_eq!(failed.progress.unwrap().failure_codes, ["AccessDenied"]);
    assert_eq!(describe(&world, &id, Some(ResultStatus::Complete), (None, None)).await.results, []);
}

#[tokio::test]
async fn a_backfill_can_be_stopped_and_is_forgotten() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    to_there(&world, false).await;
    let id = start(&world, THERE, ACCOUNT).await.unwrap();
    let stop = |id: &str| StopReplicationBackfillRequest {
        registry_id: None,
        replication_backfill_id: id.to_owned(),
    };
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let stopped = registry.stop_replication_backfill(&admin, &region(), stop(&id)).await.unwrap();
    assert_eq!(stopped.status, Some(Status::Stopped));
    let again = registry.stop_replication_backfill(&admin, &region(), stop(&id)).await;
    assert_eq!(code(again), Code::ReplicationBackfillInvalidStatus);
    let unknown = registry.stop_replication_backfill(&admin, &region(), stop("nothing")).await;
    assert_eq!(code(unknown), Code::ReplicationBackfillNotFound);
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, []);
    let list = || async {
        let list = ListReplicationBackfillsRequest::default();
        registry.list_replication_backfills(&admin, &region(), list).await.unwrap().backfills
    };
    assert_eq!(list().await.len(), 1);
    let later = Timestamp::now() + SignedDuration::from_hours(91 * 24);
    while world.rules.registry.replicate_images(later).await.unwrap().has_more {}
    assert_eq!(list().await, []);
}

#[tokio::test]
async fn a_backfill_of_a_removed_destination_fails() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    to_there(&world, false).await;
    let id = start(&world, THERE, ACCOUNT).await.unwrap();
    // The first pass reads the images.
    world.rules.registry.replicate_images(Timestamp::now()).await.unwrap();
    assert_eq!(describe(&world, &id, None, (None, None)).await.status, Some(Status::InProgress));
    configure(&world, (&world.admin, &region()), Vec::new()).await.unwrap();
    replicate(&world).await;
    let ended = describe(&world, &id, None, (None, None)).await;
    assert_eq!(ended.status, Some(Status::Failed));
    assert_eq!(ended.failure_code.as_deref(), Some("DestinationNotFound"));
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, []);
}

#[tokio::test]
async fn images_that_fail_do_not_hold_up_the_others() {
    let world = World::new().await;
    let app = world.create("app").await;
    let key = world.row(&app).await;
    // This server cannot read them: it tries them again and again.
    for number in 0..250_i64 {
        let body = format!("not a manifest {number}");
        world
            .meta
            .write(image(key, number, "application/vnd.oci.image.manifest.v1+json", body))
            .await
            .unwrap();
    }
    world.push(&app, "good", b"1").await.unwrap();
    to_there(&world, false).await;
    let id = start(&world, THERE, ACCOUNT).await.unwrap();
    replicate(&world).await;
    let there = images(&world, (&world.admin, &there()), "app").await;
    assert_eq!(there.into_iter().map(|(_, tags)| tags).collect::<Vec<_>>(), [["good".to_owned()]]);
    assert_eq!(describe(&world, &id, None, (None, None)).await.status, Some(Status::InProgress));
}

/// `WHARF_BACKFILL_IMAGES=20000` measures a large one.
#[tokio::test]
async fn a_backfill_of_many_images_goes_on_in_slices() {
    let count = std::env::var("WHARF_BACKFILL_IMAGES").map_or(1_500, |count| count.parse().unwrap());
    let world = World::new().await;
    let key = world.row(&world.create("app").await).await;
    for number in 0..count {
        let body = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"n":"{number}"}}}}"#
        );
        world.meta.write(image(key, number, INDEX, body)).await.unwrap();
    }
    to_there(&world, false).await;
    let id = start(&world, THERE, ACCOUNT).await.unwrap();
    let (began, mut passes, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let pass_began = Instant::now();
        let pass = world.rules.registry.replicate_images(Timestamp::now()).await.unwrap();
        (passes, longest) = (passes + 1, longest.max(pass_began.elapsed()));
        if !pass.has_more {
            break;
        }
    }
    tracing::info!("{count} images: {:?} in {passes} passes, the longest {longest:?}", began.elapsed());
    let ended = describe(&world, &id, None, (None, Some(1))).await;
    let progress = ended.progress.unwrap();
    let count = u32::try_from(count).unwrap();
    assert_eq!(ended.status, Some(Status::Complete));
    assert_eq!((progress.total_replication_count, progress.completed_replication_count), (count, count));
    assert!(passes > 5, "{passes} passes");
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn image(repository: RepositoryKey, number: i64, media_type: &str, body: String) -> PutImage {
    let body = body.into_bytes();
    PutImage {
        repository,
        tags_limit: 10,
        images_limit: 10_000_000,
        is_over_storage_quota: false,
        id: ImageId(number + 1),
        digest: sha256(&body),
        media_type: media_type.to_owned(),
        artifact_type: None,
        config_media_type: None,
        body,
        image_size: 1,
        subject: None,
        annotations_json: None,
        blobs: Vec::new(),
        foreign: Vec::new(),
        children: Vec::new(),
        missing: MissingContents::Refuse,
        tags: Vec::new(),
        pushed_by: "AIDA1".to_owned(),
        moved_by: "arn".to_owned(),
        at: Micros(number + 1),
        op: OperationId(format!("op-{number}").into()),
        same_digest_same_tag: SameDigestSameTag::Accept,
    }
}
