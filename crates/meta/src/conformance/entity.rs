//! Users, groups and roles: their names, their pages, their deletion.

use super::{
    identities::{SECOND, digits, pairs, policy_arn},
    world::{ACCOUNT, World, refusal},
};
use crate::*;

fn find(account: &str, kind: EntityKind, name: &str) -> FindEntity {
    FindEntity { account_id: digits(account), kind, name: name.into() }
}

pub(super) async fn a_name_is_one_of_its_kind_and_account(world: World) {
    let meta = &world.meta;
    let ann = meta.write(world.new_entity("AIDA1", "Ann")).await.unwrap();
    assert_eq!((ann.name.as_str(), ann.kind.as_str(), ann.account_id.as_str()), ("Ann", "user", ACCOUNT));
    let taken = meta.write(world.new_entity("AIDA2", "aNN")).await;
    assert_eq!(refusal(taken), CreateEntityRefusal::Exists);
    // Only ASCII letters ignore case; other letters do not, on both drivers.
    meta.write(world.new_entity("AIDA3", "Änn")).await.unwrap();
    meta.write(world.new_entity("AIDA4", "änn")).await.unwrap();

    // Other kinds and other accounts have separate names.
    meta.write(world.new_entity("AGPA1", "ann")).await.unwrap();
    let role = meta.write(world.new_entity("AROA1", "ANN")).await.unwrap();
    assert_eq!(role.role.unwrap().max_session_seconds, 3_600);
    let account = world.second_account().await;
    meta.write(CreateEntity { account, ..world.new_entity("AIDA5", "ann") }).await.unwrap();

    for (account, kind, unique_id) in [
        (ACCOUNT, EntityKind::User, "AIDA1"),
        (ACCOUNT, EntityKind::Group, "AGPA1"),
        (ACCOUNT, EntityKind::Role, "AROA1"),
        (SECOND, EntityKind::User, "AIDA5"),
    ] {
        let found = meta.read(find(account, kind, "aNn")).await.unwrap().unwrap();
        assert_eq!((found.unique_id.as_str(), found.account_id.as_str()), (unique_id, account));
        assert_eq!(meta.read(FindEntityById { unique_id: unique_id.to_owned() }).await.unwrap(), Some(found));
    }
    assert_eq!(meta.read(find(SECOND, EntityKind::Group, "ann")).await.unwrap(), None);
    assert_eq!(meta.read(FindEntityById { unique_id: "AIDA9".to_owned() }).await.unwrap(), None);
}

pub(super) async fn a_repeat_of_a_creation_finds_its_own(world: World) {
    let arn = world.policy("bound").await;
    for (unique_id, limit) in [("AIDA1", 1), ("AGPA1", 1), ("AROA1", 1)] {
        let create = CreateEntity {
            tags: pairs(&[("Team", "a")]),
            boundary: Some(arn.clone()),
            limit,
            ..world.new_entity(unique_id, "Ann")
        };
        let made = world.meta.write(create.clone()).await.unwrap();
        // Its own row does not count, neither for the name nor for the quota.
        assert_eq!(world.meta.write(create).await.unwrap(), made);
        assert_eq!(world.caller(unique_id).await.unwrap().version, 1);
        assert_eq!(world.tags_of(unique_id).await, pairs(&[("Team", "a")]));
        let one_more = CreateEntity { limit, ..world.new_entity(&format!("{}2", &unique_id[..4]), "Bob") };
        assert_eq!(refusal(world.meta.write(one_more).await), CreateEntityRefusal::Limit);
    }
    // It can keep a name that was changed meanwhile.
    let create = world.new_entity("AIDA7", "before");
    world.meta.write(create.clone()).await.unwrap();
    let (path, name) = ("/".into(), "after".into());
    world.meta.write(RenameEntity { unique_id: "AIDA7".to_owned(), path, name }).await.unwrap();
    assert_eq!(world.meta.write(create).await.unwrap().name, "after");
}

pub(super) async fn a_boundary_must_be_there(world: World) {
    let create = |boundary: &str| CreateEntity {
        boundary: Some(boundary.to_owned()),
        ..world.new_entity("AROA1", "way-in")
    };
    let gone = policy_arn("none");
    assert_eq!(refusal(world.meta.write(create(&gone)).await), CreateEntityRefusal::BoundaryGone);
    assert!(world.caller("AROA1").await.is_none(), "a refusal leaves nothing");
    world.meta.write(create("arn:aws:iam::aws:policy/ReadOnlyAccess")).await.unwrap();
    let bound = |arn: Option<&str>, unique_id: &str| {
        world.meta.write(SetBoundary { unique_id: unique_id.to_owned(), arn: arn.map(str::to_owned) })
    };
    assert_eq!(refusal(bound(Some(&gone), "AROA1").await), SetBoundaryRefusal::PolicyGone);
    assert_eq!(refusal(bound(None, "AROA9").await), SetBoundaryRefusal::PrincipalGone);
    // An ARN of an account whose path looks like AWS's is a policy of that account, which does not exist.
    let looks = policy_arn(":iam::aws:policy/x");
    assert_eq!(refusal(bound(Some(&looks), "AROA1").await), SetBoundaryRefusal::PolicyGone);
    let attach = AttachPolicy { owner: "AROA1".to_owned(), arn: looks, limit: 10 };
    assert_eq!(refusal(world.meta.write(attach).await), AttachPolicyRefusal::PolicyGone);
}

pub(super) async fn a_rename_keeps_the_id_and_frees_the_name(world: World) {
    world.entity("AIDA1").await;
    world.meta.write(world.new_entity("AIDA2", "Bob")).await.unwrap();
    let inline = PutInlinePolicy { owner: "AIDA1".to_owned(), name: "p".into(), document: "{}".into() };
    world.meta.write(inline).await.unwrap();
    let rename = |unique_id: &str, path: &str, name: &str| {
        let (unique_id, path, name) = (unique_id.to_owned(), path.into(), name.into());
        world.meta.write(RenameEntity { unique_id, path, name })
    };
    assert_eq!(refusal(rename("AIDA1", "/", "BOB").await), RenameEntityRefusal::Exists);
    assert_eq!(refusal(rename("AIDA9", "/", "new").await), RenameEntityRefusal::Gone);
    let moved = rename("AIDA1", "/team/", "Ann").await.unwrap();
    assert_eq!(
        (moved.path.as_str(), moved.name.as_str(), moved.unique_id.as_str()),
        ("/team/", "Ann", "AIDA1")
    );
    let state = world.caller("AIDA1").await.unwrap();
    assert_eq!((state.path.as_str(), state.name.as_str()), ("/team/", "Ann"));
    rename("AIDA1", "/team/", "aNN").await.expect("its own name in another case");
    // A principal that is created with the old name is a different one.
    world.meta.write(world.new_entity("AIDA3", "aida1")).await.unwrap();
    assert_eq!(
        world.policies_of("AIDA3").await,
        IdentityPolicies { version: 1, ..IdentityPolicies::default() }
    );
    assert_eq!(world.policies_of("AIDA1").await.inline.len(), 1);
}

pub(super) async fn made_again_it_inherits_nothing(world: World) {
    let arn = world.policy("read").await;
    world.entity("AGPA1").await;
    for (unique_id, again) in [("AIDA1", "AIDA2"), ("AROA1", "AROA2")] {
        let tags = pairs(&[("Team", "a")]);
        let create = |unique_id| CreateEntity { tags: tags.clone(), ..world.new_entity(unique_id, "Ann") };
        world.meta.write(create(unique_id)).await.unwrap();
        world.attach(unique_id, &arn).await;
        let owner = || unique_id.to_owned();
        let inline = PutInlinePolicy { owner: owner(), name: "p".into(), document: "{}".into() };
        world.meta.write(inline).await.unwrap();
        world.meta.write(SetBoundary { unique_id: owner(), arn: Some(arn.clone()) }).await.unwrap();
        let detach = DetachManagedPolicy { owner: owner(), arn: arn.clone() };
        assert!(world.meta.write(detach).await.unwrap());
        let delete = DeleteInlinePolicy { owner: owner(), name: "p".into() };
        assert!(world.meta.write(delete).await.unwrap());
        world.meta.write(DeleteEntity { unique_id: owner() }).await.unwrap();
        assert!(world.caller(unique_id).await.is_none());
        assert_eq!(world.policies_of(unique_id).await, IdentityPolicies::default());

        world.meta.write(world.new_entity(again, "Ann")).await.unwrap();
        let fresh = IdentityPolicies { version: 1, ..IdentityPolicies::default() };
        assert_eq!(world.policies_of(again).await, fresh);
        assert_eq!(world.caller(again).await.unwrap().version, 1);
    }
    // A group that was created again has neither the members nor the policies of the old one.
    let remove = |group: &str| RemoveFromGroup { group_id: group.to_owned(), user_id: "AIDA2".into() };
    world.join("AIDA2", "AGPA1").await;
    world.meta.write(remove("AGPA1")).await.unwrap();
    world.meta.write(DeleteEntity { unique_id: "AGPA1".to_owned() }).await.unwrap();
    world.meta.write(world.new_entity("AGPA2", "agpa1")).await.unwrap();
    world.attach("AGPA2", &arn).await;
    assert!(world.policies_of("AIDA2").await.managed.is_empty());
}

pub(super) async fn nothing_may_be_left_when_it_ends(world: World) {
    let before = world.row_counts().await;
    for unique_id in ["AIDA1", "AGPA1", "AROA1"] {
        let tags = pairs(&[("Team", "a"), ("team2", "b")]);
        let name = unique_id.to_ascii_lowercase();
        world.meta.write(CreateEntity { tags, ..world.new_entity(unique_id, &name) }).await.unwrap();
        let context = PutSessionContext {
            id: format!("of {unique_id}"),
            owner: unique_id.to_owned(),
            context: vec![1],
            expires_at: Micros(i64::MAX),
        };
        world.meta.write(context).await.unwrap();
    }
    let arn = world.policy("read").await;
    let delete = |unique_id: &str| world.meta.write(DeleteEntity { unique_id: unique_id.to_owned() });
    let everybody = ["AIDA1", "AGPA1", "AROA1"];

    for unique_id in everybody {
        let owner = unique_id.to_owned();
        world.attach(unique_id, &arn).await;
        assert_eq!(refusal(delete(unique_id).await), DeleteEntityRefusal::AttachedPolicies);
        world.meta.write(DetachManagedPolicy { owner: owner.clone(), arn: arn.clone() }).await.unwrap();
        let inline = PutInlinePolicy { owner: owner.clone(), name: "p".into(), document: "{}".into() };
        world.meta.write(inline).await.unwrap();
        assert_eq!(refusal(delete(unique_id).await), DeleteEntityRefusal::InlinePolicies);
        world.meta.write(DeleteInlinePolicy { owner, name: "p".into() }).await.unwrap();
    }
    let id: aws::ids::AccessKeyId = "AKIAAAAAAAAAAAAAAAA1".parse().unwrap();
    let (owner, sealed_secret) = ("AIDA1".to_owned(), vec![1]);
    let key = CreateAccessKey { id: id.clone(), owner: owner.clone(), sealed_secret, at: Micros(1) };
    world.meta.write(key).await.unwrap();
    assert_eq!(refusal(delete("AIDA1").await), DeleteEntityRefusal::AccessKeys);
    world.meta.write(DeleteAccessKey { id, owner }).await.unwrap();

    world.join("AIDA1", "AGPA1").await;
    assert_eq!(refusal(delete("AIDA1").await), DeleteEntityRefusal::Members);
    assert_eq!(refusal(delete("AGPA1").await), DeleteEntityRefusal::Members);
    let remove = RemoveFromGroup { group_id: "AGPA1".to_owned(), user_id: "AIDA1".into() };
    world.meta.write(remove).await.unwrap();

    let profile = world.new_profile("AIPA1", "profile");
    world.meta.write(profile).await.unwrap();
    let role = |role: Option<&str>| SetInstanceProfileRole {
        unique_id: "AIPA1".to_owned(),
        role: role.map(str::to_owned),
    };
    world.meta.write(role(Some("AROA1"))).await.unwrap();
    assert_eq!(refusal(delete("AROA1").await), DeleteEntityRefusal::InstanceProfiles);
    world.meta.write(role(None)).await.unwrap();
    world.meta.write(DeleteInstanceProfile { unique_id: "AIPA1".to_owned() }).await.unwrap();

    // A boundary is removed with its principal.
    let bound = SetBoundary { unique_id: "AIDA1".to_owned(), arn: Some(arn.clone()) };
    world.meta.write(bound).await.unwrap();
    for unique_id in everybody {
        delete(unique_id).await.unwrap();
        assert_eq!(refusal(delete(unique_id).await), DeleteEntityRefusal::Gone);
    }
    world.meta.write(DeleteManagedPolicy { arn }).await.unwrap();
    assert_eq!(world.row_counts().await, before);
}

/// Names in the order of their folded bytes, which is neither a dictionary's order nor that of upper-case and
/// lower-case letters.
const NAMES: [&str; 9] = ["+plus", "0", "Ab", "aC", "B", "b-", "b_", "z", "ä"];

pub(super) async fn pages_hold_everybody_once(world: World) {
    let other = world.second_account().await;
    for (at, name) in NAMES.iter().enumerate().rev() {
        let path = if at % 2 == 0 { "/even/" } else { "/Even/odd/" };
        for kind in ["AIDA", "AGPA", "AROA"] {
            let create = world.new_entity(&format!("{kind}{at}"), name);
            world.meta.write(CreateEntity { path: path.into(), ..create }).await.unwrap();
        }
        let elsewhere = world.new_entity(&format!("AIDA{}", at + 100), name);
        world.meta.write(CreateEntity { account: other, path: path.into(), ..elsewhere }).await.unwrap();
    }
    let even: Vec<&str> = NAMES.iter().copied().step_by(2).collect();
    let odd: Vec<&str> = NAMES.iter().copied().skip(1).step_by(2).collect();
    for (kind, prefix, expected) in [
        (EntityKind::User, "/", NAMES.to_vec()),
        (EntityKind::Group, "/", NAMES.to_vec()),
        (EntityKind::Role, "/even/", even),
        (EntityKind::User, "/E", odd.clone()),
        (EntityKind::User, "/Even/odd/", odd),
        (EntityKind::User, "/even/%", Vec::new()),
        (EntityKind::User, "/_ven/", Vec::new()),
    ] {
        for limit in 1..=NAMES.len() + 1 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let (account_id, path_prefix) = (digits(ACCOUNT), prefix.to_owned());
                let list = ListEntities { account_id, kind, path_prefix, after, limit };
                let page = world.meta.read(list).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = last.name.to_ascii_lowercase();
                assert!(page.iter().all(|entity| entity.account_id.as_str() == ACCOUNT));
                seen.extend(page.into_iter().map(|entity| entity.name));
            }
            assert_eq!(seen, expected, "{kind:?} {prefix} {limit}");
        }
    }
}

pub(super) async fn a_role_keeps_what_is_not_changed(world: World) {
    let role = RoleFields {
        trust_policy: "trust 1".into(),
        description: Some("for people".into()),
        max_session_seconds: 7_200,
        service_name: Some("ecr.amazonaws.com".into()),
    };
    let create = CreateEntity { role: Some(role.clone()), ..world.new_entity("AROA1", "r") };
    assert_eq!(world.meta.write(create).await.unwrap().role, Some(role.clone()));
    let update = UpdateRole {
        unique_id: "AROA1".to_owned(),
        trust_policy: None,
        description: None,
        max_session_seconds: None,
    };
    let found = || async {
        let found = world.meta.read(FindEntityById { unique_id: "AROA1".to_owned() }).await.unwrap().unwrap();
        (found.role.unwrap(), found.last_used)
    };
    let trust_policy = Some("trust 2".to_owned());
    world.meta.write(UpdateRole { trust_policy, ..update.clone() }).await.unwrap();
    world.meta.write(UpdateRole { max_session_seconds: Some(3_600), ..update.clone() }).await.unwrap();
    let expected = RoleFields { trust_policy: "trust 2".into(), max_session_seconds: 3_600, ..role };
    assert_eq!(found().await, (expected.clone(), None));
    world.meta.write(UpdateRole { description: Some(String::new()), ..update.clone() }).await.unwrap();
    assert_eq!(found().await.0, RoleFields { description: Some(String::new()), ..expected });
    let gone = UpdateRole { unique_id: "AROA9".to_owned(), ..update };
    assert_eq!(refusal(world.meta.write(gone).await), PrincipalGone);

    let version = world.caller("AROA1").await.unwrap().version;
    let used = |region: &str, at| RecordRoleUse {
        unique_id: "AROA1".to_owned(),
        region: region.into(),
        at: Micros(at),
    };
    world.meta.write(used("eu-west-1", 90)).await.unwrap();
    world.meta.write(used("us-east-1", 80)).await.unwrap();
    assert_eq!(found().await.1, Some((Micros(90), "eu-west-1".into())), "a time never moves back");
    world.meta.write(used("us-east-1", 91)).await.unwrap();
    assert_eq!(found().await.1, Some((Micros(91), "us-east-1".into())));
    assert_eq!(world.caller("AROA1").await.unwrap().version, version, "being used changes no decision");
}
