//! Lifecycle policies: their versions and queue, the images that rules see, what is carried out, previews.

use super::world::{World, delete_image, digest, refusal, tag};
use crate::{ops::operation, value::params, *};

const DATABASE: Database = Database::Registries;

pub(super) async fn put_policy(world: &World, repository: RepositoryKey, at: i64) -> i64 {
    let put = PutLifecyclePolicy { repository, document: "{}".into(), at: Micros(at) };
    world.meta.write(put).await.unwrap();
    world.meta.read(GetLifecyclePolicy { repository }).await.unwrap().unwrap().version
}

async fn pulled(world: &World, repository: RepositoryKey, id: ImageId, at: i64) {
    let pull = Pull { repository, id, at: Micros(at), principal_arn: "arn:p".into() };
    let record = RecordPulls { pulls: [pull].into(), apart: Micros(0) };
    assert_eq!(world.meta.write(record).await.unwrap(), 1);
}

pub(super) async fn claimed(world: &World, kind: &str, now: i64) -> Vec<Work> {
    let (now, lease_until) = (Micros(now), Micros(now + 1_000));
    world.meta.write(ClaimWork { kind: kind.into(), now, lease_until, limit: 9 }).await.unwrap()
}

pub(super) async fn listed(world: &World, repository: RepositoryKey, archived: bool) -> Vec<LifecycleImage> {
    let list = ListLifecycleImages { repository, archived, before: None, at: Micros(0), limit: 100 };
    world.meta.read(list).await.unwrap()
}

pub(super) async fn departures(world: &World, repository: RepositoryKey) -> i64 {
    world.meta.read(FindLifecycleRepository { repository }).await.unwrap().unwrap().departures
}

pub(super) async fn a_change_has_a_version_and_is_evaluated(world: World) {
    let repository = world.repository("app").await;
    assert_eq!(world.meta.read(GetLifecyclePolicy { repository }).await.unwrap(), None);
    let first = put_policy(&world, repository, 50).await;
    let again = put_policy(&world, repository, 50).await;
    assert!(again > first);
    let work = claimed(&world, LIFECYCLE_POLICY, 60).await;
    assert_eq!(work.iter().map(|work| work.key.clone()).collect::<Vec<_>>(), [repository.to_text()]);
    put_policy(&world, repository, 70).await;
    assert_eq!(
        claimed(&world, LIFECYCLE_POLICY, 70).await.len(),
        1,
        "a change in between is evaluated again"
    );
    let found = world.meta.read(FindLifecycleRepository { repository }).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.region.as_str()), ("app", "us-east-1"));
    let version = found.policy.unwrap().version;
    let at = Micros(90);
    world.meta.write(RecordLifecycleEvaluation { repository, version, at }).await.unwrap();
    let old = world.meta.write(DeleteLifecyclePolicy { repository, at: Micros(9) }).await.unwrap().unwrap();
    assert_eq!(old.last_evaluated_at, at);
    assert_eq!(world.meta.write(DeleteLifecyclePolicy { repository, at: Micros(9) }).await.unwrap(), None);
    assert!(!world.meta.write(RequestLifecycleRun { repository, at }).await.unwrap());
    let gone = RepositoryKey { id: 1, ..repository };
    let put = PutLifecyclePolicy { repository: gone, document: "{}".into(), at };
    assert_eq!(refusal(world.meta.write(put).await), RepositoryGone);
}

pub(super) async fn a_push_has_the_policy_evaluated_soon(world: World) {
    let repository = world.repository("app").await;
    put_policy(&world, repository, 5).await;
    let work = claimed(&world, LIFECYCLE_POLICY, 6).await.remove(0);
    let (kind, key, fence) = (work.kind, work.key, work.fence);
    let late = Micros(i64::MAX / 2);
    world.meta.write(PostponeWork { kind, key, fence, due_at: late, error: None }).await.unwrap();
    assert_eq!(claimed(&world, LIFECYCLE_POLICY, 60_000_000).await, []);
    world.put(repository, "one", &[]).await;
    assert_eq!(claimed(&world, LIFECYCLE_POLICY, 60_000_000).await.len(), 1);
}

pub(super) async fn images_come_newest_first_with_what_rules_need(world: World) {
    let repository = world.repository("app").await;
    let at = |put: PutImage, at| PutImage { at: Micros(at), ..put };
    let child = world.meta.write(at(world.image(repository, "child", &["b", "a"]), 10)).await.unwrap().image;
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["i"]) };
    let index = world.meta.write(at(index, 30)).await.unwrap().image;
    let referrer = PutImage { subject: Some(digest("child")), ..world.image(repository, "sbom", &[]) };
    world.meta.write(at(referrer, 20)).await.unwrap();
    let orphan = PutImage { subject: Some(digest("gone")), ..world.image(repository, "orphan", &[]) };
    world.meta.write(at(orphan, 5)).await.unwrap();
    pulled(&world, repository, child.id, 40).await;
    let images = listed(&world, repository, false).await;
    let digests: Vec<_> = images.iter().map(|image| image.digest).collect();
    assert_eq!(digests, ["index", "sbom", "child", "orphan"].map(digest));
    assert_eq!(images[2].tags, ["a", "b"]);
    assert_eq!(images[2].parents, [(index.id, false)]);
    assert_eq!((images[2].pulled_at, images[2].activated_at), (Some(Micros(40)), Micros(10)));
    assert_eq!(images[1].subject, Some(LifecycleSubject::Present { id: child.id, is_archived: false }));
    assert_eq!(images[3].subject, Some(LifecycleSubject::Missing));
    let after_all = Some((images[3].activated_at, images[3].id));
    let list =
        ListLifecycleImages { repository, archived: false, before: after_all, at: Micros(0), limit: 9 };
    assert_eq!(world.meta.read(list).await.unwrap(), []);
    let before = Some((images[1].activated_at, images[1].id));
    let list = ListLifecycleImages { repository, archived: false, before, at: Micros(0), limit: 1 };
    assert_eq!(world.meta.read(list).await.unwrap(), images[2..3]);
    let find = FindLifecycleImages { repository, ids: vec![child.id, ImageId(3)], at: Micros(0) };
    assert_eq!(world.meta.read(find).await.unwrap(), images[2..3]);
}

pub(super) fn item(image: &LifecycleImage, action: LifecycleAction) -> LifecycleItem {
    LifecycleItem {
        image: image.id,
        digest: image.digest,
        action,
        rule: Some(1),
        reason: "old".into(),
        is_archived: image.is_archived,
        activated_at: image.activated_at,
        pulled_at: None,
        tagged_at: None,
        tags: image.tags.clone(),
        spare: None,
    }
}

/// Reads the claim of the repository's work, which was queued with the policy and is not claimed.
pub(super) struct Unclaimed(pub(super) RepositoryKey);

operation!(Unclaimed: Point -> Claim, Never, |op, tx| {
    let (kind, key) = (LIFECYCLE_POLICY.to_owned(), op.0.to_text());
    let select = "SELECT fence FROM work WHERE kind = ?1 AND key = ?2";
    let fence = tx.value(select, &params![kind, key]).await?.unwrap();
    Ok(Ok(Claim { kind, key, fence }))
});

pub(super) async fn unclaimed(world: &World, repository: RepositoryKey) -> Claim {
    world.meta.read(Unclaimed(repository)).await.unwrap()
}

pub(super) fn execution(
    repository: RepositoryKey,
    claim: &Claim,
    policy_version: i64,
    departures: i64,
    items: Vec<LifecycleItem>,
) -> ExecuteLifecyclePolicy {
    ExecuteLifecyclePolicy {
        repository,
        claim: claim.clone(),
        policy_version,
        uses_extensions: false,
        departures,
        items,
        account_id: super::world::ACCOUNT.parse().unwrap(),
        region: super::world::REGION.parse().unwrap(),
        repository_name: "app".into(),
        at: Micros(70),
    }
}

pub(super) async fn what_changed_since_the_evaluation_stays(world: World) {
    use LifecycleOutcome::{Changed, Expired};
    let repository = world.repository("app").await;
    for (name, tags) in [("old", &["x"][..]), ("tagged", &[]), ("pulled", &[]), ("untagged", &["y"])] {
        world.put(repository, name, tags).await;
    }
    let policy_version = put_policy(&world, repository, 5).await;
    let claim = unclaimed(&world, repository).await;
    let images = listed(&world, repository, false).await;
    let by_name = |name| images.iter().find(|image| image.digest == digest(name)).unwrap();
    let mut items: Vec<_> = ["old", "tagged", "pulled", "untagged"]
        .map(|name| item(by_name(name), LifecycleAction::Expire))
        .into();
    items[2].pulled_at = Some(None);
    world.put(repository, "tagged", &["new"]).await;
    pulled(&world, repository, items[2].image, 9).await;
    world.meta.write(DeleteTag { repository, tag: tag("y"), at: Micros(9) }).await.unwrap();
    let execute =
        |version, items: &[LifecycleItem]| execution(repository, &claim, version, 0, items.to_vec());
    let changed = world.meta.write(execute(policy_version + 1, &items)).await;
    assert_eq!(refusal(changed), LifecyclePolicyChanged);
    let outcomes = world.meta.write(execute(policy_version, &items)).await.unwrap();
    assert_eq!(outcomes, [Expired, Changed, Changed, Changed]);
    let again = world.meta.write(execute(policy_version, &items[..1])).await.unwrap();
    assert_eq!(again, [Changed], "what is gone is not deleted twice");
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (3, 1));
    let list = ListLifecycleRecords { repository, before: None, limit: 9 };
    let records = world.meta.read(list).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].digest, &records[0].tags[..], records[0].rule),
        (digest("old"), &["x".to_owned()][..], Some(1))
    );
}

/// Has a tag put on an image once more, at another time.
async fn retag(world: &World, repository: RepositoryKey, name: &'static str, tag_name: &str, at: i64) {
    world.meta.write(DeleteTag { repository, tag: tag(tag_name), at: Micros(9) }).await.unwrap();
    let put = PutImage { at: Micros(at), ..world.image(repository, name, &[tag_name]) };
    world.meta.write(put).await.unwrap();
}

pub(super) async fn a_new_tag_of_the_same_name_defers_a_rule_about_it(world: World) {
    use LifecycleOutcome::{Changed, Expired};
    let repository = world.repository("app").await;
    world.put(repository, "one", &["x"]).await;
    world.put(repository, "two", &["y"]).await;
    let policy_version = put_policy(&world, repository, 5).await;
    let claim = unclaimed(&world, repository).await;
    let images = listed(&world, repository, false).await;
    assert!(images.iter().all(|image| image.tagged_at == Some(image.activated_at)));
    let items: Vec<_> = images
        .iter()
        .map(|image| LifecycleItem {
            tagged_at: (image.tags == ["x"]).then_some(image.tagged_at),
            ..item(image, LifecycleAction::Expire)
        })
        .collect();
    retag(&world, repository, "one", "x", 60).await;
    retag(&world, repository, "two", "y", 61).await;
    world.meta.write(DeleteTag { repository, tag: tag("x"), at: Micros(9) }).await.unwrap();
    let untagged = listed(&world, repository, false).await;
    assert!(untagged.iter().any(|image| image.tags.is_empty() && image.tagged_at == Some(Micros(60))));
    let again = PutImage { at: Micros(62), ..world.image(repository, "one", &["x"]) };
    world.meta.write(again).await.unwrap();
    let outcomes =
        world.meta.write(execution(repository, &claim, policy_version, 0, items.clone())).await.unwrap();
    let expected: Vec<_> =
        items.iter().map(|item| if item.tagged_at.is_some() { Changed } else { Expired }).collect();
    assert_eq!(outcomes, expected);
}

pub(super) async fn extensions_need_the_setting_when_they_are_carried_out(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["x"]).await;
    let policy_version = put_policy(&world, repository, 5).await;
    let claim = unclaimed(&world, repository).await;
    let images = listed(&world, repository, false).await;
    let execute = || {
        let items = images.iter().map(|image| item(image, LifecycleAction::Expire)).collect();
        let execute = execution(repository, &claim, policy_version, 0, items);
        world.meta.write(ExecuteLifecyclePolicy { uses_extensions: true, ..execute })
    };
    let allows = async || {
        let found = world.meta.read(FindLifecycleRepository { repository }).await.unwrap();
        found.unwrap().allows_extensions
    };
    let set = async |value: &str| {
        let (registry, name) = (repository.registry, LIFECYCLE_EXTENSIONS.to_owned());
        world.meta.write(PutAccountSetting { registry, name, value: value.into() }).await.unwrap();
    };
    assert!(!allows().await);
    assert_eq!(refusal(execute().await), LifecyclePolicyChanged);
    set("ENABLED").await;
    assert!(allows().await);
    set("DISABLED").await;
    assert!(!allows().await);
    assert_eq!(refusal(execute().await), LifecyclePolicyChanged);
    set("ENABLED").await;
    assert_eq!(execute().await.unwrap(), [LifecycleOutcome::Expired]);
}

pub(super) async fn what_an_earlier_claim_decided_is_refused(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["x"]).await;
    let policy_version = put_policy(&world, repository, 5).await;
    let items: Vec<_> = listed(&world, repository, false)
        .await
        .iter()
        .map(|image| item(image, LifecycleAction::Expire))
        .collect();
    let first = claimed(&world, LIFECYCLE_POLICY, 6).await.remove(0).claim();
    let renew = |claim: &Claim, until| {
        world.meta.write(RenewWork { claim: claim.clone(), lease_until: Micros(until) })
    };
    renew(&first, 5_000).await.unwrap();
    assert_eq!(claimed(&world, LIFECYCLE_POLICY, 4_000).await, [], "the lease was extended");
    let second = claimed(&world, LIFECYCLE_POLICY, 5_000).await.remove(0).claim();
    assert_eq!(refusal(renew(&first, 9_000).await), Overtaken);
    let execute =
        |claim: &Claim| world.meta.write(execution(repository, claim, policy_version, 0, items.clone()));
    assert_eq!(refusal(execute(&first).await), LifecyclePolicyChanged);
    assert_eq!(execute(&second).await.unwrap(), [LifecycleOutcome::Expired]);
}

pub(super) async fn a_push_near_the_end_of_a_lease_is_evaluated(world: World) {
    let repository = world.repository("app").await;
    put_policy(&world, repository, 5).await;
    let push = async |name, at| {
        let put = PutImage { at: Micros(at), ..world.image(repository, name, &[]) };
        world.meta.write(put).await.unwrap();
    };
    // The lease ends within the time that a push waits for its evaluation.
    let Work { kind, key, fence, .. } = claimed(&world, LIFECYCLE_POLICY, 6).await.remove(0);
    push("one", 900).await;
    let (far, error) = (Micros(3_600_000_000), None);
    world.meta.write(PostponeWork { kind, key, fence, due_at: far, error }).await.unwrap();
    let Work { kind, key, fence, .. } = claimed(&world, LIFECYCLE_POLICY, 21_000_000).await.remove(0);
    push("two", 21_000_100).await;
    world.meta.write(FinishWork { kind, key, fence }).await.unwrap();
    let Work { kind, key, fence, .. } = claimed(&world, LIFECYCLE_POLICY, 42_000_000).await.remove(0);
    world.meta.write(FinishWork { kind, key, fence }).await.unwrap();
    assert_eq!(claimed(&world, LIFECYCLE_POLICY, 99_000_000).await, [], "nothing is left");
}

pub(super) async fn departures_defer_what_is_counted(world: World) {
    let repository = world.repository("app").await;
    for name in ["one", "two", "three"] {
        world.put(repository, name, &[&format!("t-{name}")]).await;
    }
    world.put(repository, "bare", &[]).await;
    let policy_version = put_policy(&world, repository, 5).await;
    let claim = unclaimed(&world, repository).await;
    let before = departures(&world, repository).await;
    world.put(repository, "three", &["t-two"]).await;
    assert_eq!(departures(&world, repository).await, before + 1, "a tag moved");
    world.put(repository, "bare", &["tagged"]).await;
    assert_eq!(departures(&world, repository).await, before + 2, "an untagged image got a tag");
    world.put(repository, "new", &["other"]).await;
    assert_eq!(departures(&world, repository).await, before + 2, "nothing leaves with a push");
    let images = listed(&world, repository, false).await;
    let mut spares =
        images.iter().filter(|image| image.tags.len() == 1).map(|image| item(image, LifecycleAction::Expire));
    let mut few = spares.next().unwrap();
    few.spare = Some(1);
    let mut enough = spares.next().unwrap();
    enough.spare = Some(2);
    let execute = execution(repository, &claim, policy_version, before, vec![few, enough]);
    let outcomes = world.meta.write(execute).await.unwrap();
    assert_eq!(outcomes, [LifecycleOutcome::Changed, LifecycleOutcome::Expired]);
    assert_eq!(departures(&world, repository).await, before + 2, "what a policy deletes is not counted");
    world.meta.write(delete_image(repository, "three")).await.unwrap();
    assert!(departures(&world, repository).await > before + 2);
}

pub(super) async fn indexes_and_subjects_go_first(world: World) {
    use LifecycleAction::{Archive, Expire};
    use LifecycleOutcome::{Archived, Held};
    let repository = world.repository("app").await;
    world.put(repository, "child", &[]).await;
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["i"]) };
    world.meta.write(index).await.unwrap();
    let referrer = PutImage { subject: Some(digest("index")), ..world.image(repository, "sbom", &[]) };
    world.meta.write(referrer).await.unwrap();
    let policy_version = put_policy(&world, repository, 5).await;
    let claim = unclaimed(&world, repository).await;
    let images = listed(&world, repository, false).await;
    let by_name = |name| images.iter().find(|image| image.digest == digest(name)).unwrap();
    let execute = async |names: &[&'static str], action| {
        let items = names.iter().map(|name| item(by_name(name), action)).collect();
        let execute = execution(repository, &claim, policy_version, 0, items);
        world.meta.write(execute).await.unwrap()
    };
    for action in [Expire, Archive] {
        assert_eq!(execute(&["child", "sbom"], action).await, [Held, Held]);
    }
    assert_eq!(execute(&["index", "sbom", "child"], Archive).await, [Archived; 3]);
    let archived = listed(&world, repository, true).await;
    assert!(archived.len() == 3 && archived.iter().all(|image| image.archived_at == Some(Micros(70))));
    let items: Vec<_> = ["index", "child", "sbom"]
        .map(|name| archived.iter().find(|image| image.digest == digest(name)).unwrap())
        .map(|image| item(image, Expire))
        .into();
    let execute = execution(repository, &claim, policy_version, 0, items);
    assert_eq!(world.meta.write(execute).await.unwrap(), [LifecycleOutcome::Expired; 3]);
}

pub(super) async fn a_preview_is_written_in_slices(world: World) {
    let repository = world.repository("app").await;
    let start =
        |id: &str| StartLifecyclePreview { repository, id: id.into(), document: "{}".into(), at: Micros(5) };
    assert_eq!(world.meta.read(GetLifecyclePreview { repository }).await.unwrap(), None);
    world.meta.write(start("a")).await.unwrap();
    world.meta.write(start("a")).await.unwrap();
    assert_eq!(refusal(world.meta.write(start("b")).await), StartPreviewRefusal::InProgress);
    let claim = claimed(&world, LIFECYCLE_PREVIEW, 9).await.remove(0).claim();
    let result = |position, tags: &[&str]| PreviewResult {
        position,
        digest: digest(&position.to_string()),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        pushed_at: Micros(1),
        action: LifecycleAction::Expire,
        rule: Some(7),
        is_archived: false,
    };
    let write = |id: &str, is_first, results, ended| WritePreviewResults {
        repository,
        id: id.into(),
        claim: claim.clone(),
        is_first,
        results,
        ended,
        at: Micros(9),
    };
    assert_eq!(refusal(world.meta.write(write("b", true, Vec::new(), None)).await), PreviewReplaced);
    for _ in 0..2 {
        let first = vec![result(0, &["x"]), result(1, &[])];
        world.meta.write(write("a", true, first, None)).await.unwrap();
        world.meta.write(write("a", false, vec![result(2, &["y"])], None)).await.unwrap();
    }
    world.meta.write(write("a", false, Vec::new(), Some((3, 0)))).await.unwrap();
    let preview = world.meta.read(GetLifecyclePreview { repository }).await.unwrap().unwrap();
    assert_eq!((preview.state, preview.expiring), (PreviewState::Complete, 3));
    let positions = async |after, images, tag_status, limit| {
        let list = ListPreviewResults { repository, after, images, tag_status, limit };
        world.meta.read(list).await.unwrap().iter().map(|result| result.position).collect::<Vec<_>>()
    };
    assert_eq!(positions(None, Vec::new(), TagStatus::Any, 2).await, [0, 1]);
    assert_eq!(positions(Some(1), Vec::new(), TagStatus::Any, 2).await, [2]);
    assert_eq!(positions(None, Vec::new(), TagStatus::Tagged, 9).await, [0, 2]);
    assert_eq!(positions(None, Vec::new(), TagStatus::Untagged, 9).await, [1]);
    let named = ImageRef { tag: Some(tag("y")), digest: None };
    assert_eq!(positions(None, vec![named], TagStatus::Any, 1).await, [2]);
    let later = claimed(&world, LIFECYCLE_PREVIEW, 9_000).await.remove(0).claim();
    let late = write("a", false, vec![result(3, &[])], Some((4, 0)));
    assert_eq!(refusal(world.meta.write(late).await), PreviewReplaced, "another claim has begun");
    let end = |claim: &Claim| {
        let (claim, state) = (claim.clone(), PreviewState::Expired);
        world.meta.write(EndLifecyclePreview { repository, id: "a".into(), claim, state, at: Micros(9) })
    };
    assert_eq!(refusal(end(&claim).await), PreviewReplaced);
    assert_eq!(positions(None, Vec::new(), TagStatus::Any, 9).await, [0, 1, 2]);
    end(&later).await.unwrap();
    assert_eq!(positions(None, Vec::new(), TagStatus::Any, 9).await, [0; 0]);
    world.meta.write(start("b")).await.unwrap();
}

pub(super) async fn a_new_preview_has_all_its_attempts(world: World) {
    let repository = world.repository("app").await;
    for id in ["a", "b"] {
        let start = StartLifecyclePreview { repository, id: id.into(), document: "{}".into(), at: Micros(5) };
        world.meta.write(start).await.unwrap();
        for attempt in 1..=3 {
            let work = claimed(&world, LIFECYCLE_PREVIEW, 5).await.remove(0);
            let claim = work.claim();
            let Work { kind, key, fence, attempts } = work;
            assert_eq!(attempts, attempt, "{id}");
            if attempt == 3 {
                let (id, state) = (id.into(), PreviewState::Failed);
                let end = EndLifecyclePreview { repository, id, claim, state, at: Micros(6) };
                world.meta.write(end).await.unwrap();
            }
            let due_at = Micros(if attempt == 3 { 1_000_000 } else { 5 });
            world.meta.write(PostponeWork { kind, key, fence, due_at, error: None }).await.unwrap();
        }
    }
}
