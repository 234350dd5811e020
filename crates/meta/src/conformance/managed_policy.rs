//! Managed policies: their names and pages, their versions, their deletion.

use super::{
    identities::{SECOND, digits, pairs, policy_arn},
    world::{ACCOUNT, World, refusal},
};
use crate::*;

pub(super) async fn a_name_is_one_of_its_account(world: World) {
    let create = CreateManagedPolicy { description: Some("d".into()), ..world.new_policy("Read") };
    let made = world.meta.write(create.clone()).await.unwrap();
    assert_eq!((made.default_version, made.attachment_count, made.boundary_count), (1, 0, 0));
    assert_eq!((made.description.as_deref(), made.updated_at), (Some("d"), create.at));
    assert_eq!(refusal(world.meta.write(world.new_policy("Read")).await), CreateManagedPolicyRefusal::Exists);
    assert_eq!(refusal(world.meta.write(world.new_policy("reaD")).await), CreateManagedPolicyRefusal::Exists);
    // With another path it would have another ARN, but it has the same name.
    let (arn, path) = (policy_arn("team/read"), "/team/".to_owned());
    let moved = CreateManagedPolicy { arn, path, ..world.new_policy("read") };
    assert_eq!(refusal(world.meta.write(moved).await), CreateManagedPolicyRefusal::Exists);
    let (account, arn) = (world.second_account().await, format!("arn:aws:iam::{SECOND}:policy/Read"));
    let elsewhere = CreateManagedPolicy { account, arn, ..world.new_policy("Read") };
    world.meta.write(elsewhere).await.unwrap();
    assert_eq!(world.meta.read(FindManagedPolicy { arn: policy_arn("Read") }).await.unwrap(), Some(made));
    assert_eq!(world.meta.read(FindManagedPolicy { arn: policy_arn("read") }).await.unwrap(), None);
}

pub(super) async fn a_repeat_finds_its_own(world: World) {
    let create = CreateManagedPolicy { limit: 1, tags: pairs(&[("Team", "a")]), ..world.new_policy("Read") };
    let made = world.meta.write(create.clone()).await.unwrap();
    assert_eq!(world.meta.write(create.clone()).await.unwrap(), made);
    let one_more = CreateManagedPolicy { limit: 1, ..world.new_policy("more") };
    assert_eq!(refusal(world.meta.write(one_more).await), CreateManagedPolicyRefusal::Limit);
    assert_eq!(world.tags_of(&create.policy_id).await, pairs(&[("Team", "a")]));

    let version = CreateManagedPolicyVersion {
        arn: made.arn.clone(),
        document: "2".into(),
        set_as_default: true,
        limit: 2,
        at: Micros(70),
    };
    let added = world.meta.write(version.clone()).await.unwrap();
    assert_eq!((added.version, added.is_default), (2, true));
    assert_eq!(world.meta.write(version.clone()).await.unwrap(), added);
    let versions = world.meta.read(ListManagedPolicyVersions { arn: made.arn }).await.unwrap();
    assert_eq!(versions.len(), 2);
    // The same text at another time is another version.
    let later = CreateManagedPolicyVersion { at: Micros(71), limit: 5, ..version };
    assert_eq!(world.meta.write(later).await.unwrap().version, 3);
}

pub(super) async fn versions(world: World) {
    let arn = world.policy("read").await;
    let add = |document: &str, set_as_default| {
        let (arn, document) = (arn.clone(), document.to_owned());
        CreateManagedPolicyVersion { arn, document, set_as_default, limit: 5, at: Micros(world.id()) }
    };
    for at in 2..=5 {
        let added = world.meta.write(add(&format!("read {at}"), at == 4)).await.unwrap();
        assert_eq!((added.version, added.is_default), (at, at == 4));
    }
    assert_eq!(refusal(world.meta.write(add("read 6", true)).await), PolicyVersionRefusal::Limit);
    let list = || async {
        let versions = world.meta.read(ListManagedPolicyVersions { arn: arn.clone() }).await.unwrap();
        versions.into_iter().map(|version| (version.version, version.document, version.is_default)).collect()
    };
    let shown = |versions: &[(i64, bool)]| -> Vec<(i64, String, bool)> {
        versions.iter().map(|(version, default)| (*version, format!("read {version}"), *default)).collect()
    };
    let all: Vec<_> = list().await;
    assert_eq!(all, shown(&[(5, false), (4, true), (3, false), (2, false), (1, false)]));
    let read = LoadManagedDocuments { arns: vec![arn.clone(), policy_arn("none"), arn.clone()] };
    assert_eq!(world.meta.read(read).await.unwrap(), pairs(&[(&arn, "read 4")]));

    let delete = |version| world.meta.write(DeleteManagedPolicyVersion { arn: arn.clone(), version });
    assert_eq!(refusal(delete(4).await), PolicyVersionRefusal::IsDefault);
    assert_eq!(refusal(delete(9).await), PolicyVersionRefusal::VersionGone);
    delete(5).await.unwrap();
    assert_eq!(refusal(delete(5).await), PolicyVersionRefusal::VersionGone);
    // A version number is never used again.
    assert_eq!(world.meta.write(add("read 6", false)).await.unwrap().version, 6);
    let set = |version, at| SetDefaultManagedPolicyVersion { arn: arn.clone(), version, at: Micros(at) };
    assert_eq!(refusal(world.meta.write(set(5, 9)).await), PolicyVersionRefusal::VersionGone);
    world.meta.write(set(1, 99)).await.unwrap();
    let left: Vec<_> = list().await;
    assert_eq!(left, shown(&[(6, false), (4, false), (3, false), (2, false), (1, true)]));
    let found = world.meta.read(FindManagedPolicy { arn: arn.clone() }).await.unwrap().unwrap();
    assert_eq!((found.default_version, found.updated_at), (1, Micros(99)));

    let none = policy_arn("none");
    let gone = CreateManagedPolicyVersion { arn: none.clone(), ..add("x", true) };
    assert_eq!(refusal(world.meta.write(gone).await), PolicyVersionRefusal::PolicyGone);
    let gone = SetDefaultManagedPolicyVersion { arn: none.clone(), ..set(1, 9) };
    assert_eq!(refusal(world.meta.write(gone).await), PolicyVersionRefusal::PolicyGone);
    let gone = DeleteManagedPolicyVersion { arn: none.clone(), version: 1 };
    assert_eq!(refusal(world.meta.write(gone).await), PolicyVersionRefusal::PolicyGone);
    assert!(world.meta.read(ListManagedPolicyVersions { arn: none }).await.unwrap().is_empty());
}

pub(super) async fn it_ends_when_nothing_uses_it(world: World) {
    for unique_id in ["AIDA1", "AGPA1", "AROA1"] {
        world.entity(unique_id).await;
    }
    let before = world.row_counts().await;
    let create = CreateManagedPolicy { tags: pairs(&[("Team", "a")]), ..world.new_policy("read") };
    let arn = world.meta.write(create.clone()).await.unwrap().arn;
    let delete = || world.meta.write(DeleteManagedPolicy { arn: arn.clone() });
    for owner in ["AIDA1", "AGPA1", "AROA1"] {
        world.attach(owner, &arn).await;
        assert_eq!(refusal(delete().await), DeleteManagedPolicyRefusal::InUse, "{owner}");
        let detach = DetachManagedPolicy { owner: owner.to_owned(), arn: arn.clone() };
        world.meta.write(detach).await.unwrap();
    }
    let bound = |arn: Option<String>| world.meta.write(SetBoundary { unique_id: "AROA1".to_owned(), arn });
    bound(Some(arn.clone())).await.unwrap();
    assert_eq!(refusal(delete().await), DeleteManagedPolicyRefusal::InUse);
    bound(None).await.unwrap();
    let document = "2".to_owned();
    let add = CreateManagedPolicyVersion {
        arn: arn.clone(),
        document,
        set_as_default: false,
        limit: 5,
        at: Micros(9),
    };
    world.meta.write(add).await.unwrap();
    assert_eq!(refusal(delete().await), DeleteManagedPolicyRefusal::HasVersions);
    world.meta.write(DeleteManagedPolicyVersion { arn: arn.clone(), version: 2 }).await.unwrap();
    delete().await.unwrap();
    assert_eq!(refusal(delete().await), DeleteManagedPolicyRefusal::Gone);
    assert_eq!(world.row_counts().await, before);

    // A policy that is created again with the same name is another one: without tags, versions and attachments.
    let again = world.new_policy("read");
    world.meta.write(again.clone()).await.unwrap();
    assert!(world.tags_of(&again.policy_id).await.is_empty());
    let versions = world.meta.read(ListManagedPolicyVersions { arn: arn.clone() }).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);
    assert!(world.policies_of("AIDA1").await.managed.is_empty());
}

pub(super) async fn pages_hold_each_policy_once(world: World) {
    let names = ["+a", "Ab", "aC", "B", "b-", "b_", "ä"];
    for (at, name) in names.iter().enumerate().rev() {
        let path = if at % 2 == 0 { "/even/" } else { "/odd/" };
        world.meta.write(CreateManagedPolicy { path: path.into(), ..world.new_policy(name) }).await.unwrap();
    }
    world.second_account().await;
    world.entity("AIDA1").await;
    world.attach("AIDA1", &policy_arn("aC")).await;
    for (account, prefix, expected) in [
        (ACCOUNT, "/", names.to_vec()),
        (ACCOUNT, "/odd/", vec!["Ab", "B", "b_"]),
        (ACCOUNT, "/none/", Vec::new()),
        (SECOND, "/", Vec::new()),
    ] {
        for limit in 1..=names.len() + 1 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let (account_id, path_prefix) = (digits(account), prefix.to_owned());
                let list = ListManagedPolicies { account_id, path_prefix, after, limit };
                let page = world.meta.read(list).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = last.name.to_ascii_lowercase();
                assert!(page.iter().all(|policy| policy.attachment_count == i64::from(policy.name == "aC")));
                seen.extend(page.into_iter().map(|policy| policy.name));
            }
            assert_eq!(seen, expected, "{account} {prefix} {limit}");
        }
    }
}

pub(super) async fn who_uses_it(world: World) {
    let arn = world.policy("read").await;
    let of_aws = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    for unique_id in ["AIDA1", "AIDA2", "AGPA1", "AROA1"] {
        world.entity(unique_id).await;
    }
    let account = world.second_account().await;
    let elsewhere = CreateEntity { account, ..world.new_entity("AIDA9", "else") };
    world.meta.write(elsewhere).await.unwrap();
    for (owner, arn) in
        [("AIDA2", arn.as_str()), ("AGPA1", &arn), ("AROA1", &arn), ("AIDA9", of_aws), ("AIDA1", of_aws)]
    {
        world.attach(owner, arn).await;
    }
    for (unique_id, arn) in [("AIDA1", arn.as_str()), ("AROA1", &arn), ("AIDA9", of_aws)] {
        let bound = SetBoundary { unique_id: unique_id.to_owned(), arn: Some(arn.to_owned()) };
        world.meta.write(bound).await.unwrap();
    }
    let uses = |account: &'static str, arn: &str| {
        let list = ListPolicyUses { account_id: digits(account), arn: arn.to_owned() };
        let meta = &world.meta;
        async move {
            let uses = meta.read(list).await.unwrap().into_iter();
            uses.map(|found| (found.kind, found.unique_id, found.as_boundary)).collect::<Vec<_>>()
        }
    };
    let shown =
        |kind: &str, unique_id: &str, as_boundary| (kind.to_owned(), unique_id.to_owned(), as_boundary);
    let expected = [
        shown("group", "AGPA1", false),
        shown("role", "AROA1", false),
        shown("role", "AROA1", true),
        shown("user", "AIDA1", true),
        shown("user", "AIDA2", false),
    ];
    assert_eq!(uses(ACCOUNT, &arn).await, expected);
    assert_eq!(uses(SECOND, &arn).await, []);
    assert_eq!(uses(ACCOUNT, of_aws).await, [shown("user", "AIDA1", false)]);
    assert_eq!(uses(SECOND, of_aws).await, [shown("user", "AIDA9", false), shown("user", "AIDA9", true)]);
    let count = |account| world.meta.read(CountPolicyUses { account_id: digits(account) });
    assert_eq!(count(ACCOUNT).await.unwrap(), [(arn.clone(), 3, 2), (of_aws.to_owned(), 1, 0)]);
    assert_eq!(count(SECOND).await.unwrap(), [(of_aws.to_owned(), 1, 1)]);
    let found = world.meta.read(FindManagedPolicy { arn }).await.unwrap().unwrap();
    assert_eq!((found.attachment_count, found.boundary_count), (3, 2));
}
