//! Deletion of images and tags, with their counters.

use super::world::{World, delete_image, digest, refusal, tag};
use crate::*;

pub(super) async fn by_tag_and_by_digest(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["a", "b"]).await;
    world.put(repository, "two", &["c"]).await;
    world.put(repository, "three", &[]).await;
    let batch = |items, removes| BatchDeleteImage {
        repository,
        items,
        at: Micros(9),
        tag_delete_removes_untagged_image: removes,
        refuse_if_referenced: true,
    };
    let items = vec![
        DeleteItem::ByTag(tag("b")),
        DeleteItem::ByTag(tag("b")),
        DeleteItem::Both(digest("one"), tag("c")),
        DeleteItem::Both(digest("two"), tag("c")),
        DeleteItem::ByDigest(digest("two")),
        DeleteItem::ByDigest(digest("three")),
    ];
    let outcomes = world.meta.write(batch(items, true)).await.unwrap();
    let removed = |name, with| {
        DeleteOutcome::Removed(Removed { pairs: vec![(digest(name), with)], is_referrer: false })
    };
    assert_eq!(
        outcomes,
        [
            removed("one", Some(tag("b"))),
            DeleteOutcome::NotFound,
            DeleteOutcome::TagDigestMismatch,
            removed("two", Some(tag("c"))),
            DeleteOutcome::NotFound,
            removed("three", None),
        ]
    );
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (1, 1));
    world.meta.write(batch(vec![DeleteItem::ByTag(tag("a"))], false)).await.unwrap();
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (1, 0), "the image stays where the caller says so");
    let gone = RepositoryKey { id: 1, ..repository };
    let batch = BatchDeleteImage { repository: gone, ..batch(Vec::new(), true) };
    assert_eq!(refusal(world.meta.write(batch).await), RepositoryGone);
}

pub(super) async fn the_child_of_an_index_stays(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "child", &["c"]).await;
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["i"]) };
    world.meta.write(index).await.unwrap();
    let delete = async |name| {
        let outcomes = world.meta.write(delete_image(repository, name)).await.unwrap();
        let [outcome] = <[_; 1]>::try_from(outcomes).unwrap();
        outcome
    };
    let lists = vec![digest("index")];
    assert_eq!(delete("child").await, DeleteOutcome::ReferencedByList(lists.clone()));
    let batch = BatchDeleteImage {
        repository,
        items: vec![DeleteItem::ByTag(tag("c")), DeleteItem::ByDigest(digest("child"))],
        at: Micros(9),
        tag_delete_removes_untagged_image: true,
        refuse_if_referenced: true,
    };
    let stays = DeleteOutcome::ReferencedByList(lists);
    assert_eq!(world.meta.write(batch).await.unwrap(), [stays.clone(), stays]);
    let removed = |name, with| {
        DeleteOutcome::Removed(Removed { pairs: vec![(digest(name), Some(tag(with)))], is_referrer: false })
    };
    assert_eq!(delete("index").await, removed("index", "i"));
    assert_eq!(delete("child").await, removed("child", "c"));
    assert_eq!(delete("child").await, DeleteOutcome::NotFound);
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (0, 0));
}

pub(super) async fn a_tag_alone(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["a"]).await;
    let delete = || world.meta.write(DeleteTag { repository, tag: tag("a"), at: Micros(9) });
    assert_eq!(delete().await.unwrap(), digest("one"));
    assert_eq!(refusal(delete().await), DeleteTagRefusal::NotFound);
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (1, 0));
    let page = DescribeImages {
        repository,
        after: None,
        limit: 9,
        tag_status: TagStatus::Untagged,
        state: Some(ImageState::Active),
    };
    assert_eq!(world.meta.read(page).await.unwrap().len(), 1);
}

pub(super) async fn referrers_go_after_their_subject(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "subject", &["v1"]).await;
    for (body, subject) in [("signature", "subject"), ("of the signature", "signature"), ("other", "another")]
    {
        let subject = Some(digest(subject));
        world.meta.write(PutImage { subject, ..world.image(repository, body, &[]) }).await.unwrap();
    }
    let deleted_at = Micros(1_000_000);
    let delete = BatchDeleteImage { at: deleted_at, ..delete_image(repository, "subject") };
    world.meta.write(delete).await.unwrap();
    let claim = |now| ClaimWork {
        kind: ORPHANED_REFERRERS.into(),
        now: Micros(now),
        lease_until: Micros(now + 1),
        limit: 9,
    };
    assert!(world.meta.write(claim(deleted_at.0 + 1)).await.unwrap().is_empty(), "it is not due");
    let due = deleted_at.0 + 2 * 60 * 60 * 1_000_000;
    let work = world.meta.write(claim(due)).await.unwrap();
    let subject = DeletedSubject::of_key(&work[0].key).unwrap();
    assert_eq!(subject, DeletedSubject { repository, digest: digest("subject"), at: deleted_at });
    let delete = DeleteReferrers {
        subject,
        after: None,
        limit: 50,
        account_id: "123456789012".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        repository_name: "app".into(),
        at: Micros(due),
    };
    let deleted = world.meta.write(delete.clone()).await.unwrap();
    assert_eq!(deleted, DeletedReferrers { images: vec![(digest("signature"), Vec::new())], last: None });
    assert_eq!(world.row("app").await.image_count, 2, "what refers to the referrer is queued");
    assert_eq!(world.meta.write(delete).await.unwrap(), DeletedReferrers::default());
}
