//! What changes a repository leaves an event in the outbox, in the same transaction; what is refused leaves none.

use access::error::Code;
use aws::ecr::{
    DeleteRegistryPolicyRequest, DeleteRepositoryPolicyRequest, DeleteRepositoryRequest, ImageIdentifier,
    PutRegistryPolicyRequest, SetRepositoryPolicyRequest, TargetStorageClass, UpdateImageStorageClassRequest,
};
use jiff::{SignedDuration, Timestamp};
use meta::{Event, ListEvents};
use oci::digest::Algorithm;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::world::{ACCOUNT, World, code, ctx, manifest, region, sha256};

async fn events(world: &World) -> Vec<Event> {
    let listed = world.meta.read(ListEvents { after: None, limit: 100 }).await.unwrap();
    listed.into_iter().map(|(_, event)| event).collect()
}

async fn kinds(world: &World) -> Vec<String> {
    events(world).await.into_iter().map(|event| event.kind).collect()
}

/// A policy of a repository; of a registry with the last member.
fn policy(resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"ecr:BatchGetImage"{resource}}}]}}"#
    )
}

#[tokio::test]
async fn images_leave_events_and_refused_pushes_none() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    world.push(&app, "v1", b"{}").await.unwrap();
    let registry = &world.rules.registry;
    let reference = Reference::Tag("v2".parse().unwrap());
    let missing =
        registry.put_manifest(&ctx(&world.admin), &app, &reference, &[], None, manifest(b"[]").into()).await;
    assert_eq!(code(missing), Code::LayersNotFound);
    registry.delete_tag(&ctx(&world.admin), &app, &"v1".parse().unwrap()).await.unwrap();
    let digest = sha256(&manifest(b"{}"));
    registry.delete_manifest(&ctx(&world.admin), &app, &digest).await.unwrap();
    let events = events(&world).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["ecr.repository.create", "ecr.image.push", "ecr.image.untag", "ecr.image.delete"]);
    let arn = format!("arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/app");
    assert!(events.iter().all(|event| event.resource == arn && event.account_id == ACCOUNT), "{events:?}");
    let push = serde_json::json!({
        "repository-name": "app", "image-digest": digest.to_string(), "image-tags": ["v1"],
        "manifest-media-type": "application/vnd.oci.image.manifest.v1+json",
        "artifact-media-type": "application/vnd.oci.image.config.v1+json",
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&events[1].body).unwrap(), push);
    let untagged = serde_json::json!({
        "repository-name": "app", "image-digest": digest.to_string(), "image-tags": ["v1"],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&events[2].body).unwrap(), untagged);
}

#[tokio::test]
async fn policies_and_repositories_leave_events() {
    let world = World::new().await;
    world.create("app").await;
    let (registry, ctx) = (&world.rules.registry, ctx(&world.admin));
    let name = || "app".to_owned();
    let set =
        SetRepositoryPolicyRequest { repository_name: name(), policy_text: policy(""), ..Default::default() };
    registry.set_repository_policy(&ctx, &region(), set).await.unwrap();
    let delete = || DeleteRepositoryPolicyRequest { repository_name: name(), ..Default::default() };
    registry.delete_repository_policy(&ctx, &region(), delete()).await.unwrap();
    let gone = registry.delete_repository_policy(&ctx, &region(), delete()).await;
    assert_eq!(code(gone), Code::RepositoryPolicyNotFound);
    let resource = format!(r#","Resource":"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*""#);
    let put = PutRegistryPolicyRequest { policy_text: policy(&resource) };
    registry.put_registry_policy(&ctx, &region(), put).await.unwrap();
    registry.delete_registry_policy(&ctx, &region(), DeleteRegistryPolicyRequest {}).await.unwrap();
    let delete = DeleteRepositoryRequest { repository_name: name(), ..Default::default() };
    registry.delete_repository(&ctx, &region(), delete).await.unwrap();
    assert_eq!(
        kinds(&world).await,
        [
            "ecr.repository.create",
            "ecr.repository.policy.set",
            "ecr.repository.policy.delete",
            "ecr.registry.policy.set",
            "ecr.registry.policy.delete",
            "ecr.repository.delete",
        ]
    );
}

#[tokio::test]
async fn many_tags_become_several_events() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push_blob(&app, b"{}").await;
    let tags: Vec<_> = (0..250).map(|number| format!("v{number}").parse().unwrap()).collect();
    let digest = Reference::Digest(sha256(&manifest(b"{}")));
    let (ctx, body) = (ctx(&world.admin), manifest(b"{}").into());
    world.rules.registry.put_manifest(&ctx, &app, &digest, &tags, None, body).await.unwrap();
    assert_eq!(
        kinds(&world).await,
        ["ecr.repository.create", "ecr.image.push", "ecr.image.push", "ecr.image.push"]
    );
}

#[tokio::test]
async fn a_push_of_an_archived_image_restores_it() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let digest = sha256(&manifest(b"{}"));
    let update = UpdateImageStorageClassRequest {
        repository_name: "app".to_owned(),
        image_id: ImageIdentifier { image_tag: None, image_digest: Some(digest.to_string()) },
        target_storage_class: TargetStorageClass::Archive,
        registry_id: None,
    };
    world.rules.registry.update_image_storage_class(&ctx(&world.admin), &region(), update).await.unwrap();
    world.push(&app, "v1", b"{}").await.unwrap();
    let classes: Vec<_> = events(&world).await.into_iter().skip(2).collect();
    let kinds: Vec<_> = classes.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["ecr.image.update-storage-class"; 2]);
    let [archived, restored] =
        [0, 1].map(|index| serde_json::from_str::<serde_json::Value>(&classes[index].body).unwrap());
    assert_eq!(
        (&archived["target-storage-class"], archived.get("last-activated-at")),
        (&"ARCHIVE".into(), None)
    );
    assert_eq!(
        (&restored["target-storage-class"], &restored["image-digest"]),
        (&"STANDARD".into(), &digest.to_string().into())
    );
    assert!(restored["last-activated-at"].is_string(), "{restored}");
}

#[tokio::test]
async fn uploads_and_pulls_leave_no_events() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let (registry, before) = (&world.rules.registry, events(&world).await.len());
    let upload = registry.start_upload(&ctx(&world.admin), &app, Algorithm::Sha256).await.unwrap();
    let incoming = Incoming::buffered(b"part"[..].into());
    registry.append_upload(&ctx(&world.admin), &app, &upload.id, incoming).await.unwrap();
    let reference = Reference::Tag("v1".parse().unwrap());
    registry.get_manifest(&ctx(&world.admin), &app, &reference).await.unwrap();
    assert_eq!(events(&world).await.len(), before);
}

#[tokio::test]
async fn events_are_removed_after_a_day() {
    let world = World::new().await;
    world.create("app").await;
    let now = Timestamp::now();
    let trim = |hours| world.rules.access.trim_events(now + SignedDuration::from_hours(hours));
    assert_eq!(trim(23).await.unwrap(), 0);
    assert_eq!(kinds(&world).await.len(), 1);
    assert_eq!(trim(25).await.unwrap(), 1);
    assert_eq!(kinds(&world).await.len(), 0);
}
