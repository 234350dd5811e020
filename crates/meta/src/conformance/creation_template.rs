//! Repository creation templates, and repositories that are created whole.

use super::world::{World, refusal};
use crate::*;

fn template(prefix: &str, applied_for: &[&str]) -> CreationTemplate {
    CreationTemplate {
        prefix: prefix.into(),
        description: Some("d".into()),
        applied_for: applied_for.iter().map(|purpose| (*purpose).to_owned()).collect(),
        mutability: Mutability::ImmutableWithExclusion,
        filters: vec!["dev*".into()],
        tags: vec![("team".into(), "blue".into())],
        encryption_type: "AES256".into(),
        kms_key: None,
        repository_policy: Some("{}".into()),
        lifecycle_policy: None,
        custom_role_arn: Some("arn".into()),
    }
}

fn create(world: &World, prefix: &str, applied_for: &[&str]) -> CreateCreationTemplate {
    let template = template(prefix, applied_for);
    CreateCreationTemplate { registry: world.registry, template, limit: 4, at: Micros(5) }
}

pub(super) async fn one_for_each_prefix(world: World) {
    let registry = world.registry;
    let made = world.meta.write(create(&world, "prod", &["REPLICATION"])).await.unwrap();
    let get = |prefix: &str| world.meta.read(GetCreationTemplate { registry, prefix: prefix.into() });
    assert_eq!(get("prod/").await.unwrap(), Some(made.clone()));
    let again = world.meta.write(create(&world, "prod/", &["REPLICATION"])).await;
    assert_eq!(refusal(again), CreateCreationTemplateRefusal::Exists);
    for prefix in ["ROOT", "a", "prod/deep"] {
        world.meta.write(create(&world, prefix, &["CREATE_ON_PUSH"])).await.unwrap();
    }
    let full = world.meta.write(create(&world, "b", &["REPLICATION"])).await;
    assert_eq!(refusal(full), CreateCreationTemplateRefusal::Limit);
    let page =
        |after: Option<&str>| ListCreationTemplates { registry, after: after.map(Into::into), limit: 2 };
    let names =
        |rows: Vec<CreationTemplateRow>| rows.into_iter().map(|row| row.template.prefix).collect::<Vec<_>>();
    assert_eq!(names(world.meta.read(page(None)).await.unwrap()), ["ROOT", "a"]);
    assert_eq!(names(world.meta.read(page(Some("a"))).await.unwrap()), ["prod", "prod/deep"]);
    let delete = DeleteCreationTemplate { registry, prefix: "prod/".into() };
    assert_eq!(world.meta.write(delete.clone()).await.unwrap(), Some(made));
    assert_eq!(world.meta.write(delete).await.unwrap(), None);
}

pub(super) async fn a_change_needs_the_version_that_was_read(world: World) {
    let registry = world.registry;
    let made = world.meta.write(create(&world, "prod", &["REPLICATION"])).await.unwrap();
    let changed = CreationTemplate { description: None, filters: Vec::new(), ..made.template.clone() };
    let replace =
        ReplaceCreationTemplate { registry, template: changed, version: made.version, at: Micros(9) };
    world.meta.write(replace.clone()).await.unwrap();
    assert_eq!(refusal(world.meta.write(replace.clone()).await), CreationTemplateChanged);
    let found =
        world.meta.read(GetCreationTemplate { registry, prefix: "prod".into() }).await.unwrap().unwrap();
    assert_eq!(
        (found.template, found.created_at, found.updated_at),
        (replace.template, Micros(5), Micros(9))
    );
}

pub(super) async fn a_new_template_is_not_the_one_that_was_read(world: World) {
    let registry = world.registry;
    let made = world.meta.write(create(&world, "prod", &["REPLICATION"])).await.unwrap();
    let delete = DeleteCreationTemplate { registry, prefix: "prod".into() };
    world.meta.write(delete).await.unwrap();
    world.meta.write(create(&world, "prod", &["CREATE_ON_PUSH"])).await.unwrap();
    let replace =
        ReplaceCreationTemplate { registry, template: made.template, version: made.version, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(replace).await), CreationTemplateChanged);
}

pub(super) async fn the_longest_prefix_that_applies_is_found(world: World) {
    let registry = world.registry;
    let find = async |name: &str| {
        let find = FindCreation { registry, name: name.into(), applied_for: "CREATE_ON_PUSH" };
        world.meta.read(find).await.unwrap().template.map(|row| row.template.prefix)
    };
    assert_eq!(find("prod/app").await, None);
    world.meta.write(create(&world, "prod/", &["REPLICATION", "CREATE_ON_PUSH"])).await.unwrap();
    world.meta.write(create(&world, "prod/deep", &["REPLICATION"])).await.unwrap();
    assert_eq!(find("prod/app").await.as_deref(), Some("prod/"));
    assert_eq!(find("prod/deep/app").await.as_deref(), Some("prod/"), "the longer one is for replication");
    for name in ["prod", "prod-x/app", "prods/app", "ROOT/app"] {
        assert_eq!(find(name).await, None, "{name}");
    }
    world.meta.write(create(&world, "ROOT", &["CREATE_ON_PUSH"])).await.unwrap();
    assert_eq!(find("prod-x/app").await.as_deref(), Some("ROOT"));
    assert_eq!(find("prod/app").await.as_deref(), Some("prod/"));
}

pub(super) async fn a_repository_is_created_with_its_policies(world: World) {
    let whole = CreateRepository {
        policy: Some("{}".into()),
        lifecycle_policy: Some("rules".into()),
        ..world.new_repository("app")
    };
    let row = world.meta.write(whole).await.unwrap();
    assert_eq!(row.policy_version, 1);
    let policy = world.meta.read(LoadRepositoryPolicy { repository: row.key }).await.unwrap();
    assert_eq!(policy, VersionedPolicy { version: 1, document: Some("{}".into()) });
    let lifecycle = world.meta.read(GetLifecyclePolicy { repository: row.key }).await.unwrap().unwrap();
    assert_eq!(lifecycle.document, "rules");
}
