//! Replication between Regions and accounts of one deployment: what arrives, with which settings, and what does not.

use std::sync::Arc;

use access::context::{Caller, RepositoryRef};
use aws::ecr::{
    BatchDeleteImageRequest, CreateRepositoryCreationTemplateRequest, CreateRepositoryRequest,
    DeleteReplication, DescribeImageReplicationStatusRequest, DescribeImagesRequest, ImageDetail,
    ImageIdentifier, ImageReplicationStatus, ImageTagMutability, PutImageTagMutabilityRequest,
    PutRegistryPolicyRequest, PutReplicationConfigurationRequest, RCTAppliedFor, ReplicationConfiguration,
    ReplicationDestination, ReplicationRule, ReplicationStatus, RepositoryFilter, RepositoryFilterType,
};
use aws::ids::Region;
use jiff::{SignedDuration, Timestamp};
use meta::{ChangeMemberAccount, Event, ListEvents, MemberChange, Micros};
use oci::digest::Digest;
use oci::name::Reference;

use crate::cross_account::{STAGING, staging};
use crate::world::{ACCOUNT, World, ctx, manifest, region, sha256};

pub(crate) const THERE: &str = "us-east-1";

pub(crate) fn there() -> Region {
    THERE.parse().unwrap()
}

pub(crate) fn rule(destinations: &[(&str, &str)], prefixes: &[&str], deletes: bool) -> ReplicationRule {
    let filter = |prefix: &&str| RepositoryFilter {
        filter: (*prefix).to_owned(),
        filter_type: RepositoryFilterType::PrefixMatch,
    };
    ReplicationRule {
        destinations: destinations
            .iter()
            .map(|(region, account)| ReplicationDestination {
                region: (*region).to_owned(),
                registry_id: (*account).to_owned(),
            })
            .collect(),
        repository_filters: prefixes.iter().map(filter).collect(),
        delete_replication: deletes.then_some(DeleteReplication { enabled: true }),
    }
}

pub(crate) async fn configure(
    world: &World,
    (by, at): (&Arc<Caller>, &Region),
    rules: Vec<ReplicationRule>,
) -> Result<(), access::error::Error> {
    let put =
        PutReplicationConfigurationRequest { replication_configuration: ReplicationConfiguration { rules } };
    world.rules.registry.put_replication_configuration(&ctx(by), at, put).await.map(|_| ())
}

/// Replicates everything of the world's registry to another Region.
pub(crate) async fn to_there(world: &World, deletes: bool) {
    let rules = vec![rule(&[(THERE, ACCOUNT)], &[], deletes)];
    configure(world, (&world.admin, &region()), rules).await.unwrap();
}

/// Passes until nothing is due; returns how many items ended.
pub(crate) async fn replicate(world: &World) -> usize {
    replicate_at(world, Timestamp::now()).await
}

pub(crate) async fn replicate_at(world: &World, now: Timestamp) -> usize {
    let mut done = 0;
    loop {
        let pass = world.rules.registry.replicate_images(now).await.unwrap();
        done += pass.done;
        if !pass.has_more {
            return done;
        }
    }
}

/// The images of a repository with their tags, by digest.
pub(crate) async fn images(
    world: &World,
    (by, at): (&Arc<Caller>, &Region),
    name: &str,
) -> Vec<(String, Vec<String>)> {
    let describe = DescribeImagesRequest { repository_name: name.to_owned(), ..Default::default() };
    let Ok(described) = world.rules.registry.describe_images(&ctx(by), at, describe).await else {
        return Vec::new();
    };
    let shown = |image: ImageDetail| (image.image_digest, image.image_tags);
    let mut images: Vec<_> = described.image_details.into_iter().map(shown).collect();
    images.sort();
    images
}

pub(crate) async fn statuses(
    world: &World,
    name: &str,
    digest: &Digest,
) -> Vec<(ReplicationStatus, Option<String>)> {
    let describe = DescribeImageReplicationStatusRequest {
        repository_name: name.to_owned(),
        image_id: ImageIdentifier { image_digest: Some(digest.to_string()), image_tag: None },
        registry_id: None,
    };
    let registry = &world.rules.registry;
    let shown = registry.describe_image_replication_status(&ctx(&world.admin), &region(), describe).await;
    let status = |status: ImageReplicationStatus| (status.status.unwrap(), status.failure_code);
    shown.unwrap().replication_statuses.into_iter().map(status).collect()
}

pub(crate) fn image(config: &[u8], tags: &[&str]) -> (String, Vec<String>) {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    (sha256(&manifest(config)).to_string(), tags)
}

async fn events(world: &World, kind: &str) -> Vec<Event> {
    let listed = world.meta.read(ListEvents { after: None, limit: 1_000 }).await.unwrap();
    listed.into_iter().map(|(_, event)| event).filter(|event| event.kind == kind).collect()
}

#[tokio::test]
async fn a_pushed_image_arrives_and_shares_its_bytes() {
    let world = World::new().await;
    let app = world.create("team/app").await;
    world.push(&app, "before", b"0").await.unwrap();
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    let (digest, before) = (sha256(&manifest(b"1")), sha256(&manifest(b"0")));
    assert_eq!(statuses(&world, "team/app", &digest).await, [(ReplicationStatus::InProgress, None)]);
    let objects = world.files();
    assert_eq!(replicate(&world).await, 1);
    let at = (&world.admin, &there());
    assert_eq!(images(&world, at, "team/app").await, [image(b"1", &["v1"])]);
    assert_eq!(statuses(&world, "team/app", &digest).await, [(ReplicationStatus::Complete, None)]);
    assert_eq!(statuses(&world, "team/app", &before).await, [], "only what comes later is replicated");
    assert_eq!(world.files(), objects, "no byte is stored twice");
    let copy = RepositoryRef { region: there(), ..app.clone() };
    let reference = Reference::Tag("v1".parse().unwrap());
    world.rules.registry.get_manifest(&ctx(&world.admin), &copy, &reference).await.unwrap();
    world.rules.registry.get_blob(&ctx(&world.admin), &copy, &sha256(b"1")).await.unwrap();
    assert_eq!(replicate(&world).await, 0);
}

#[tokio::test]
async fn events_are_in_both_registries() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    let there = events(&world, "ecr.image.replicate").await;
    let [event] = &there[..] else { panic!("{there:?}") };
    assert_eq!((event.region.as_str(), event.account_id.as_str()), (THERE, ACCOUNT));
    assert_eq!(event.resource, format!("arn:aws:ecr:{THERE}:{ACCOUNT}:repository/app"));
    let facts = serde_json::json!({
        "repository-name": "app", "image-digest": sha256(&manifest(b"1")).to_string(), "image-tags": ["v1"],
        "source-account": ACCOUNT, "source-region": "eu-west-1",
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&event.body).unwrap(), facts);
    let here = events(&world, "ecr.image.replicated").await;
    assert_eq!((here.len(), here[0].region.as_str()), (1, "eu-west-1"));
    let pushes = events(&world, "ecr.image.push").await;
    assert_eq!(pushes.len(), 1, "the copy is not a push");
}

#[tokio::test]
async fn an_index_arrives_after_its_children() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "child", b"1").await.unwrap();
    to_there(&world, false).await;
    let child = sha256(&manifest(b"1"));
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{child}","size":{}}}]}}"#,
        manifest(b"1").len()
    );
    let reference = Reference::Tag("all".parse().unwrap());
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    registry.put_manifest(&admin, &app, &reference, &[], None, index.clone().into()).await.unwrap();
    assert_eq!(replicate(&world).await, 1);
    let mut expected =
        [(sha256(index.as_bytes()).to_string(), vec!["all".to_owned()]), (child.to_string(), Vec::new())];
    expected.sort();
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, expected);
}

#[tokio::test]
async fn what_is_replicated_is_not_replicated_on() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    let back_and_on = vec![rule(&[("eu-west-1", ACCOUNT), ("ap-south-1", ACCOUNT)], &[], true)];
    configure(&world, (&world.admin, &there()), back_and_on).await.unwrap();
    world.push(&app, "v1", b"1").await.unwrap();
    assert_eq!(replicate(&world).await, 1);
    assert_eq!(images(&world, (&world.admin, &"ap-south-1".parse().unwrap()), "app").await, []);
}

#[tokio::test]
async fn a_tag_that_must_not_move_arrives_without_the_image() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    let freeze = PutImageTagMutabilityRequest {
        repository_name: "app".to_owned(),
        image_tag_mutability: ImageTagMutability::Immutable,
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.put_image_tag_mutability(&ctx(&world.admin), &there(), freeze).await.unwrap();
    world.push(&app, "v1", b"2").await.unwrap();
    replicate(&world).await;
    let mut expected = [image(b"1", &["v1"]), image(b"2", &[])];
    expected.sort();
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, expected);
    let digest = sha256(&manifest(b"2"));
    assert_eq!(statuses(&world, "app", &digest).await, [(ReplicationStatus::Complete, None)]);
}

async fn delete(world: &World, id: ImageIdentifier) {
    let delete =
        BatchDeleteImageRequest { repository_name: "app".to_owned(), image_ids: vec![id], registry_id: None };
    world.rules.registry.batch_delete_image(&ctx(&world.admin), &region(), delete).await.unwrap();
}

pub(crate) fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier { image_tag: Some(tag.to_owned()), image_digest: None }
}

#[tokio::test]
async fn deletions_are_replicated_if_the_rule_says_so() {
    for deletes in [false, true] {
        let world = World::new().await;
        let app = world.create("app").await;
        to_there(&world, deletes).await;
        world.push(&app, "v1", b"1").await.unwrap();
        world.push(&app, "latest", b"1").await.unwrap();
        world.push(&app, "v2", b"2").await.unwrap();
        replicate(&world).await;
        delete(&world, by_tag("latest")).await;
        replicate(&world).await;
        let at = (&world.admin, &there());
        let both: &[&str] = if deletes { &["v1"] } else { &["latest", "v1"] };
        let mut expected = vec![image(b"1", both), image(b"2", &["v2"])];
        expected.sort();
        assert_eq!(images(&world, at, "app").await, expected, "{deletes}");
        delete(&world, by_tag("v2")).await;
        let digest = Some(sha256(&manifest(b"1")).to_string());
        delete(&world, ImageIdentifier { image_digest: digest, image_tag: None }).await;
        replicate(&world).await;
        let left = if deletes { Vec::new() } else { expected };
        assert_eq!(images(&world, at, "app").await, left, "{deletes}");
        assert_eq!(replicate(&world).await, 0);
    }
}

/// An account that may replicate here can push what another account has, and delete it again.
#[tokio::test]
async fn what_an_account_pushed_is_not_deleted_by_another() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":["ecr:ReplicateImage","ecr:CreateRepository"],"Resource":"arn:aws:ecr:eu-west-1:{STAGING}:repository/*"}}]}}"#
    );
    let put = PutRegistryPolicyRequest { policy_text };
    world.rules.registry.put_registry_policy(&ctx(&ops), &region(), put).await.unwrap();
    let app = world.create("app").await;
    let rules = vec![rule(&[("eu-west-1", STAGING)], &[], true)];
    configure(&world, (&world.admin, &region()), rules).await.unwrap();
    world.push(&app, "v0", b"0").await.unwrap();
    replicate(&world).await;
    let at = (&ops, &region());
    assert_eq!(images(&world, at, "app").await, [image(b"0", &["v0"])]);
    // The other account pushes an image itself.
    let own = RepositoryRef { account_id: STAGING.parse().unwrap(), ..app.clone() };
    world.push_by(&ops, (&own, "own"), b"1").await.unwrap();
    for tag in ["own", "v1"] {
        world.push(&app, tag, b"1").await.unwrap();
        replicate(&world).await;
        delete(&world, by_tag(tag)).await;
        replicate(&world).await;
    }
    let digest = Some(sha256(&manifest(b"0")).to_string());
    delete(&world, ImageIdentifier { image_digest: digest, image_tag: None }).await;
    replicate(&world).await;
    assert_eq!(images(&world, at, "app").await, [image(b"1", &["own"])], "what was replicated is deleted");
}

#[tokio::test]
async fn a_closed_account_is_not_replicated() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{STAGING}:root"}},"Action":["ecr:ReplicateImage","ecr:CreateRepository"],"Resource":"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*"}}]}}"#
    );
    let put = PutRegistryPolicyRequest { policy_text };
    world.rules.registry.put_registry_policy(&ctx(&world.admin), &region(), put).await.unwrap();
    configure(&world, (&ops, &region()), vec![rule(&[("eu-west-1", ACCOUNT)], &[], false)]).await.unwrap();
    let here = world.create("own").await;
    for (name, arrives) in [("app", true), ("late", false)] {
        let create = CreateRepositoryRequest { repository_name: name.to_owned(), ..Default::default() };
        world.rules.registry.create_repository(&ctx(&ops), &region(), create).await.unwrap();
        let (account_id, name) = (STAGING.parse().unwrap(), name.parse().unwrap());
        let at = RepositoryRef { account_id, name, ..here.clone() };
        world.push_by(&ops, (&at, "v1"), b"1").await.unwrap();
        if !arrives {
            let (account_id, change) = (at.account_id.clone(), MemberChange::Close);
            let close = ChangeMemberAccount { account_id, change, at: Micros(9) };
            assert!(world.meta.write(close).await.unwrap().is_some());
        }
        replicate(&world).await;
        let expected = if arrives { vec![image(b"1", &["v1"])] } else { Vec::new() };
        assert_eq!(images(&world, (&world.admin, &region()), at.name.as_str()).await, expected);
    }
}

/// A deletion that is overtaken by a push leaves the image.
#[tokio::test]
async fn an_image_pushed_again_survives_its_deletion() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, true).await;
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    delete(&world, by_tag("v1")).await;
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, [image(b"1", &["v1"])]);
}

#[tokio::test]
async fn another_account_must_allow_it() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let app = world.create("app").await;
    let rules = vec![rule(&[("eu-west-1", STAGING)], &[], false)];
    configure(&world, (&world.admin, &region()), rules).await.unwrap();
    world.push(&app, "v1", b"1").await.unwrap();
    let now = Timestamp::now();
    replicate_at(&world, now).await;
    let (digest, at) = (sha256(&manifest(b"1")), (&ops, &region()));
    let denied = [(ReplicationStatus::Failed, Some("AccessDenied".to_owned()))];
    assert_eq!(statuses(&world, "app", &digest).await, denied);
    assert_eq!(images(&world, at, "app").await, []);
    let failed = events(&world, "ecr.image.replicated").await;
    assert!(failed.len() == 1 && failed[0].body.contains(r#""failure-code":"AccessDenied""#), "{failed:?}");
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":["ecr:ReplicateImage","ecr:CreateRepository"],"Resource":"arn:aws:ecr:eu-west-1:{STAGING}:repository/*"}}]}}"#
    );
    let put = PutRegistryPolicyRequest { policy_text };
    world.rules.registry.put_registry_policy(&ctx(&ops), &region(), put).await.unwrap();
    // It is tried again without a push.
    replicate_at(&world, now + SignedDuration::from_mins(2)).await;
    assert_eq!(images(&world, at, "app").await, [image(b"1", &["v1"])]);
    assert_eq!(statuses(&world, "app", &digest).await, [(ReplicationStatus::Complete, None)]);
    assert_eq!(events(&world, "ecr.image.replicated").await.len(), 2);
}

#[tokio::test]
async fn a_template_gives_the_copy_its_settings() {
    let world = World::new().await;
    let app = world.create("team/app").await;
    to_there(&world, false).await;
    let template = CreateRepositoryCreationTemplateRequest {
        prefix: "team".to_owned(),
        applied_for: vec![RCTAppliedFor::Replication],
        image_tag_mutability: Some(ImageTagMutability::Immutable),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.create_repository_creation_template(&ctx(&world.admin), &there(), template).await.unwrap();
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    let describe = aws::ecr::DescribeRepositoriesRequest::default();
    let described = registry.describe_repositories(&ctx(&world.admin), &there(), describe).await.unwrap();
    assert_eq!(described.repositories[0].image_tag_mutability, ImageTagMutability::Immutable);
}

/// The test's deployment stores at most 1,000 bytes in repositories with this prefix.
#[tokio::test]
async fn quotas_hold_at_the_destination() {
    const LARGE: &[u8] = &[b'x'; 200];
    let world = World::new().await;
    let small = world.create("team/small").await;
    to_there(&world, false).await;
    world.push(&small, "v1", LARGE).await.unwrap();
    world.push(&small, "v2", b"2").await.unwrap();
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "team/small").await, [image(b"2", &["v2"])]);
    let large = statuses(&world, "team/small", &sha256(&manifest(LARGE))).await;
    assert_eq!(large, [(ReplicationStatus::Failed, Some("LimitExceeded".to_owned()))]);
}

#[tokio::test]
async fn one_destination_that_refuses_does_not_stop_the_others() {
    let world = World::new().await;
    staging(&world).await;
    let app = world.create("app").await;
    let rules = vec![rule(&[("eu-west-1", STAGING), (THERE, ACCOUNT)], &["ap"], false)];
    configure(&world, (&world.admin, &region()), rules).await.unwrap();
    let other = world.create("other").await;
    world.push(&app, "v1", b"1").await.unwrap();
    world.push(&other, "v1", b"1").await.unwrap();
    assert_eq!(replicate(&world).await, 2, "the other repository does not have the prefix");
    let states = statuses(&world, "app", &sha256(&manifest(b"1"))).await;
    let states: Vec<_> = states.into_iter().map(|(status, _)| status).collect();
    assert_eq!(states, [ReplicationStatus::Failed, ReplicationStatus::Complete]);
    assert_eq!(images(&world, (&world.admin, &there()), "other").await, []);
}

#[tokio::test]
async fn without_its_role_nothing_is_replicated() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    let delete =
        aws::iam::DeleteServiceLinkedRoleRequest { role_name: "AWSServiceRoleForECRReplication".to_owned() };
    world.rules.identity.delete_service_linked_role(&ctx(&world.admin), delete).await.unwrap();
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, []);
    let denied = [(ReplicationStatus::Failed, Some("AccessDenied".to_owned()))];
    assert_eq!(statuses(&world, "app", &sha256(&manifest(b"1"))).await, denied);
}
