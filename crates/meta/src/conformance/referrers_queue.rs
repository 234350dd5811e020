//! What refers to an image that is replicated is queued in slices, not by the push.

use super::replication::{DESTINATION, configure, due, route};
use super::world::{World, digest, refusal};
use crate::*;

/// An image, its subject and its tags.
type Refers<'a> = (&'a str, &'a str, &'a [&'a str]);

/// Images that refer to others, and an index with them. Then the registry begins to replicate, with referrers.
async fn with_referrers(world: &World, referrers: &[Refers<'_>]) -> RepositoryKey {
    let app = world.repository("app").await;
    world.put(app, "child", &[]).await;
    let index = PutImage { children: vec![digest("child")], ..world.image(app, "index", &["v1"]) };
    world.meta.write(index).await.unwrap();
    for (body, subject, tags) in referrers {
        let subject = Some(digest(subject));
        world.meta.write(PutImage { subject, ..world.image(app, body, tags) }).await.unwrap();
    }
    configure(world, vec![route(DESTINATION, "us-west-2", "", false)]).await;
    let (name, value) = (REPLICATE_REFERRERS.into(), "ENABLED".into());
    world.meta.write(PutAccountSetting { registry: world.registry, name, value }).await.unwrap();
    app
}

/// Works on one item that waits; returns what it was and how many referrers it queued.
async fn slice(world: &World, limit: usize) -> Option<(ReplicatedSubject, usize)> {
    let (kind, now) = (REPLICATED_SUBJECT.into(), Micros(i64::MAX / 2));
    let claim = ClaimWork { kind, now, lease_until: now, limit: 1 };
    let work = world.meta.write(claim).await.unwrap().into_iter().next()?;
    let subject = ReplicatedSubject::of_key(&work.key).unwrap();
    let queue = QueueReferrers { subject: subject.clone(), limit, at: Micros(world.id()) };
    let queued = world.meta.write(queue).await.unwrap();
    let Work { kind, key, fence, .. } = work;
    world.meta.write(FinishWork { kind, key, fence }).await.unwrap();
    Some((subject, queued))
}

/// Each image that is due, with its tag.
async fn queued(world: &World) -> Vec<(oci::digest::Digest, String)> {
    let name = |item: &ReplicationItem| item.key.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut items: Vec<_> =
        due(world, DESTINATION).await.iter().map(|item| (item.key.digest, name(item))).collect();
    items.sort();
    items
}

fn sorted(items: &[(&str, &str)]) -> Vec<(oci::digest::Digest, String)> {
    let mut items: Vec<_> = items.iter().map(|(body, tag)| (digest(body), (*tag).to_owned())).collect();
    items.sort();
    items
}

pub(super) async fn a_push_queues_its_image_alone(world: World) {
    let referrers: [Refers<'_>; 4] = [
        ("sbom", "index", &[]),
        ("signature of sbom", "sbom", &[]),
        ("of child", "child", &[]),
        ("x", "y", &[]),
    ];
    let app = with_referrers(&world, &referrers).await;
    world.put(app, "index", &["v2"]).await;
    assert_eq!(queued(&world).await, sorted(&[("index", "v2")]));
    while slice(&world, 9).await.is_some() {}
    let all = [("index", "v2"), ("sbom", ""), ("signature of sbom", ""), ("of child", "")];
    assert_eq!(queued(&world).await, sorted(&all));
    // An image without referrers leaves no work, and neither does a registry that does not ask for it.
    world.put(app, "alone", &["v3"]).await;
    let (name, value) = (REPLICATE_REFERRERS.into(), "DISABLED".into());
    world.meta.write(PutAccountSetting { registry: world.registry, name, value }).await.unwrap();
    world.put(app, "index", &["v4"]).await;
    assert_eq!(slice(&world, 9).await, None);
}

pub(super) async fn slices_go_on_where_they_ended(world: World) {
    let referrers: [Refers<'_>; 4] =
        [("a", "index", &["a1", "a2", "a3"]), ("b", "index", &[]), ("c", "index", &["c1"]), ("d", "c", &[])];
    let app = with_referrers(&world, &referrers).await;
    world.put(app, "index", &["v2"]).await;
    let mut sizes = Vec::new();
    while let Some((subject, queued)) = slice(&world, 2).await {
        sizes.push((subject.digest == digest("index"), queued));
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [(false, 1), (true, 1), (true, 2), (true, 2)]);
    let all = [("index", "v2"), ("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", ""), ("c", "c1"), ("d", "")];
    assert_eq!(queued(&world).await, sorted(&all));
}

pub(super) async fn a_push_after_the_lease_is_not_lost(world: World) {
    let app = with_referrers(&world, &[("sbom", "index", &[])]).await;
    world.put(app, "index", &["v2"]).await;
    let (kind, now) = (REPLICATED_SUBJECT.to_owned(), Micros(i64::MAX / 2));
    let claim = ClaimWork { kind, now, lease_until: Micros(1), limit: 1 };
    let Work { kind, key, fence, .. } = world.meta.write(claim).await.unwrap().remove(0);
    // Its lease is over, and its work is not.
    world.put(app, "index", &["v3"]).await;
    let finish = FinishWork { kind, key, fence };
    assert_eq!(refusal(world.meta.write(finish).await), Overtaken);
    assert_eq!(slice(&world, 9).await.unwrap().1, 1);
}

pub(super) async fn one_slice_of_an_image_waits(world: World) {
    let names: Vec<String> = (0..6).map(|number| format!("r{number}")).collect();
    let referrers: Vec<Refers<'_>> = names.iter().map(|name| (name.as_str(), "index", &[][..])).collect();
    let app = with_referrers(&world, &referrers).await;
    world.put(app, "index", &["v2"]).await;
    assert_eq!(slice(&world, 2).await.unwrap().0.after, None);
    world.put(app, "index", &["v3"]).await;
    assert_ne!(slice(&world, 2).await.unwrap().0.after, None, "it waits for longer");
    assert_eq!(slice(&world, 2).await.unwrap().0.after, None, "from the beginning again");
    assert_eq!(world.texts("SELECT key FROM work ORDER BY key").await.len(), 1);
    world
        .meta
        .write(DeleteRepository { repository: app, force: true, at: Micros(world.id()) })
        .await
        .unwrap();
    assert_eq!(slice(&world, 2).await.unwrap().1, 0, "the repository is gone");
    assert_eq!(slice(&world, 2).await, None);
}
