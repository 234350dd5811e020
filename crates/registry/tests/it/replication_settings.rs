//! Settings of repositories, and what refers to images, are replicated only if it is asked for.

use std::sync::Arc;

use access::context::Caller;
use access::error::Code;
use aws::ecr::{
    DeleteRepositoryPolicyRequest, DescribeRepositoriesRequest, GetLifecyclePolicyRequest,
    GetRepositoryPolicyRequest, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ListTagsForResourceRequest, PutAccountSettingRequest,
    PutImageScanningConfigurationRequest, PutImageTagMutabilityRequest, PutLifecyclePolicyRequest,
    SetRepositoryPolicyRequest, Tag, TagResourceRequest, WharfDescribeReplicationRequest,
};
use aws::iam::{CreateUserRequest, DeleteUserRequest};
use aws::ids::Region;
use oci::name::Reference;

use crate::cross_account::{STAGING, staging};
use crate::replication::{THERE, configure, images, replicate, rule, there, to_there};
use crate::world::{ACCOUNT, World, code, ctx, region, sha256};

const OPTIONS: [&str; 5] = ["SETTINGS", "POLICIES", "LIFECYCLE", "TAGS", "REFERRERS"];

pub(crate) async fn ask(world: &World, (by, at): (&Arc<Caller>, &Region), options: &[&str]) {
    for option in options {
        let put = PutAccountSettingRequest {
            name: format!("WHARF_REPLICATION_{option}"),
            value: "ENABLED".to_owned(),
        };
        world.rules.registry.put_account_setting(&ctx(by), at, put).await.unwrap();
    }
}

fn allows(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"ecr:BatchGetImage"}}]}}"#
    )
}

async fn set_policy(world: &World, at: &Region, text: String) {
    let set = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text: text,
        ..Default::default()
    };
    world.rules.registry.set_repository_policy(&ctx(&world.admin), at, set).await.unwrap();
}

async fn policy(world: &World, (by, at): (&Arc<Caller>, &Region)) -> Result<String, Code> {
    let get = GetRepositoryPolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
    let got = world.rules.registry.get_repository_policy(&ctx(by), at, get).await;
    got.map(|got| got.policy_text).map_err(|error| error.code)
}

pub(crate) async fn tags(world: &World, at: &Region) -> Vec<(String, String)> {
    let list =
        ListTagsForResourceRequest { resource_arn: format!("arn:aws:ecr:{at}:{ACCOUNT}:repository/app") };
    let listed = world.rules.registry.list_tags_for_resource(&ctx(&world.admin), at, list).await.unwrap();
    listed.tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

pub(crate) async fn tag(world: &World, at: &Region, value: &str) {
    let tag = TagResourceRequest {
        resource_arn: format!("arn:aws:ecr:{at}:{ACCOUNT}:repository/app"),
        tags: vec![Tag { key: "team".to_owned(), value: value.to_owned() }],
    };
    world.rules.registry.tag_resource(&ctx(&world.admin), at, tag).await.unwrap();
}

async fn with_settings() -> World {
    let world = World::new().await;
    let app = world.create("app").await;
    set_policy(&world, &region(), allows(&format!("arn:aws:iam::{ACCOUNT}:root"))).await;
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: lifecycle.to_owned(),
        ..Default::default()
    };
    world.rules.registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await.unwrap();
    tag(&world, &region(), "a").await;
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    world
}

pub(crate) fn of_team(value: &str) -> Vec<(String, String)> {
    vec![("team".to_owned(), value.to_owned())]
}

#[tokio::test]
async fn settings_stay_until_they_are_asked_for() {
    let world = with_settings().await;
    replicate(&world).await;
    assert_eq!(policy(&world, (&world.admin, &there())).await, Err(Code::RepositoryPolicyNotFound));
    assert_eq!(tags(&world, &there()).await, []);
    ask(&world, (&world.admin, &region()), &["TAGS"]).await;
    world.push(&crate::world::repository("app"), "v2", b"2").await.unwrap();
    replicate(&world).await;
    assert_eq!(tags(&world, &there()).await, of_team("a"));
    assert_eq!(policy(&world, (&world.admin, &there())).await, Err(Code::RepositoryPolicyNotFound));
}

#[tokio::test]
async fn settings_arrive_with_images_and_with_each_change() {
    let world = with_settings().await;
    ask(&world, (&world.admin, &region()), &OPTIONS).await;
    world.push(&crate::world::repository("app"), "v2", b"2").await.unwrap();
    replicate(&world).await;
    assert!(policy(&world, (&world.admin, &there())).await.unwrap().contains(":root"));
    assert_eq!(tags(&world, &there()).await, of_team("a"));
    let get = GetLifecyclePolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
    let registry = &world.rules.registry;
    let kept = registry.get_lifecycle_policy(&ctx(&world.admin), &there(), get).await.unwrap();
    assert!(kept.lifecycle_policy_text.contains("imageCountMoreThan"));

    // A change there is later than what arrived, and stays until the source changes again.
    tag(&world, &there(), "theirs").await;
    set_policy(&world, &region(), allows("*")).await;
    replicate(&world).await;
    assert_eq!(tags(&world, &there()).await, of_team("theirs"));
    assert!(policy(&world, (&world.admin, &there())).await.unwrap().contains(r#""*""#));
    tag(&world, &region(), "b").await;
    let delete = DeleteRepositoryPolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
    registry.delete_repository_policy(&ctx(&world.admin), &region(), delete).await.unwrap();
    replicate(&world).await;
    assert_eq!(tags(&world, &there()).await, of_team("b"));
    assert_eq!(policy(&world, (&world.admin, &there())).await, Err(Code::RepositoryPolicyNotFound));
    assert_eq!(replicate(&world).await, 0);
}

#[tokio::test]
async fn a_policy_that_is_not_valid_there_fails_alone() {
    let world = with_settings().await;
    ask(&world, (&world.admin, &region()), &OPTIONS).await;
    let user = CreateUserRequest { user_name: "gone".to_owned(), ..Default::default() };
    let identity = &world.rules.identity;
    let arn = identity.create_user(&ctx(&world.admin), user).await.unwrap().user.arn;
    set_policy(&world, &region(), allows(&arn)).await;
    identity
        .delete_user(&ctx(&world.admin), DeleteUserRequest { user_name: "gone".to_owned() })
        .await
        .unwrap();
    replicate(&world).await;
    assert_eq!(tags(&world, &there()).await, of_team("a"), "the others arrive");
    assert_eq!(policy(&world, (&world.admin, &there())).await, Err(Code::RepositoryPolicyNotFound));
    let images = images(&world, (&world.admin, &there()), "app").await;
    assert_eq!(images.len(), 1);
    let (by, place, asked) = (ctx(&world.admin), region(), WharfDescribeReplicationRequest::default());
    let shown = world.rules.registry.wharf_describe_replication(&by, &place, asked).await.unwrap();
    assert_eq!(shown.destinations[0].failed_count, 1);
    // A policy that is corrected needs nothing else.
    set_policy(&world, &region(), allows("*")).await;
    replicate(&world).await;
    assert!(policy(&world, (&world.admin, &there())).await.is_ok());
}

#[tokio::test]
async fn another_account_takes_only_what_it_asks_for() {
    let world = with_settings().await;
    let ops = staging(&world).await;
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":["ecr:ReplicateImage","ecr:CreateRepository"],"Resource":"*"}}]}}"#
    );
    let put = aws::ecr::PutRegistryPolicyRequest { policy_text };
    world.rules.registry.put_registry_policy(&ctx(&ops), &there(), put).await.unwrap();
    configure(&world, (&world.admin, &region()), vec![rule(&[(THERE, STAGING)], &[], false)]).await.unwrap();
    ask(&world, (&world.admin, &region()), &OPTIONS).await;
    world.push(&crate::world::repository("app"), "v2", b"2").await.unwrap();
    replicate(&world).await;
    assert_eq!(images(&world, (&ops, &there()), "app").await.len(), 1);
    assert_eq!(policy(&world, (&ops, &there())).await, Err(Code::RepositoryPolicyNotFound));
    ask(&world, (&ops, &there()), &["POLICIES"]).await;
    set_policy(&world, &region(), allows("*")).await;
    replicate(&world).await;
    assert!(policy(&world, (&ops, &there())).await.is_ok());
    let get = GetLifecyclePolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
    let none = world.rules.registry.get_lifecycle_policy(&ctx(&ops), &there(), get).await;
    assert_eq!(code(none), Code::LifecyclePolicyNotFound);
}

#[tokio::test]
async fn what_refers_to_an_image_comes_with_it() {
    for is_asked in [false, true] {
        let world = World::new().await;
        let app = world.create("app").await;
        let subject = world.push(&app, "v1", b"1").await.unwrap().digest;
        let config = world.push_blob(&app, b"{}").await;
        let signature = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.example","digest":"{config}","size":2}},"layers":[],"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{subject}","size":2}}}}"#
        );
        let digest = sha256(signature.as_bytes());
        let by_digest = Reference::Digest(digest);
        let registry = &world.rules.registry;
        let body = signature.into_bytes().into();
        registry.put_manifest(&ctx(&world.admin), &app, &by_digest, &[], None, body).await.unwrap();
        to_there(&world, false).await;
        if is_asked {
            ask(&world, (&world.admin, &region()), &["REFERRERS"]).await;
        }
        // Only the new tag comes after the configuration.
        world.push(&app, "v2", b"1").await.unwrap();
        replicate(&world).await;
        let arrived = images(&world, (&world.admin, &there()), "app").await;
        let has = arrived.iter().any(|(found, _)| *found == digest.to_string());
        assert_eq!((arrived.len(), has), (1 + usize::from(is_asked), is_asked));
    }
}

#[tokio::test]
async fn mutability_and_scanning_travel_if_they_are_asked_for() {
    let world = with_settings().await;
    let registry = &world.rules.registry;
    let freeze = |mutability, filters: &[&str]| PutImageTagMutabilityRequest {
        repository_name: "app".to_owned(),
        image_tag_mutability: mutability,
        image_tag_mutability_exclusion_filters: filters
            .iter()
            .map(|filter| ImageTagMutabilityExclusionFilter {
                filter: (*filter).to_owned(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let scan = |scan_on_push| PutImageScanningConfigurationRequest {
        repository_name: "app".to_owned(),
        image_scanning_configuration: ImageScanningConfiguration { scan_on_push },
        ..Default::default()
    };
    let except = freeze(ImageTagMutability::ImmutableWithExclusion, &["dev*"]);
    registry.put_image_tag_mutability(&ctx(&world.admin), &region(), except).await.unwrap();
    registry.put_image_scanning_configuration(&ctx(&world.admin), &region(), scan(true)).await.unwrap();
    let there = there();
    let shown = async |at: &Region| {
        let describe = DescribeRepositoriesRequest::default();
        let described = registry.describe_repositories(&ctx(&world.admin), at, describe).await.unwrap();
        let row = described.repositories.into_iter().next().unwrap();
        let filters = row.image_tag_mutability_exclusion_filters;
        (row.image_tag_mutability, filters, row.image_scanning_configuration.scan_on_push)
    };
    ask(&world, (&world.admin, &region()), &["POLICIES", "LIFECYCLE", "TAGS", "REFERRERS"]).await;
    world.push(&crate::world::repository("app"), "v2", b"2").await.unwrap();
    replicate(&world).await;
    let (mutability, _, scans) = shown(&there).await;
    assert_eq!((mutability, scans), (ImageTagMutability::Mutable, false), "they were not asked for");
    ask(&world, (&world.admin, &region()), &["SETTINGS"]).await;
    world.push(&crate::world::repository("app"), "v3", b"3").await.unwrap();
    replicate(&world).await;
    assert_eq!(shown(&there).await, shown(&region()).await);
    assert_eq!(shown(&there).await.0, ImageTagMutability::ImmutableWithExclusion);
    // Then each change alone, and one at the destination stays until the source changes again.
    registry.put_image_scanning_configuration(&ctx(&world.admin), &there, scan(false)).await.unwrap();
    let thaw = freeze(ImageTagMutability::Mutable, &[]);
    registry.put_image_tag_mutability(&ctx(&world.admin), &region(), thaw).await.unwrap();
    replicate(&world).await;
    let (mutability, _, scans) = shown(&there).await;
    assert_eq!((mutability, scans), (ImageTagMutability::Mutable, false));
    registry.put_image_scanning_configuration(&ctx(&world.admin), &region(), scan(true)).await.unwrap();
    replicate(&world).await;
    assert_eq!(shown(&there).await, shown(&region()).await);
}
