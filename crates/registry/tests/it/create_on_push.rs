//! Create on push, and the templates that say how repositories are created.

use std::sync::Arc;

use access::context::{Caller, RepositoryRef};
use access::error::{Code, Error};
use aws::ecr::{
    CreateRepositoryCreationTemplateRequest, DescribeRepositoriesRequest,
    DescribeRepositoryCreationTemplatesRequest, GetLifecyclePolicyRequest, GetRepositoryPolicyRequest,
    ImageTagMutability, ListTagsForResourceRequest, PutAccountSettingRequest, RCTAppliedFor, Repository, Tag,
    UpdateRepositoryCreationTemplateRequest,
};
use oci::digest::Algorithm;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::credentials::{make_role, role_arn, role_request};
use crate::world::{World, code, ctx, manifest, region, repository, sha256};

const PUSH: &str = r#"{"Effect":"Allow","Action":["ecr:InitiateLayerUpload","ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload","ecr:PutImage","ecr:BatchGetImage"],"Resource":"*"}"#;
const CREATE: &str = r#"{"Effect":"Allow","Action":"ecr:CreateRepository","Resource":
    "arn:aws:ecr:eu-west-1:123456789012:repository/team/*"}"#;
const TRUSTS_ECR: &str =
    r#"{"Effect":"Allow","Principal":{"Service":"ecr.amazonaws.com"},"Action":"sts:AssumeRole"}"#;

async fn enable(world: &World, value: &str) {
    let put = PutAccountSettingRequest { name: "WHARF_CREATE_ON_PUSH".to_owned(), value: value.to_owned() };
    world.rules.registry.put_account_setting(&ctx(&world.admin), &region(), put).await.unwrap();
}

fn template(prefix: &str) -> CreateRepositoryCreationTemplateRequest {
    CreateRepositoryCreationTemplateRequest {
        prefix: prefix.to_owned(),
        applied_for: vec![RCTAppliedFor::CreateOnPush],
        ..Default::default()
    }
}

async fn create_template(
    world: &World,
    by: &Arc<Caller>,
    request: CreateRepositoryCreationTemplateRequest,
) -> Result<(), Error> {
    world.rules.registry.create_repository_creation_template(&ctx(by), &region(), request).await.map(|_| ())
}

async fn start(world: &World, by: &Arc<Caller>, at: &RepositoryRef) -> Result<(), Error> {
    world.rules.registry.start_upload(&ctx(by), at, Algorithm::Sha256).await.map(|_| ())
}

async fn shown(world: &World, name: &str) -> Option<Repository> {
    let describe =
        DescribeRepositoriesRequest { repository_names: vec![name.to_owned()], ..Default::default() };
    let described = world.rules.registry.describe_repositories(&ctx(&world.admin), &region(), describe).await;
    described.ok().and_then(|found| found.repositories.into_iter().next())
}

#[tokio::test]
async fn a_push_creates_its_repository_if_the_registry_says_so() {
    let world = World::new().await;
    let (ann, app) = (world.user("ann", &format!("{PUSH},{CREATE}")).await, repository("team/app"));
    assert_eq!(code(start(&world, &ann, &app).await), Code::RepositoryNotFound);
    assert_eq!(shown(&world, "team/app").await, None);
    enable(&world, "ENABLED").await;
    start(&world, &ann, &app).await.unwrap();
    let created = shown(&world, "team/app").await.unwrap();
    assert_eq!(created.image_tag_mutability, ImageTagMutability::Mutable);
    enable(&world, "DISABLED").await;
    let other = repository("team/other");
    assert_eq!(code(start(&world, &ann, &other).await), Code::RepositoryNotFound);
}

#[tokio::test]
async fn each_kind_of_push_creates_a_repository() {
    let world = World::new().await;
    enable(&world, "ENABLED").await;
    let registry = &world.rules.registry;
    let ann = world.user("ann", &format!("{PUSH},{CREATE}")).await;
    let by = ctx(&ann);
    let digest = sha256(b"{}");
    let incoming = Incoming::buffered(b"{}".as_slice().into());
    registry.put_blob(&by, &repository("team/blob"), &digest, incoming).await.unwrap();
    let mounted = registry.mount_blob(&by, &repository("team/mount"), &digest, None).await.unwrap();
    assert!(!mounted, "ann may not download from the only repository with the layer");
    registry.check_put_manifest(&by, &repository("team/checked")).await.unwrap();
    let body = manifest(b"{}").into();
    let tag = Reference::Tag("v1".parse().unwrap());
    let put = registry.put_manifest(&by, &repository("team/manifest"), &tag, &[], None, body).await;
    assert_eq!(code(put), Code::LayersNotFound);
    for name in ["team/blob", "team/mount", "team/checked", "team/manifest"] {
        assert!(shown(&world, name).await.is_some(), "{name}");
    }
    let pulled = registry.get_manifest(&by, &repository("team/pulled"), &tag).await;
    assert_eq!(code(pulled), Code::RepositoryNotFound, "a pull creates nothing");
    assert_eq!(shown(&world, "team/pulled").await, None);
}

/// A caller who may not push gets the same answer whether or not the repository exists, and creates nothing.
#[tokio::test]
async fn policies_decide_who_creates_a_repository_with_a_push() {
    let world = World::new().await;
    enable(&world, "ENABLED").await;
    let stranger = world.user("stranger", CREATE).await;
    let pusher = world.user("pusher", PUSH).await;
    world.create("team/there").await;
    let refused = |name: &'static str| {
        let (world, stranger) = (&world, &stranger);
        async move {
            let error = start(world, stranger, &repository(name)).await.unwrap_err();
            (error.code, error.message.replace(name, "NAME"))
        }
    };
    assert_eq!(refused("team/there").await, refused("team/absent").await);
    assert_eq!(refused("team/absent").await.0, Code::AccessDenied);
    let error = start(&world, &pusher, &repository("team/absent")).await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied);
    let resource =
        "ecr:CreateRepository on resource: arn:aws:ecr:eu-west-1:123456789012:repository/team/absent";
    assert!(error.message.contains(resource), "{}", error.message);
    let ann = world.user("ann", &format!("{PUSH},{CREATE}")).await;
    let error = start(&world, &ann, &repository("other/absent")).await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied, "her policy allows names under team/ only");
    for name in ["team/absent", "other/absent"] {
        assert_eq!(shown(&world, name).await, None, "{name}");
    }
}

#[tokio::test]
async fn the_first_pushes_to_a_name_all_succeed() {
    let world = World::new().await;
    enable(&world, "ENABLED").await;
    let app = repository("team/app");
    let pushes = (0..12).map(|_| start(&world, &world.admin, &app));
    for pushed in futures::future::join_all(pushes).await {
        pushed.unwrap();
    }
}

#[tokio::test]
async fn a_template_gives_a_repository_its_settings() {
    let world = World::new().await;
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}"#;
    let statement = r#"{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"ecr:BatchGetImage"}"#;
    let request = CreateRepositoryCreationTemplateRequest {
        image_tag_mutability: Some(ImageTagMutability::Immutable),
        repository_policy: Some(format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)),
        lifecycle_policy: Some(format!(r#"{{"rules":[{rule}]}}"#)),
        ..template("team")
    };
    create_template(&world, &world.admin, request).await.unwrap();
    start(&world, &world.admin, &repository("team/app")).await.unwrap();
    let created = shown(&world, "team/app").await.unwrap();
    assert_eq!(created.image_tag_mutability, ImageTagMutability::Immutable);
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    let get = GetRepositoryPolicyRequest { repository_name: "team/app".to_owned(), ..Default::default() };
    let policy = registry.get_repository_policy(&by, &region(), get).await.unwrap();
    assert!(policy.policy_text.contains("arn:aws:iam::123456789012:root"), "{}", policy.policy_text);
    let get = GetLifecyclePolicyRequest { repository_name: "team/app".to_owned(), ..Default::default() };
    assert!(registry.get_lifecycle_policy(&by, &region(), get).await.is_ok());
}

#[tokio::test]
async fn the_longest_prefix_wins_and_root_is_for_the_rest() {
    let world = World::new().await;
    let (mutable, immutable) = (ImageTagMutability::Mutable, ImageTagMutability::Immutable);
    for (prefix, setting) in [("prod", immutable), ("prod/open/", mutable), ("ROOT", mutable)] {
        let request = CreateRepositoryCreationTemplateRequest {
            image_tag_mutability: Some(setting),
            ..template(prefix)
        };
        create_template(&world, &world.admin, request).await.unwrap();
    }
    // A longer one that is applied for something else does not count.
    let replicated = CreateRepositoryCreationTemplateRequest {
        applied_for: vec![RCTAppliedFor::Replication],
        ..template("prod/strict/deep")
    };
    create_template(&world, &world.admin, replicated).await.unwrap();
    let expected = [
        ("prod/app", immutable),
        ("prod/open/app", mutable),
        ("prod/strict/deep/app", immutable),
        ("prod-x/app", mutable),
        ("prod", mutable),
    ];
    for (name, setting) in expected {
        start(&world, &world.admin, &repository(name)).await.unwrap();
        assert_eq!(shown(&world, name).await.unwrap().image_tag_mutability, setting, "{name}");
    }
    let again = create_template(&world, &world.admin, template("prod/")).await;
    assert_eq!(code(again), Code::TemplateAlreadyExists, "prod/ is prod");
}

#[tokio::test]
async fn tags_need_a_role_that_trusts_ecr_and_may_tag() {
    let world = World::new().await;
    let ecr_all = r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#;
    let no_tags = r#"{"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"*"}"#;
    let other = r#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}"#;
    make_role(&world, role_request("good", TRUSTS_ECR), ecr_all).await;
    make_role(&world, role_request("no-tags", TRUSTS_ECR), no_tags).await;
    make_role(&world, role_request("untrusting", other), ecr_all).await;
    for role in [None, Some("good"), Some("no-tags"), Some("untrusting")] {
        let request = CreateRepositoryCreationTemplateRequest {
            resource_tags: vec![Tag { key: "team".to_owned(), value: "blue".to_owned() }],
            custom_role_arn: role.map(role_arn),
            ..template(role.unwrap_or("none"))
        };
        create_template(&world, &world.admin, request).await.unwrap();
    }
    let ann = world.user("ann", &format!("{PUSH},{ecr_all}")).await;
    for (prefix, refused) in [
        ("none", Code::InvalidParameter),
        ("no-tags", Code::AccessDenied),
        ("untrusting", Code::AccessDenied),
    ] {
        let name = format!("{prefix}/app");
        assert_eq!(code(start(&world, &ann, &repository(&name)).await), refused, "{prefix}");
        assert_eq!(shown(&world, &name).await, None, "{prefix}");
    }
    start(&world, &ann, &repository("good/app")).await.unwrap();
    let arn = shown(&world, "good/app").await.unwrap().repository_arn;
    let list = ListTagsForResourceRequest { resource_arn: arn };
    let tags = world.rules.registry.list_tags_for_resource(&ctx(&ann), &region(), list).await.unwrap().tags;
    assert_eq!(tags, [Tag { key: "team".to_owned(), value: "blue".to_owned() }]);
    // A role is assumed for each repository: what it may no longer do is no longer done.
    let role = world.meta.read(meta::FindEntity {
        account_id: crate::world::ACCOUNT.parse().unwrap(),
        kind: meta::EntityKind::Role,
        name: "good".to_owned(),
    });
    let role = role.await.unwrap().unwrap();
    world.set_policy(&role.unique_id, no_tags).await;
    assert_eq!(code(start(&world, &ann, &repository("good/other")).await), Code::AccessDenied);
}

/// A template can do no more than its writer may do.
#[tokio::test]
async fn the_writer_of_a_template_needs_what_it_does() {
    let world = World::new().await;
    make_role(
        &world,
        role_request("creator", TRUSTS_ECR),
        r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#,
    )
    .await;
    let write = r#"{"Effect":"Allow","Action":"ecr:*RepositoryCreationTemplate","Resource":"*"}"#;
    let writer = world.user("writer", &format!("{write},{CREATE}")).await;
    let without = world.user("without", write).await;
    let denied = |result: Result<(), Error>, action: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.code, Code::AccessDenied);
        assert!(error.message.contains(action), "{}", error.message);
    };
    denied(create_template(&world, &without, template("team")).await, "ecr:CreateRepository");
    denied(create_template(&world, &writer, template("ROOT")).await, "ecr:CreateRepository");
    let with = |change: fn(&mut CreateRepositoryCreationTemplateRequest)| {
        let mut request = template("team");
        change(&mut request);
        request
    };
    let policy = with(|request| request.repository_policy = Some("{}".to_owned()));
    denied(create_template(&world, &writer, policy).await, "ecr:SetRepositoryPolicy");
    let lifecycle = with(|request| request.lifecycle_policy = Some("{}".to_owned()));
    denied(create_template(&world, &writer, lifecycle).await, "ecr:PutLifecyclePolicy");
    let role = with(|request| request.custom_role_arn = Some(role_arn("creator")));
    denied(create_template(&world, &writer, role.clone()).await, "iam:PassRole");
    let pass = |service: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}"#
        )
    };
    world.set_policy(&writer.unique_id, &format!("{write},{CREATE},{}", pass("ec2.amazonaws.com"))).await;
    denied(create_template(&world, &writer, role.clone()).await, "iam:PassRole");
    world.set_policy(&writer.unique_id, &format!("{write},{CREATE},{}", pass("ecr.amazonaws.com"))).await;
    let missing = with(|request| request.custom_role_arn = Some(role_arn("missing")));
    assert_eq!(code(create_template(&world, &writer, missing).await), Code::InvalidParameter);
    create_template(&world, &writer, role).await.unwrap();
    let update = UpdateRepositoryCreationTemplateRequest {
        prefix: "team".to_owned(),
        repository_policy: Some("{}".to_owned()),
        ..Default::default()
    };
    let updated =
        world.rules.registry.update_repository_creation_template(&ctx(&writer), &region(), update).await;
    denied(updated.map(|_| ()), "ecr:SetRepositoryPolicy");
}

#[tokio::test]
async fn an_update_changes_only_what_it_names() {
    let world = World::new().await;
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    let request = CreateRepositoryCreationTemplateRequest {
        description: Some("one".to_owned()),
        resource_tags: vec![Tag { key: "a".to_owned(), value: "b".to_owned() }],
        image_tag_mutability: Some(ImageTagMutability::Immutable),
        ..template("team")
    };
    create_template(&world, &world.admin, request).await.unwrap();
    let update = |change: fn(&mut UpdateRepositoryCreationTemplateRequest)| {
        let mut request =
            UpdateRepositoryCreationTemplateRequest { prefix: "team".to_owned(), ..Default::default() };
        change(&mut request);
        let by = &by;
        async move {
            let updated = registry.update_repository_creation_template(by, &region(), request).await;
            updated.map(|answer| answer.repository_creation_template.unwrap())
        }
    };
    let described = update(|request| request.description = Some("two".to_owned())).await.unwrap();
    assert_eq!(described.description.as_deref(), Some("two"));
    assert_eq!(
        (described.resource_tags.len(), described.image_tag_mutability),
        (1, Some(ImageTagMutability::Immutable))
    );
    let untagged = update(|request| request.resource_tags = Some(Vec::new())).await.unwrap();
    assert_eq!((untagged.resource_tags.len(), untagged.description.as_deref()), (0, Some("two")));
    let cleared = update(|request| request.description = Some(String::new())).await.unwrap();
    assert_eq!(cleared.description, None);
    let without_filters =
        update(|request| request.image_tag_mutability = Some(ImageTagMutability::MutableWithExclusion)).await;
    assert_eq!(code(without_filters), Code::InvalidParameter);
    let describe = DescribeRepositoryCreationTemplatesRequest {
        prefixes: vec!["team".to_owned(), "none".to_owned()],
        ..Default::default()
    };
    let found = registry.describe_repository_creation_templates(&by, &region(), describe).await.unwrap();
    assert_eq!(found.repository_creation_templates, [cleared]);
    let missing = UpdateRepositoryCreationTemplateRequest { prefix: "none".to_owned(), ..Default::default() };
    let missing = registry.update_repository_creation_template(&by, &region(), missing).await;
    assert_eq!(code(missing), Code::TemplateNotFound);
}
