//! Replication: what effects queue, what is written at the destination, and how items end.

use super::world::{ACCOUNT, World, delete_image, digest, refusal, tag};
use crate::*;

pub(super) const OTHER: RegistryKey = RegistryKey(11);
pub(super) const DESTINATION: i64 = 500;

pub(super) fn route(id_if_new: i64, region: &str, prefix: &str, deletes: bool) -> ReplicationRoute {
    let (account_id, region) = (ACCOUNT.parse().unwrap(), region.parse().unwrap());
    ReplicationRoute { id_if_new, account_id, region, prefix: prefix.to_owned(), deletes }
}

pub(super) async fn configure(world: &World, routes: Vec<ReplicationRoute>) {
    let (registry, rules, at) = (world.registry, "[]".to_owned(), Micros(world.id()));
    world.meta.write(PutReplicationConfiguration { registry, rules, routes, at }).await.unwrap();
}

/// A world that replicates to another registry: its repository `app`, and `app` there.
pub(super) async fn replicating(world: &World, deletes: bool) -> (RepositoryKey, RepositoryKey) {
    world.registry_in("us-west-2", OTHER).await;
    configure(world, vec![route(DESTINATION, "us-west-2", "", deletes)]).await;
    let app = world.repository("app").await;
    let there = CreateRepository { registry: OTHER, ..world.new_repository("app") };
    (app, world.meta.write(there).await.unwrap().key)
}

pub(super) async fn due(world: &World, destination: i64) -> Vec<ReplicationItem> {
    let list = ListDueReplications { destination, now: Micros(i64::MAX), limit: 100 };
    world.meta.read(list).await.unwrap()
}

/// What is due, as text.
async fn queued(world: &World, destination: i64) -> Vec<String> {
    let shown = |item: ReplicationItem| {
        let tag = item.key.tag.map_or_else(|| "-".to_owned(), |tag| tag.to_string());
        format!("{:?} {tag}", item.action)
    };
    let mut items: Vec<_> = due(world, destination).await.into_iter().map(shown).collect();
    items.sort();
    items
}

pub(super) fn places() -> ReplicationPlaces {
    let place = |region: &str| (ACCOUNT.parse().unwrap(), region.parse().unwrap());
    ReplicationPlaces { source: place("us-east-1"), destination: place("us-west-2") }
}

/// Carries out an item whose body is this.
async fn carry_out(
    world: &World,
    (to, item): (RepositoryKey, &ReplicationItem),
    body: &str,
    blobs: Vec<oci::digest::Digest>,
) -> Result<PutImageOutcome, OpError<ReplicateImageRefusal>> {
    let tags: Vec<String> = item.key.tag.iter().map(ToString::to_string).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let put = PutImage { blobs, ..world.image(to, body, &tags) };
    let (source, places) = (ReplicaSource::Here(item.key.source), places());
    let item = Some((item.key.clone(), Some(item.version)));
    world.meta.write(ReplicateImage { put, source, item, places }).await
}

pub(super) async fn named(
    world: &World,
    repository: RepositoryKey,
    name: &str,
) -> Option<oci::digest::Digest> {
    let ids = vec![ImageRef { digest: None, tag: Some(tag(name)) }];
    match world.meta.read(FindImages { repository, ids }).await.unwrap().remove(0) {
        FoundImage::Found(found) => Some(found.image.digest),
        _ => None,
    }
}

pub(super) async fn effects_queue_an_item_for_each_destination(world: World) {
    let routes = vec![
        route(1, "us-west-2", "team/", false),
        route(2, "eu-west-1", "", true),
        route(2, "eu-west-1", "team/a", false),
    ];
    configure(&world, routes).await;
    let (app, other) = (world.repository("team/app").await, world.repository("other").await);
    world.put(app, "one", &["v1", "v2"]).await;
    world.put(other, "two", &[]).await;
    assert_eq!(queued(&world, 1).await, ["Push v1", "Push v2"]);
    assert_eq!(queued(&world, 2).await, ["Push -", "Push v1", "Push v2"]);
    // A push that changes nothing queues nothing; one that is refused does not either.
    let before = due(&world, 1).await;
    world.put(app, "one", &["v1"]).await;
    assert_eq!(due(&world, 1).await, before);
    world.meta.write(DeleteTag { repository: app, tag: tag("v2"), at: Micros(9) }).await.unwrap();
    assert_eq!(queued(&world, 1).await, ["Push v1", "Push v2"], "the rule does not replicate deletions");
    assert_eq!(queued(&world, 2).await, ["Push -", "Push v1", "Untag v2"]);
    world.meta.write(delete_image(app, "one")).await.unwrap();
    assert_eq!(queued(&world, 1).await, [""; 0], "an image that is gone is not pushed");
    assert_eq!(queued(&world, 2).await, ["Delete -", "Push -", "Untag v1", "Untag v2"]);
}

pub(super) async fn a_destination_that_is_named_again_is_new(world: World) {
    configure(&world, vec![route(1, "us-west-2", "", false)]).await;
    let app = world.repository("app").await;
    world.put(app, "one", &["v1"]).await;
    configure(&world, vec![route(2, "us-west-2", "a", false), route(3, "eu-west-1", "", false)]).await;
    world.put(app, "two", &["v2"]).await;
    assert_eq!(queued(&world, 1).await, ["Push v1", "Push v2"], "a destination that stays keeps its ID");
    assert_eq!(queued(&world, 3).await, ["Push v2"]);
    configure(&world, Vec::new()).await;
    configure(&world, vec![route(4, "us-west-2", "", false)]).await;
    world.put(app, "three", &["v3"]).await;
    assert_eq!(queued(&world, 4).await, ["Push v3"]);
    let lags = ListReplicationLags { registry: Some(world.registry), most: 9, limit: 9 };
    let lags = world.meta.read(lags).await.unwrap();
    assert_eq!((lags.len(), lags[0].destination.id, lags[0].waiting), (1, 4, 1));
    // The rows of removed destinations go in slices, and then the destinations.
    for expected in [1, 1, 1, 1, 1, 0] {
        assert_eq!(world.meta.write(ForgetReplications { limit: 1 }).await.unwrap(), expected);
    }
    assert_eq!(queued(&world, 1).await, [""; 0]);
    assert_eq!(queued(&world, 4).await, ["Push v3"]);
}

pub(super) async fn a_copy_shares_the_bytes_and_ends_its_item(world: World) {
    let (app, there) = replicating(&world, false).await;
    let layer = world.blob(app, "layer").await;
    let image = PutImage { blobs: vec![layer], ..world.image(app, "one", &["v1"]) };
    world.meta.write(image).await.unwrap();
    let item = due(&world, DESTINATION).await.remove(0);
    let outcome = carry_out(&world, (there, &item), "one", vec![layer]).await.unwrap();
    assert!(outcome.created && outcome.tags_moved == [tag("v1")], "{outcome:?}");
    let found = world.meta.read(FindBlobs { repository: there, digests: vec![layer] }).await.unwrap();
    let own = world.meta.read(FindBlobs { repository: app, digests: vec![layer] }).await.unwrap();
    let key = |found: &[(oci::digest::Digest, Option<BlobRow>)]| found[0].1.clone().unwrap().object_key;
    assert_eq!(key(&found), key(&own));
    assert_eq!(due(&world, DESTINATION).await, []);
    let shown = ListImageReplications { repository: app, digest: digest("one") };
    let shown = world.meta.read(shown).await.unwrap();
    assert_eq!((shown.len(), shown[0].waiting, shown[0].has_failed), (1, 0, false));
    // Again: nothing is new, and what the item ended before stays ended.
    let again = carry_out(&world, (there, &item), "one", vec![layer]).await.unwrap();
    assert!(!again.created && again.tags_moved.is_empty(), "{again:?}");
    // A blob that nobody has refuses the copy.
    let missing = carry_out(&world, (there, &item), "one", vec![digest("nowhere")]).await;
    let missing = refusal(missing);
    assert!(
        matches!(missing, ReplicateImageRefusal::Refused(PutImageRefusal::LayersNotFound(_))),
        "{missing:?}"
    );
}

pub(super) async fn a_tag_follows_its_source_in_any_order(world: World) {
    let (app, there) = replicating(&world, false).await;
    world.put(app, "one", &["v1"]).await;
    world.put(app, "two", &["v1"]).await;
    let mut items = due(&world, DESTINATION).await;
    items.sort_by_key(|item| item.queued_at);
    let [one, two] = &items[..] else { panic!("{items:?}") };
    carry_out(&world, (there, two), "two", Vec::new()).await.unwrap();
    let late = carry_out(&world, (there, one), "one", Vec::new()).await.unwrap();
    assert!(late.created && late.tags_moved.is_empty(), "{late:?}");
    assert_eq!(named(&world, there, "v1").await, Some(digest("two")));
    assert_eq!(due(&world, DESTINATION).await, []);
    // An item that is queued again is not ended by what was done before.
    world.put(app, "one", &["v1"]).await;
    let again = due(&world, DESTINATION).await.remove(0);
    carry_out(&world, (there, one), "one", Vec::new()).await.unwrap();
    assert_eq!(due(&world, DESTINATION).await, [again]);
    // What is gone at the source is not put.
    world.put(app, "three", &[]).await;
    world.meta.write(delete_image(app, "three")).await.unwrap();
    let gone = ReplicationItem {
        key: ReplicationKey { digest: digest("three"), tag: None, ..one.key.clone() },
        ..one.clone()
    };
    let gone = refusal(carry_out(&world, (there, &gone), "three", Vec::new()).await);
    assert_eq!(gone, ReplicateImageRefusal::SourceGone);
}

pub(super) async fn a_copy_is_not_replicated_on(world: World) {
    let (app, there) = replicating(&world, true).await;
    let (registry, rules, at) = (OTHER, "[]".to_owned(), Micros(1));
    let routes = vec![route(600, "us-east-1", "", true)];
    world.meta.write(PutReplicationConfiguration { registry, rules, routes, at }).await.unwrap();
    world.put(app, "one", &["v1", "v2"]).await;
    for item in due(&world, DESTINATION).await {
        carry_out(&world, (there, &item), "one", Vec::new()).await.unwrap();
    }
    assert_eq!(queued(&world, 600).await, [""; 0]);
    world.meta.write(DeleteTag { repository: app, tag: tag("v2"), at: Micros(9) }).await.unwrap();
    remove_all(&world, there).await;
    assert_eq!(
        (named(&world, there, "v1").await, named(&world, there, "v2").await),
        (Some(digest("one")), None)
    );
    world.meta.write(delete_image(app, "one")).await.unwrap();
    remove_all(&world, there).await;
    assert_eq!(named(&world, there, "v1").await, None);
    assert_eq!(queued(&world, 600).await, [""; 0]);
    assert_eq!(due(&world, DESTINATION).await, []);
}

/// A tag that moved and was then removed goes from the image that it named before.
pub(super) async fn a_tag_that_moved_and_went_is_removed(world: World) {
    let (app, there) = replicating(&world, true).await;
    world.put(app, "one", &["v1"]).await;
    for item in due(&world, DESTINATION).await {
        carry_out(&world, (there, &item), "one", Vec::new()).await.unwrap();
    }
    world.put(app, "two", &["v1"]).await;
    world.meta.write(delete_image(app, "two")).await.unwrap();
    remove_all(&world, there).await;
    assert_eq!(named(&world, there, "v1").await, None);
    // A tag that was set at the destination stays there.
    world.put(there, "own", &["v2"]).await;
    world.put(app, "three", &["v2"]).await;
    world.meta.write(delete_image(app, "three")).await.unwrap();
    remove_all(&world, there).await;
    assert_eq!(named(&world, there, "v2").await, Some(digest("own")));
}

fn removal(repository: RepositoryKey, item: ReplicationItem, at: Micros) -> ReplicateDeletion {
    let (digest, tag) = (item.key.digest, item.key.tag.clone());
    ReplicateDeletion { repository, digest, tag, source: DeletionSource::Here(item.key, item.version), at }
}

/// Carries out the deletions that are due.
async fn remove_all(world: &World, repository: RepositoryKey) {
    for item in due(world, DESTINATION).await {
        let remove = removal(repository, item, Micros(world.id()));
        world.meta.write(remove).await.unwrap();
    }
}

fn order(sent_at: i64) -> PeerOrder {
    PeerOrder { source: "a".to_owned(), sent_at: Micros(sent_at) }
}

pub(super) async fn a_late_request_of_a_peer_changes_nothing(world: World) {
    let app = world.repository("app").await;
    let put = async |body: &str, sent_at: i64| {
        let put = world.image(app, body, &["v1"]);
        let source = ReplicaSource::Peer { tagged_at: Some(Micros(5)), order: order(sent_at) };
        world.meta.write(ReplicateImage { put, source, item: None, places: places() }).await
    };
    let remove = async |body: &str, tag: Option<oci::name::Tag>, other: bool, sent_at: i64| {
        let source = DeletionSource::Peer { is_of_another_account: other, order: order(sent_at) };
        let at = Micros(world.id());
        world.meta.write(ReplicateDeletion { repository: app, digest: digest(body), tag, source, at }).await
    };
    assert_eq!(put("two", 20).await.unwrap().tags_moved, [tag("v1")]);
    for sent_at in [10, 20] {
        assert_eq!(refusal(put("one", sent_at).await), ReplicateImageRefusal::Overtaken);
        let removed = refusal(remove("two", Some(tag("v1")), true, sent_at).await);
        assert_eq!(removed, ReplicateDeletionRefusal::Overtaken);
    }
    let v1 = ReplicatedDeletion::Tag(tag("v1"));
    let image = |pairs| ReplicatedDeletion::Image(Removed { pairs, is_referrer: false });
    assert_eq!(remove("two", Some(tag("v1")), true, 30).await.unwrap(), v1);
    assert_eq!(refusal(put("two", 25).await), ReplicateImageRefusal::Overtaken);
    assert_eq!(named(&world, app, "v1").await, None);
    // What the account pushed itself is its own.
    world.put(app, "own", &["v2"]).await;
    assert_eq!(remove("own", None, true, 40).await.unwrap(), ReplicatedDeletion::Nothing);
    assert_eq!(remove("own", Some(tag("v2")), true, 41).await.unwrap(), ReplicatedDeletion::Nothing);
    assert_eq!(remove("two", None, true, 42).await.unwrap(), image(vec![(digest("two"), None)]));
    assert_eq!(remove("own", None, false, 43).await.unwrap(), image(vec![(digest("own"), Some(tag("v2")))]));
}

/// A deletion finds no repository, or the repository is deleted after it: what was sent before does not come back.
pub(super) async fn a_late_image_of_a_peer_creates_nothing(world: World) {
    let put = async |repository: RepositoryKey, sent_at: i64| {
        let source = ReplicaSource::Peer { tagged_at: Some(Micros(5)), order: order(sent_at) };
        let put = world.image(repository, "one", &["v1"]);
        world.meta.write(ReplicateImage { put, source, item: None, places: places() }).await
    };
    let absent = async |name: &str, sent_at: i64| {
        let (registry, name) = (world.registry, name.to_owned());
        world.meta.write(RecordAbsence { registry, name, order: order(sent_at) }).await.unwrap()
    };
    let is_late = async |sent_at: i64| {
        world.meta.read(FindAbsence { registry: world.registry, order: order(sent_at) }).await.unwrap()
    };
    assert!(!is_late(1).await);
    assert!(absent("app", 30).await);
    assert!(is_late(30).await && !is_late(31).await);
    assert!(absent("other", 10).await, "an earlier one changes nothing");
    let app = world.repository("app").await;
    assert_eq!(refusal(put(app, 20).await), ReplicateImageRefusal::Overtaken);
    assert_eq!(refusal(put(app, 30).await), ReplicateImageRefusal::Overtaken);
    put(app, 31).await.unwrap();
    assert!(!absent("app", 40).await, "it exists by now");
    // A repository whose requests are known has its own order.
    assert!(absent("other", 50).await);
    put(app, 45).await.unwrap();
    put(app, 60).await.unwrap();
    let rename = RenameRepository {
        repository: app,
        name: "renamed".to_owned(),
        redirect_until: Micros(0),
        decided: DecidedVersions::default(),
        at: Micros(8),
    };
    world.meta.write(rename).await.unwrap();
    assert!(is_late(60).await && !is_late(61).await, "its old name stands for no repository");
    put(app, 70).await.unwrap();
    let (deleted, at) = (DeleteRepository { repository: app, force: true, at: Micros(9) }, Micros(9));
    world.meta.write(deleted).await.unwrap();
    let again = world.repository("app").await;
    assert_eq!(refusal(put(again, 65).await), ReplicateImageRefusal::Overtaken);
    let source = DeletionSource::Peer { is_of_another_account: false, order: order(68) };
    let remove = ReplicateDeletion { repository: again, digest: digest("one"), tag: None, source, at };
    assert_eq!(refusal(world.meta.write(remove).await), ReplicateDeletionRefusal::Overtaken);
    // Other registries that are replicated have their own order.
    let other = PeerOrder { source: "b".to_owned(), sent_at: Micros(1) };
    let source = ReplicaSource::Peer { tagged_at: Some(Micros(5)), order: other };
    let put = world.image(again, "one", &["v1"]);
    world.meta.write(ReplicateImage { put, source, item: None, places: places() }).await.unwrap();
}

/// What no rule gives to its destination any more is not replicated, and leaves no row.
pub(super) async fn rules_that_changed_count_for_what_is_queued(world: World) {
    configure(&world, vec![route(1, "us-west-2", "", true)]).await;
    let (app, other) = (world.repository("team/app").await, world.repository("other").await);
    world.put(app, "one", &["v1"]).await;
    let ruled = async |repository, deletes| {
        world.meta.read(FindReplicationRule { repository, destination: 1, deletes }).await.unwrap()
    };
    assert!(ruled(app, false).await && ruled(app, true).await && ruled(other, true).await);
    configure(&world, vec![route(2, "us-west-2", "team/", false)]).await;
    assert!(ruled(app, false).await && !ruled(app, true).await && !ruled(other, false).await);
    configure(&world, Vec::new()).await;
    assert!(!ruled(app, false).await);
    let item = due(&world, 1).await.remove(0);
    let late = ReplicationItem { version: item.version + 1, ..item.clone() };
    world.meta.write(end_of(&late, ReplicationEnd::Complete)).await.unwrap();
    assert_eq!(due(&world, 1).await.len(), 1, "it was queued again");
    world.meta.write(end_of(&item, ReplicationEnd::Complete)).await.unwrap();
    let count = "SELECT CAST(COUNT(*) AS TEXT) FROM replication";
    assert_eq!(world.texts(count).await, ["0"]);
}

pub(super) async fn a_deletion_spares_what_is_there_again(world: World) {
    let (app, there) = replicating(&world, true).await;
    world.put(app, "one", &["v1"]).await;
    for item in due(&world, DESTINATION).await {
        carry_out(&world, (there, &item), "one", Vec::new()).await.unwrap();
    }
    world.meta.write(delete_image(app, "one")).await.unwrap();
    let mut deletions = due(&world, DESTINATION).await;
    deletions.retain(|item| item.action == ReplicationAction::Delete);
    let deletion = deletions.remove(0);
    world.put(app, "one", &["v1"]).await;
    let remove = removal(there, deletion, Micros(9));
    assert_eq!(world.meta.write(remove).await.unwrap(), ReplicatedDeletion::Nothing);
    assert_eq!(named(&world, there, "v1").await, Some(digest("one")));
}

pub(super) async fn the_push_of_a_deleted_image_ends_no_deletion(world: World) {
    let (app, there) = replicating(&world, true).await;
    world.put(app, "one", &["v1"]).await;
    for item in due(&world, DESTINATION).await {
        carry_out(&world, (there, &item), "one", Vec::new()).await.unwrap();
    }
    world.put(app, "two", &["v1"]).await;
    let push = due(&world, DESTINATION).await.remove(0);
    world.meta.write(delete_image(app, "two")).await.unwrap();
    // A pass that read the queue before finds nothing to push.
    world.meta.write(end_of(&push, ReplicationEnd::Complete)).await.unwrap();
    remove_all(&world, there).await;
    assert_eq!(named(&world, there, "v1").await, None);
}

fn end_of(item: &ReplicationItem, end: ReplicationEnd) -> EndReplication {
    EndReplication {
        key: item.key.clone(),
        version: item.version,
        end,
        repository_name: "app".to_owned(),
        route: places(),
        at: Micros(9),
    }
}

pub(super) async fn a_failure_is_shown_once_and_tried_again(world: World) {
    let (app, _) = replicating(&world, false).await;
    world.put(app, "one", &["v1"]).await;
    let item = due(&world, DESTINATION).await.remove(0);
    let end = |end| end_of(&item, end);
    let failed = || ReplicationEnd::Failed { code: "AccessDenied".into(), retry_at: Some(Micros(5_000)) };
    assert!(!world.meta.write(end(ReplicationEnd::Retry(Micros(4_000)))).await.unwrap());
    assert!(world.meta.write(end(failed())).await.unwrap());
    assert!(!world.meta.write(end(failed())).await.unwrap(), "it was shown as failed before");
    let soon = ListDueReplications { destination: DESTINATION, now: Micros(4_999), limit: 9 };
    assert_eq!(world.meta.read(soon).await.unwrap(), []);
    let later = due(&world, DESTINATION).await.remove(0);
    assert_eq!((later.attempts, later.has_failed), (3, true));
    let shown = ListImageReplications { repository: app, digest: digest("one") };
    let shown = world.meta.read(shown).await.unwrap();
    assert_eq!((shown[0].has_failed, shown[0].failure_code.as_deref()), (true, Some("AccessDenied")));
    let gone = ReplicationEnd::Failed { code: "AccessDenied".into(), retry_at: None };
    world.meta.write(end(gone)).await.unwrap();
    assert_eq!(due(&world, DESTINATION).await, [], "it is not tried for ever");
    world.put(app, "two", &["v1"]).await;
    world.put(app, "one", &["v1"]).await;
    assert!(!world.meta.write(end(failed())).await.unwrap(), "the item of before does not end the new one");
    let all = due(&world, DESTINATION).await;
    assert!(all.iter().all(|item| !item.has_failed) && all.len() == 2, "{all:?}");
}
