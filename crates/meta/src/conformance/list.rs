//! Pages: every entry once, in order, for any page size.

use super::world::{World, digest, tag};
use crate::*;

/// Five images: two tags, none, one, none, three tags.
async fn five(world: &World) -> RepositoryKey {
    let repository = world.repository("app").await;
    for (body, tags) in
        [("0", &["b", "a"][..]), ("1", &[]), ("2", &["c"]), ("3", &[]), ("4", &["x", "Z", "y"])]
    {
        world.put(repository, body, tags).await;
    }
    repository
}

pub(super) async fn images_in_pages(world: World) {
    let repository = five(&world).await;
    for (tag_status, expected) in [
        (TagStatus::Any, &["0", "1", "2", "3", "4"][..]),
        (TagStatus::Tagged, &["0", "2", "4"]),
        (TagStatus::Untagged, &["1", "3"]),
    ] {
        for limit in 1..7 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = world
                    .meta
                    .read(DescribeImages {
                        repository,
                        after,
                        limit,
                        tag_status,
                        state: Some(ImageState::Active),
                    })
                    .await
                    .unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = Some(last.image.id);
                seen.extend(page.iter().map(|listed| listed.image.digest));
            }
            assert_eq!(
                seen,
                expected.iter().map(|body| digest(body)).collect::<Vec<_>>(),
                "{tag_status:?} {limit}"
            );
        }
    }
    let all = DescribeImages {
        repository,
        after: None,
        limit: 9,
        tag_status: TagStatus::Any,
        state: Some(ImageState::Active),
    };
    let all = world.meta.read(all).await.unwrap();
    assert_eq!(all[4].tags, [tag("Z"), tag("x"), tag("y")]);
}

pub(super) async fn ids_in_pages(world: World) {
    let repository = five(&world).await;
    let any = [
        ("0", Some("a")),
        ("0", Some("b")),
        ("1", None),
        ("2", Some("c")),
        ("3", None),
        ("4", Some("Z")),
        ("4", Some("x")),
        ("4", Some("y")),
    ];
    for tag_status in [TagStatus::Any, TagStatus::Tagged, TagStatus::Untagged] {
        let expected: Vec<_> = any
            .iter()
            .filter(|(_, name)| match tag_status {
                TagStatus::Any => true,
                TagStatus::Tagged => name.is_some(),
                TagStatus::Untagged => name.is_none(),
            })
            .map(|(body, name)| (digest(body), name.map(tag)))
            .collect();
        for limit in 1..10 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = world
                    .meta
                    .read(ListImages {
                        repository,
                        after,
                        limit,
                        tag_status,
                        state: Some(ImageState::Active),
                    })
                    .await
                    .unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{tag_status:?} {limit}");
        }
    }
}

pub(super) async fn images_by_name(world: World) {
    let repository = five(&world).await;
    let by_tag = |name| ImageRef { tag: Some(tag(name)), digest: None };
    let by_digest = |body| ImageRef { tag: None, digest: Some(digest(body)) };
    let both = |name, body| ImageRef { tag: Some(tag(name)), digest: Some(digest(body)) };
    let ids = vec![
        by_tag("y"),
        by_digest("1"),
        by_tag("none"),
        by_tag("a"),
        by_tag("b"),
        both("b", "0"),
        both("c", "0"),
        both("c", "no such"),
        both("none", "0"),
        ImageRef::default(),
    ];
    let found = world.meta.read(FindImages { repository, ids }).await.unwrap();
    let seen = |image| match image {
        FoundImage::Found(image) => format!("{} with {}", image.image.digest, image.tags.len()),
        FoundImage::TagOfAnother => "tag of another".to_owned(),
        FoundImage::NotFound => "none".to_owned(),
    };
    let is = |body, tags| format!("{} with {tags}", digest(body));
    let (another, none) = ("tag of another".to_owned(), "none".to_owned());
    let expected = [
        is("4", 3),
        is("1", 0),
        none.clone(),
        is("0", 2),
        is("0", 2),
        is("0", 2),
        another.clone(),
        another,
        none.clone(),
        none,
    ];
    assert_eq!(found.into_iter().map(seen).collect::<Vec<_>>(), expected);
}

pub(super) async fn tags_in_pages(world: World) {
    let repository = five(&world).await;
    let page = |after: Option<&str>, limit| {
        world.meta.read(ListTags { repository, after: after.map(str::to_owned), limit })
    };
    assert_eq!(page(None, 3).await.unwrap(), ["Z", "a", "b"].map(tag));
    assert_eq!(page(Some("b"), 9).await.unwrap(), ["c", "x", "y"].map(tag));
    assert_eq!(page(Some("bbb"), 1).await.unwrap(), [tag("c")]);
    assert_eq!(page(Some("y"), 9).await.unwrap(), []);
}

pub(super) async fn referrers(world: World) {
    let repository = world.repository("app").await;
    // The subject need not exist.
    let subject = digest("subject");
    for (body, artifact_type) in
        [("0", Some("sbom")), ("1", Some("signature")), ("2", None), ("3", Some("sbom"))]
    {
        let put = PutImage {
            subject: Some(subject),
            artifact_type: artifact_type.map(str::to_owned),
            annotations_json: Some(b"{}".to_vec()),
            ..world.image(repository, body, &[])
        };
        world.meta.write(put).await.unwrap();
    }
    world.put(repository, "no referrer", &[]).await;
    let list = |types: &[&str], after, limit| ListReferrers {
        repository,
        subject,
        artifact_types: types.iter().map(|&name| name.to_owned()).collect(),
        state: Some(ImageState::Active),
        after,
        limit,
    };
    let digests = |found: &[Referrer]| found.iter().map(|referrer| referrer.digest).collect::<Vec<_>>();
    let first = world.meta.read(list(&[], None, 3)).await.unwrap();
    assert_eq!(digests(&first), ["0", "1", "2"].map(digest));
    assert_eq!((first[0].size, first[0].annotations_json.as_deref()), (1, Some(b"{}".as_slice())));
    let rest = world.meta.read(list(&[], Some(first[2].id), 3)).await.unwrap();
    assert_eq!(digests(&rest), ["3"].map(digest));
    let sboms = world.meta.read(list(&["sbom"], None, 9)).await.unwrap();
    assert_eq!(digests(&sboms), ["0", "3"].map(digest));
    let three = world.meta.read(list(&["sbom", "signature", "none"], None, 9)).await.unwrap();
    assert_eq!(digests(&three), ["0", "1", "3"].map(digest));
    let measure = |limit, bytes| MeasureReferrers { list: list(&[], None, limit), bytes };
    let whole = ReferrersMeasure { count: 4, bytes: 8, more: false };
    assert_eq!(world.meta.read(measure(4, 8)).await.unwrap(), whole);
    let by_count = ReferrersMeasure { count: 3, bytes: 6, more: true };
    assert_eq!(world.meta.read(measure(3, 8)).await.unwrap(), by_count);
    let by_bytes = ReferrersMeasure { count: 2, bytes: 4, more: true };
    assert_eq!(world.meta.read(measure(4, 5)).await.unwrap(), by_bytes);
    let at_least_one = ReferrersMeasure { count: 1, bytes: 2, more: true };
    assert_eq!(world.meta.read(measure(4, 1)).await.unwrap(), at_least_one);
    let other = ListReferrers { subject: digest("other"), ..list(&[], None, 9) };
    assert_eq!(world.meta.read(other).await.unwrap(), []);
}
