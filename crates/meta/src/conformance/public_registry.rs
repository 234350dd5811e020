//! Public registries: their aliases, the catalog data of their repositories, and the details of tags.

use aws::ids::Region;

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, digest, refusal},
};
use crate::*;

async fn ensure(world: &World, key: i64, alias: &str) -> Result<PublicRegistry, OpError<RegistryAliasTaken>> {
    let account = world.registry_in(REGION, world.registry).await.account;
    let ensure = EnsurePublicRegistry {
        key_if_new: RegistryKey(key),
        alias_if_new: alias.to_owned(),
        account,
        at: Micros(5),
    };
    world.meta.write(ensure).await
}

async fn resolved(world: &World, region: Region, name: &str) -> Resolved {
    let resolve = Resolve {
        account_id: digits(ACCOUNT),
        region,
        repository: Some(name.into()),
        target: Target::None,
        caller: None,
    };
    world.meta.resolve(resolve).await.unwrap()
}

pub(super) async fn an_account_has_one_beside_its_private_ones(world: World) {
    let first = ensure(&world, 71, "a1b2c3d4").await.unwrap();
    assert_eq!(
        (first.key, first.alias.as_str(), first.display_name.as_deref()),
        (RegistryKey(71), "a1b2c3d4", None)
    );
    assert_eq!(ensure(&world, 72, "other").await.unwrap(), first, "the alias never changes");
    let find = |alias: &str| world.meta.read(FindRegistryAlias { alias: alias.to_owned() });
    assert_eq!(find("a1b2c3d4").await.unwrap(), Some(digits(ACCOUNT)));
    assert_eq!(find("other").await.unwrap(), None);

    let put = PutRegistryDisplayName { registry: first.key, display_name: Some("Team".to_owned()) };
    world.meta.write(put).await.unwrap();
    let found = world.meta.read(FindPublicRegistry { account_id: digits(ACCOUNT) }).await.unwrap();
    assert_eq!(found.unwrap().display_name.as_deref(), Some("Team"));

    // A repository of the same name is another one.
    let private = world.repository("app").await;
    let public = CreatePublicRepository {
        repository: CreateRepository { registry: first.key, ..world.new_repository("app") },
        catalog: None,
        logo: None,
    };
    let public = world.meta.write(public).await.unwrap().key;
    assert_ne!(private, public);
    let of = |resolved: Resolved| resolved.basis.repository.as_ref().unwrap().key;
    assert_eq!(of(resolved(&world, REGION.parse().unwrap(), "app").await), private);
    assert_eq!(of(resolved(&world, Region::public(), "app").await), public);
}

pub(super) async fn an_alias_belongs_to_one_account(world: World) {
    ensure(&world, 71, "taken").await.unwrap();
    let other = CreateAccount {
        key: AccountKey(99),
        account_id: digits("999999999999"),
        name: "other".to_owned(),
        at: Micros(1),
    };
    let account = world.meta.write(other).await.unwrap().key;
    let ensure = |alias: &str| EnsurePublicRegistry {
        key_if_new: RegistryKey(72),
        alias_if_new: alias.to_owned(),
        account,
        at: Micros(5),
    };
    assert_eq!(refusal(world.meta.write(ensure("taken")).await), RegistryAliasTaken);
    assert_eq!(world.meta.write(ensure("free")).await.unwrap().alias, "free");
}

pub(super) async fn catalog_data_keeps_the_logo_and_ends_with_its_repository(world: World) {
    let registry = ensure(&world, 71, "a1b2c3d4").await.unwrap().key;
    let logo = Logo { bytes: b"logo".to_vec(), digest: digest("logo") };
    let data = CatalogData {
        description: Some("d".to_owned()),
        architectures: vec!["x86-64".to_owned()],
        operating_systems: vec!["Linux".to_owned()],
        about_text: Some("# about".to_owned()),
        usage_text: None,
        logo: Some(logo.digest),
    };
    let create = CreatePublicRepository {
        repository: CreateRepository { registry, ..world.new_repository("app") },
        catalog: Some(data.clone()),
        logo: Some(logo),
    };
    let repository = world.meta.write(create.clone()).await.unwrap().key;
    let again = CreateRepository { registry, ..world.new_repository("app") };
    let again = CreatePublicRepository { repository: again, ..create };
    assert_eq!(refusal(world.meta.write(again).await), CreateRepositoryRefusal::Exists);
    let get = || world.meta.read(GetCatalogData { repository });
    assert_eq!(get().await.unwrap(), Some(data.clone()));
    assert_eq!(world.meta.read(GetLogo { repository }).await.unwrap(), Some(b"logo".to_vec()));

    let changed = CatalogData { description: None, logo: None, ..data.clone() };
    let put = |repository| PutCatalogData { repository, catalog: changed.clone(), logo: None };
    let kept = CatalogData { logo: data.logo, ..changed.clone() };
    assert_eq!(world.meta.write(put(repository)).await.unwrap(), kept);
    assert_eq!(get().await.unwrap(), Some(kept));

    world.meta.write(DeleteRepository { repository, force: true, at: Micros(9) }).await.unwrap();
    assert_eq!(refusal(world.meta.write(put(repository)).await), RepositoryGone);
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(10) };
    assert!(world.meta.write(purge).await.unwrap());
    assert_eq!(get().await.unwrap(), None);
}

pub(super) async fn tags_come_with_their_images_in_pages(world: World) {
    let repository = world.repository("app").await;
    let first = world.put(repository, "{1}", &["b", "a"]).await;
    let second = world.put(repository, "{2}", &["c"]).await;
    let list = |after: Option<&str>, limit| {
        world.meta.read(ListTagDetails { repository, after: after.map(str::to_owned), limit })
    };
    let named = |details: Vec<TagDetail>| {
        details.into_iter().map(|detail| (detail.tag.to_string(), detail.image.digest)).collect::<Vec<_>>()
    };
    let (a, b) = (("a".to_owned(), first.digest), ("b".to_owned(), first.digest));
    let c = ("c".to_owned(), second.digest);
    assert_eq!(named(list(None, 2).await.unwrap()), [a, b]);
    assert_eq!(named(list(Some("b"), 2).await.unwrap()), [c]);
}
