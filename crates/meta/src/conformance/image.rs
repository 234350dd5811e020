//! PutImage: what it requires, changes and refuses.

use oci::digest::{Algorithm, Digest};

use super::world::{TAGS_LIMIT, World, delete_image, digest, refusal, tag};
use crate::*;

pub(super) async fn what_it_names_must_be_there(world: World) {
    let repository = world.repository("app").await;
    let other = world.repository("other").await;
    let (blob, foreign) = (world.blob(repository, "layer").await, world.blob(other, "foreign").await);
    let put =
        PutImage { blobs: vec![foreign, blob, digest("none"), foreign], ..world.image(repository, "m", &[]) };
    let missing = PutImageRefusal::LayersNotFound(vec![foreign, digest("none")]);
    assert_eq!(refusal(world.meta.write(put).await), missing);
    let small = world.put(repository, "small", &[]).await;
    let large = PutImage { image_size: 900, ..world.image(repository, "large", &[]) };
    world.meta.write(large).await.unwrap();
    let index = PutImage {
        children: vec![small.digest, digest("absent"), digest("large")],
        ..world.image(repository, "index", &[])
    };
    let missing = PutImageRefusal::ReferencedImagesNotFound(vec![digest("absent")]);
    assert_eq!(refusal(world.meta.write(index.clone()).await), missing);
    let asks = PutImage { missing: MissingContents::AsTheRegistrySays, ..index.clone() };
    assert_eq!(refusal(world.meta.write(asks.clone()).await), missing);
    world.sparse("ENABLED").await;
    assert_eq!(refusal(world.meta.write(index).await), missing, "ECR's PutImage");
    let sparse = world.meta.write(asks).await.unwrap();
    assert_eq!(sparse.image.image_size, 900, "an index is as large as its largest child");
    world.sparse("DISABLED").await;
    let long = Digest::of(Algorithm::Sha512, b"m");
    let put = PutImage { digest: long, ..world.image(repository, "m", &["sha512"]) };
    assert_eq!(world.meta.write(put).await.unwrap().image.digest, long);
    assert_eq!(world.row("app").await.image_count, 4);
}

pub(super) async fn what_stays_elsewhere_may_be_missing(world: World) {
    let repository = world.repository("app").await;
    let foreign = digest("foreign");
    let put = PutImage { blobs: vec![foreign], foreign: vec![foreign], ..world.image(repository, "m", &[]) };
    world.meta.write(put).await.unwrap();
    world.blob(repository, "foreign").await;
    let unlink = UnlinkBlob { repository, digest: foreign, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(unlink).await), UnlinkBlobRefusal::InUse);
}

pub(super) async fn a_tag_moves_with_its_counts(world: World) {
    let repository = world.repository("app").await;
    let one = world.meta.write(world.image(repository, "one", &["v1", "latest"])).await.unwrap();
    assert_eq!((one.created, one.tags_moved.len(), one.image.tag_count), (true, 2, 2));
    let two = world.meta.write(world.image(repository, "two", &["latest", "v1"])).await.unwrap();
    assert_eq!((two.created, two.image.tag_count), (true, 2));
    assert_eq!(two.tags_moved, [tag("latest"), tag("v1")]);
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (2, 2));
    let page = DescribeImages {
        repository,
        after: None,
        limit: 9,
        tag_status: TagStatus::Untagged,
        state: Some(ImageState::Active),
    };
    let untagged = world.meta.read(page).await.unwrap();
    assert_eq!(untagged.len(), 1);
    assert_eq!((untagged[0].image.digest, untagged[0].image.tag_count), (digest("one"), 0));
    let back = world.meta.write(world.image(repository, "one", &["v1"])).await.unwrap();
    assert_eq!((back.created, back.image.id, back.image.tag_count), (false, one.image.id, 1));
    assert_eq!(back.image.pushed_at, one.image.pushed_at, "the first push counts");
}

pub(super) async fn immutable_tags_stay(world: World) {
    let create = CreateRepository { mutability: Mutability::Immutable, ..world.new_repository("app") };
    let repository = world.meta.write(create).await.unwrap().key;
    world.put(repository, "one", &["v1"]).await;
    let stays = PutImageRefusal::TagImmutable { tag: tag("v1"), current: digest("one") };
    assert_eq!(refusal(world.meta.write(world.image(repository, "two", &["new", "v1"])).await), stays);
    assert_eq!(world.row("app").await.image_count, 1, "what was refused left nothing");
    let same = world.meta.write(world.image(repository, "one", &["v1"])).await.unwrap();
    assert_eq!((same.created, same.tags_moved.len()), (false, 0));
    assert_eq!(world.put(repository, "one", &["v2"]).await.tag_count, 2);
}

pub(super) async fn filters_turn_the_rule(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["dev-1", "v1"]).await;
    for (mutability, moves, stays) in [
        (Mutability::ImmutableWithExclusion, "dev-1", "v1"),
        (Mutability::MutableWithExclusion, "v1", "dev-1"),
    ] {
        let set = PutImageTagMutability {
            repository,
            mutability,
            filters: vec!["x".into(), "dev*".into()],
            at: Micros(9),
        };
        world.meta.write(set).await.unwrap();
        let put = world.image(repository, "two", &[stays]);
        let current = digest("one");
        assert_eq!(
            refusal(world.meta.write(put).await),
            PutImageRefusal::TagImmutable { tag: tag(stays), current }
        );
        assert_eq!(
            world.meta.write(world.image(repository, "two", &[moves])).await.unwrap().tags_moved.len(),
            1
        );
        world
            .meta
            .write(PutImageTagMutability {
                repository,
                mutability: Mutability::Mutable,
                filters: Vec::new(),
                at: Micros(9),
            })
            .await
            .unwrap();
        world.put(repository, "one", &[moves]).await;
    }
}

pub(super) async fn the_same_push_again(world: World) {
    let repository = world.repository("app").await;
    let strict = |tags: &[&str]| PutImage {
        same_digest_same_tag: SameDigestSameTag::Refuse,
        ..world.image(repository, "m", tags)
    };
    let put = strict(&["v1"]);
    let done = world.meta.write(put.clone()).await.unwrap();
    let again = world.meta.write(put).await.unwrap();
    assert_eq!((again.created, &again.tags_moved), (true, &done.tags_moved), "a repeat finds its own");
    let exists = |name| PutImageRefusal::ImageAlreadyExists { digest: digest("m"), tag: name };
    assert_eq!(refusal(world.meta.write(strict(&["v1"])).await), exists(Some(tag("v1"))));
    assert_eq!(refusal(world.meta.write(strict(&[])).await), exists(None));
    assert_eq!(world.meta.write(strict(&["v1", "v2"])).await.unwrap().tags_moved, [tag("v2")]);
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (1, 2));
}

pub(super) async fn ids_grow(world: World) {
    let repository = world.repository("app").await;
    let first = world.put(repository, "one", &[]).await.id;
    // A clock that was set back gives a smaller ID.
    let late = PutImage { id: ImageId(3), ..world.image(repository, "two", &[]) };
    assert!(world.meta.write(late).await.unwrap().image.id > first);
    world.meta.write(delete_image(repository, "two")).await.unwrap();
    let again = PutImage { id: ImageId(3), ..world.image(repository, "two", &[]) };
    assert!(world.meta.write(again).await.unwrap().image.id.0 > first.0 + 1, "an id is never given again");
}

pub(super) async fn a_storage_quota_refuses_new_images(world: World) {
    let repository = world.repository("app").await;
    let over =
        |body, tags: &[&str]| PutImage { is_over_storage_quota: true, ..world.image(repository, body, tags) };
    assert_eq!(refusal(world.meta.write(over("one", &["a"])).await), PutImageRefusal::OverStorageQuota);
    world.put(repository, "one", &["a"]).await;
    let again = world.meta.write(over("one", &["b"])).await.unwrap();
    assert_eq!((again.created, again.tags_moved), (false, vec![tag("b")]), "it adds nothing");
    let full = PutImage { images_limit: 1, ..over("two", &[]) };
    assert_eq!(refusal(world.meta.write(full).await), PutImageRefusal::OverStorageQuota);
    let full = PutImage { images_limit: 1, ..world.image(repository, "two", &[]) };
    assert_eq!(refusal(world.meta.write(full).await), PutImageRefusal::TooManyImages);
}

pub(super) async fn too_many_tags(world: World) {
    let repository = world.repository("app").await;
    let tags: Vec<_> = (0..TAGS_LIMIT).map(|at| tag(&format!("t{at}"))).collect();
    let put = PutImage { tags, ..world.image(repository, "m", &[]) };
    assert_eq!(world.meta.write(put).await.unwrap().image.tag_count, TAGS_LIMIT);
    assert_eq!(
        refusal(world.meta.write(world.image(repository, "m", &["more"])).await),
        PutImageRefusal::TooManyTags
    );
    world.sql("UPDATE repository SET image_count = 100000").await.unwrap();
    let more = world.image(repository, "more", &[]);
    assert_eq!(refusal(world.meta.write(more).await), PutImageRefusal::TooManyImages);
}

pub(super) async fn manifests_are_stored(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "body", &[]).await;
    let load = |id| world.meta.read(LoadManifest { repository, id });
    assert_eq!(load(image.id).await.unwrap().as_deref(), Some(b"body".as_slice()));
    assert_eq!(load(ImageId(1)).await.unwrap(), None);
}

pub(super) async fn exclusions_are_made_once_within_the_limit(world: World) {
    const ROLE: &str = "arn:aws:iam::123456789012:role/scanner";
    let registry = world.repository("app").await.registry;
    let register = |arn: &str| RegisterPullTimeExclusion {
        registry,
        principal_arn: arn.to_owned(),
        at: Micros(5),
        limit: 2,
    };
    world.meta.write(register(ROLE)).await.unwrap();
    let again = refusal(world.meta.write(register(ROLE)).await);
    assert_eq!(again, RegisterPullTimeExclusionRefusal::Exists);
    world.meta.write(register("arn:a")).await.unwrap();
    let many = refusal(world.meta.write(register("arn:b")).await);
    assert_eq!(many, RegisterPullTimeExclusionRefusal::Limit);
    let list = |after: Option<&str>, limit| {
        world.meta.read(ListPullTimeExclusions { registry, after: after.map(str::to_owned), limit })
    };
    assert_eq!(list(None, 1).await.unwrap(), ["arn:a"]);
    assert_eq!(list(Some("arn:a"), 9).await.unwrap(), [ROLE]);
    let deregister = || DeregisterPullTimeExclusion { registry, principal_arn: ROLE.to_owned() };
    world.meta.write(deregister()).await.unwrap();
    assert_eq!(refusal(world.meta.write(deregister()).await), NotExcluded);
    assert_eq!(list(None, 9).await.unwrap(), ["arn:a"]);
}
