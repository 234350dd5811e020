//! Pull-through cache rules, and tags that came from upstream registries.

use super::world::{REGION, World, digest, refusal, tag};
use crate::*;

fn rule(prefix: &str, upstream_prefix: &str) -> PullThroughCacheRule {
    PullThroughCacheRule {
        prefix: prefix.into(),
        upstream_url: "registry.example:5000".into(),
        upstream_registry: None,
        upstream_prefix: upstream_prefix.into(),
        credential_arn: Some("secret".into()),
        custom_role_arn: None,
    }
}

async fn create(
    world: &World,
    prefix: &str,
) -> Result<PullThroughCacheRuleRow, OpError<CreatePullThroughCacheRuleRefusal>> {
    let rule = rule(prefix, "ROOT");
    world
        .meta
        .write(CreatePullThroughCacheRule { registry: world.registry, rule, limit: 3, at: Micros(5) })
        .await
}

/// How many rules a pull sees.
async fn seen(world: &World) -> i64 {
    let resolve = Resolve {
        account_id: super::world::ACCOUNT.parse().unwrap(),
        region: REGION.parse().unwrap(),
        repository: None,
        target: Target::None,
        caller: None,
    };
    world.meta.resolve(resolve).await.unwrap().basis.registry.as_ref().unwrap().pull_through_cache_rules
}

pub(super) async fn one_rule_for_each_prefix(world: World) {
    let registry = world.registry;
    assert_eq!(seen(&world).await, 0);
    let made = create(&world, "quay").await.unwrap();
    assert_eq!(refusal(create(&world, "quay/").await), CreatePullThroughCacheRuleRefusal::Exists);
    for prefix in ["ROOT", "a/b"] {
        create(&world, prefix).await.unwrap();
    }
    assert_eq!(refusal(create(&world, "c").await), CreatePullThroughCacheRuleRefusal::Limit);
    assert_eq!(seen(&world).await, 3, "a pull learns of the rules with its one read");
    let page = async |after: Option<&str>| {
        let list = ListPullThroughCacheRules { registry, after: after.map(Into::into), limit: 2 };
        let rows = world.meta.read(list).await.unwrap();
        rows.into_iter().map(|row| row.rule.prefix).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ["ROOT", "a/b"]);
    assert_eq!(page(Some("a/b")).await, ["quay"]);
    let delete = DeletePullThroughCacheRule { registry, prefix: "quay/".into() };
    assert_eq!(world.meta.write(delete.clone()).await.unwrap(), Some(made));
    assert_eq!(world.meta.write(delete).await.unwrap(), None);
    assert_eq!(seen(&world).await, 2);
}

pub(super) async fn an_update_changes_what_it_names(world: World) {
    let made = create(&world, "quay/").await.unwrap();
    let update = |prefix: &str| UpdatePullThroughCacheRule {
        registry: world.registry,
        prefix: prefix.into(),
        credential_arn: None,
        custom_role_arn: Some("role".into()),
        at: Micros(9),
    };
    assert_eq!(world.meta.write(update("other")).await.unwrap(), None);
    let updated = world.meta.write(update("quay")).await.unwrap().unwrap();
    let rule = PullThroughCacheRule { custom_role_arn: Some("role".into()), ..made.rule.clone() };
    assert_eq!(
        updated,
        PullThroughCacheRuleRow { rule, updated_at: Micros(9), version: made.version + 1, ..made }
    );
    let get = GetPullThroughCacheRule { registry: world.registry, prefix: "quay".into() };
    assert_eq!(world.meta.read(get).await.unwrap(), Some(updated));
}

pub(super) async fn the_longest_prefix_decides(world: World) {
    let find = async |name: &str| {
        let find = FindUpstream { registry: world.registry, name: name.into(), tag: None };
        world.meta.read(find).await.unwrap().map(|found| found.rule.rule.prefix)
    };
    create(&world, "quay").await.unwrap();
    create(&world, "quay/deep/").await.unwrap();
    assert_eq!(find("quay/app").await.as_deref(), Some("quay"));
    assert_eq!(find("quay/deep/app").await.as_deref(), Some("quay/deep/"));
    for name in ["quay", "quayx/app", "quay-x/app", "other/app"] {
        assert_eq!(find(name).await, None, "{name}");
    }
    create(&world, "ROOT").await.unwrap();
    assert_eq!(find("other/app").await.as_deref(), Some("ROOT"));
    for (prefix, upstream, name, expected) in [
        ("quay", "ROOT", "quay/a/b", Some("a/b")),
        ("quay/", "team/", "quay/a", Some("team/a")),
        ("ROOT", "ROOT", "a/b", Some("a/b")),
        ("quay", "ROOT", "quayx/a", None),
    ] {
        assert_eq!(rule(prefix, upstream).upstream_name(name).as_deref(), expected, "{prefix} {name}");
    }
}

pub(super) async fn a_tag_is_known_until_its_repository_ends(world: World) {
    create(&world, "quay").await.unwrap();
    let repository = world.repository("quay/app").await;
    let find = async || {
        let find = FindUpstream { registry: world.registry, name: "quay/app".into(), tag: Some(tag("v1")) };
        world.meta.read(find).await.unwrap().unwrap().tag
    };
    let record = |content: &str, at| RecordUpstreamTag {
        repository,
        tag: tag("v1"),
        digest: digest(content),
        at: Micros(at),
        imported_from: None,
    };
    assert_eq!(find().await, None);
    for (content, at) in [("a", 7), ("b", 8)] {
        world.meta.write(record(content, at)).await.unwrap();
        let known = UpstreamTag { digest: digest(content), validated_at: Micros(at) };
        assert_eq!(find().await, Some(known));
    }
    let expire = |name: Option<&str>| ExpireUpstreamTags { repository, tag: name.map(tag) };
    assert_eq!(world.meta.write(expire(Some("v2"))).await.unwrap(), 0);
    assert_eq!(world.meta.write(expire(None)).await.unwrap(), 1);
    assert_eq!(find().await.unwrap().validated_at, Micros(0));
    let delete = DeleteRepository { repository, force: true, at: Micros(9) };
    world.meta.write(delete).await.unwrap();
    assert_eq!(find().await, None);
    assert_eq!(refusal(world.meta.write(record("c", 9)).await), RepositoryGone);
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(9) };
    assert!(world.meta.write(purge).await.unwrap());
}

pub(super) async fn an_image_whose_contents_come_later_is_accepted(world: World) {
    let repository = world.repository("quay/app").await;
    let missing = [digest("layer")];
    let put = |missing_contents| PutImage {
        blobs: missing.to_vec(),
        missing: missing_contents,
        ..world.image(repository, "body", &[])
    };
    let refused = world.meta.write(put(MissingContents::AsTheRegistrySays)).await;
    assert_eq!(refusal(refused), PutImageRefusal::LayersNotFound(missing.to_vec()));
    let import = || MissingContents::Import { name: "quay/app".into() };
    let outcome = world.meta.write(put(import())).await.unwrap();
    assert!(outcome.created);
    let find = async || {
        let upstream = Some(ImportedFrom { name: "quay/app".into(), since: Micros(0) });
        world.meta.read(FindLayerImages { repository, digests: missing.to_vec(), upstream }).await.unwrap()[0]
            .clone()
    };
    let found = find().await;
    assert_eq!((found.manifest, found.is_imported), (outcome.image.digest, true));
    // An image that was pushed counts as imported from its first import on.
    world.sparse("ENABLED").await;
    let sparse = |missing_contents| PutImage {
        blobs: missing.to_vec(),
        missing: missing_contents,
        ..world.image(repository, "another body", &[])
    };
    world.meta.write(sparse(MissingContents::AsTheRegistrySays)).await.unwrap();
    let found = find().await;
    assert_eq!((found.manifest, found.is_imported), (outcome.image.digest, true), "the newer one was pushed");
    assert!(!world.meta.write(sparse(import())).await.unwrap().created);
    assert_eq!((find().await.manifest, find().await.is_imported), (digest("another body"), true));
}

pub(super) async fn an_import_counts_under_its_name_and_rule(world: World) {
    let repository = world.repository("evil/app").await;
    let import = |body: &str, name: &str| PutImage {
        blobs: vec![digest("layer")],
        missing: MissingContents::Import { name: name.into() },
        ..world.image(repository, body, &[])
    };
    let is_imported = async |name: &str, since| {
        let upstream = Some(ImportedFrom { name: name.into(), since: Micros(since) });
        let find = FindLayerImages { repository, digests: vec![digest("layer")], upstream };
        world.meta.read(find).await.unwrap()[0].is_imported
    };
    let first = import("first", "evil/app");
    world.meta.write(first.clone()).await.unwrap();
    assert!(is_imported("evil/app", first.at.0).await);
    assert!(!is_imported("evil/app", first.at.0 + 1).await, "the rule is a later one");
    assert!(!is_imported("good/app", 0).await, "the request was for another name");
    let rename = |name: &str| RenameRepository {
        repository,
        name: name.into(),
        redirect_until: Micros(0),
        decided: DecidedVersions::default(),
        at: Micros(world.id()),
    };
    world.meta.write(rename("good/app")).await.unwrap();
    assert!(!is_imported("good/app", 0).await, "it came under the old name");
    // An import that was decided before the name changed.
    world.meta.write(import("late", "evil/app")).await.unwrap();
    world.meta.write(import("first", "evil/app")).await.unwrap();
    assert!(!is_imported("good/app", 0).await);
    world.meta.write(import("new", "good/app")).await.unwrap();
    assert!(is_imported("good/app", 0).await);
    world.meta.write(rename("evil/app")).await.unwrap();
    assert!(!is_imported("evil/app", 0).await);
}
