//! Every change that can alter a decision increments the version of exactly the principals that it affects: cached data
//! of a principal is used only at the version that the gate reads.

use super::{
    identities::{pairs, policy_arn},
    world::{World, refusal},
};
use crate::*;

/// A user in a group, a user without a group, a role, and one principal of each kind that the changes do not affect.
async fn people(world: &World) {
    for unique_id in
        ["AIDAALONE", "AIDAMEMBER", "AIDAOTHER", "AGPAOTHER", "AGPATEAM", "AROAOTHER", "AROAROLE"]
    {
        world.entity(unique_id).await;
    }
    world.join("AIDAMEMBER", "AGPATEAM").await;
    world.join("AIDAOTHER", "AGPAOTHER").await;
}

/// The principals that a change of the policies of each of these affects.
const OWNERS: [(&str, &[&str]); 3] =
    [("AIDAALONE", &["AIDAALONE"]), ("AROAROLE", &["AROAROLE"]), ("AGPATEAM", &["AGPATEAM", "AIDAMEMBER"])];

pub(super) async fn inline_policies(world: World) {
    people(&world).await;
    for (owner, concerned) in OWNERS {
        let put = |document: &str| {
            let (owner, name) = (owner.to_owned(), "p".to_owned());
            world.meta.write(PutInlinePolicy { owner, name, document: document.into() })
        };
        assert_eq!(world.concerned(put("{}")).await, concerned);
        assert_eq!(world.concerned(put("{1}")).await, concerned);
        let delete = DeleteInlinePolicy { owner: owner.to_owned(), name: "p".into() };
        assert_eq!(world.concerned(world.meta.write(delete)).await, concerned);
    }
}

pub(super) async fn attached_policies(world: World) {
    people(&world).await;
    let arn = world.policy("read").await;
    for (owner, concerned) in OWNERS {
        for arn in [arn.as_str(), "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            let (owner, arn) = (owner.to_owned(), arn.to_owned());
            let attach = AttachPolicy { owner: owner.clone(), arn: arn.clone(), limit: 10 };
            assert_eq!(world.concerned(world.meta.write(attach)).await, concerned);
            let detach = DetachManagedPolicy { owner, arn };
            assert_eq!(world.concerned(world.meta.write(detach)).await, concerned);
        }
    }
}

pub(super) async fn a_managed_policy_concerns_whom_it_reaches(world: World) {
    people(&world).await;
    world.entity("AIDABOUND").await;
    world.entity("AROABOUND").await;
    let (arn, other) = (world.policy("read").await, world.policy("other").await);
    for (owner, _) in OWNERS {
        world.attach(owner, &arn).await;
    }
    for owner in ["AIDAOTHER", "AGPAOTHER", "AROAOTHER"] {
        world.attach(owner, &other).await;
    }
    for (unique_id, arn) in [("AIDABOUND", &arn), ("AROABOUND", &arn), ("AROAOTHER", &other)] {
        let bound = SetBoundary { unique_id: unique_id.to_owned(), arn: Some(arn.clone()) };
        assert_eq!(world.concerned(world.meta.write(bound)).await, [unique_id]);
    }
    let all = ["AGPATEAM", "AIDAALONE", "AIDABOUND", "AIDAMEMBER", "AROABOUND", "AROAROLE"];
    let add = |document: &str, set_as_default| {
        let (arn, document) = (arn.clone(), document.to_owned());
        world.meta.write(CreateManagedPolicyVersion {
            arn,
            document,
            set_as_default,
            limit: 5,
            at: Micros(9),
        })
    };
    let decides = |document: &'static str| {
        let (world, arn) = (&world, arn.clone());
        async move {
            let expected = ManagedDocument { arn, document: Some(document.to_owned()) };
            for unique_id in ["AIDAALONE", "AIDAMEMBER", "AROAROLE"] {
                assert_eq!(world.policies_of(unique_id).await.managed, std::slice::from_ref(&expected));
            }
            for unique_id in ["AIDABOUND", "AROABOUND"] {
                assert_eq!(world.policies_of(unique_id).await.boundary.as_ref(), Some(&expected));
            }
        }
    };
    decides("read 1").await;
    assert!(world.concerned(add("read 2", false)).await.is_empty(), "it does not decide yet");
    decides("read 1").await;
    assert_eq!(world.concerned(add("read 3", true)).await, all);
    decides("read 3").await;
    let set = SetDefaultManagedPolicyVersion { arn: arn.clone(), version: 2, at: Micros(10) };
    assert_eq!(world.concerned(world.meta.write(set)).await, all);
    decides("read 2").await;
    let delete = DeleteManagedPolicyVersion { arn: arn.clone(), version: 3 };
    assert!(world.concerned(world.meta.write(delete)).await.is_empty(), "it did not decide");
    let free = SetBoundary { unique_id: "AIDABOUND".to_owned(), arn: None };
    assert_eq!(world.concerned(world.meta.write(free)).await, ["AIDABOUND"]);
    assert_eq!(world.policies_of("AIDABOUND").await.boundary, None);
}

pub(super) async fn membership(world: World) {
    people(&world).await;
    let arn = world.policy("read").await;
    world.attach("AGPATEAM", &arn).await;
    let inline = PutInlinePolicy { owner: "AGPATEAM".to_owned(), name: "p".into(), document: "{}".into() };
    world.meta.write(inline).await.unwrap();
    let (group_id, user_id) = ("AGPATEAM".to_owned(), "AIDAALONE".to_owned());
    let add = AddToGroup { group_id: group_id.clone(), user_id: user_id.clone(), limit: 10 };
    let concerned = world.concerned(world.meta.write(add)).await;
    assert!(concerned.contains(&user_id) && !concerned.contains(&"AIDAMEMBER".to_owned()), "{concerned:?}");
    let policies = world.policies_of("AIDAALONE").await;
    assert_eq!(policies.inline, pairs(&[("agpateam/p", "{}")]));
    assert_eq!(policies.managed, [ManagedDocument { arn, document: Some("read 1".into()) }]);
    // A decision of a group's member shows the group's name.
    let rename = RenameEntity { unique_id: group_id.clone(), path: "/".into(), name: "Team".into() };
    let concerned = world.concerned(world.meta.write(rename)).await;
    assert_eq!(concerned, ["AGPATEAM", "AIDAALONE", "AIDAMEMBER"]);
    assert_eq!(world.policies_of("AIDAALONE").await.inline, pairs(&[("Team/p", "{}")]));
    let remove = RemoveFromGroup { group_id, user_id };
    let concerned = world.concerned(world.meta.write(remove)).await;
    assert!(concerned.contains(&"AIDAALONE".to_owned()), "{concerned:?}");
    let left = world.policies_of("AIDAALONE").await;
    assert!(left.inline.is_empty() && left.managed.is_empty());
}

pub(super) async fn what_a_principal_is(world: World) {
    people(&world).await;
    for unique_id in ["AIDAALONE", "AROAROLE"] {
        let owner = || unique_id.to_owned();
        let tag = PutIamTags { owner: owner(), tags: pairs(&[("Team", "a")]), limit: 50 };
        assert_eq!(world.concerned(world.meta.write(tag)).await, [unique_id]);
        assert_eq!(world.policies_of(unique_id).await.tags, pairs(&[("Team", "a")]));
        let untag = RemoveIamTags { owner: owner(), keys: vec!["tEAM".into()] };
        assert_eq!(world.concerned(world.meta.write(untag)).await, [unique_id]);
        assert!(world.policies_of(unique_id).await.tags.is_empty());
        let rename = RenameEntity { unique_id: owner(), path: "/x/".into(), name: "renamed".into() };
        assert_eq!(world.concerned(world.meta.write(rename)).await, [unique_id]);
    }
    let update = UpdateRole {
        unique_id: "AROAROLE".to_owned(),
        trust_policy: Some("{2}".into()),
        description: None,
        max_session_seconds: None,
    };
    assert_eq!(world.concerned(world.meta.write(update)).await, ["AROAROLE"]);
}

pub(super) async fn access_keys(world: World) {
    people(&world).await;
    world
        .meta
        .write(EnsureRoot { account_id: super::identities::digits(super::world::ACCOUNT), at: Micros(1) })
        .await
        .unwrap();
    for (owner, id) in
        [("AIDAALONE", "AKIAAAAAAAAAAAAAAAA1"), (super::world::ACCOUNT, "AKIAAAAAAAAAAAAAAAA2")]
    {
        let id: aws::ids::AccessKeyId = id.parse().unwrap();
        let key = CreateAccessKey {
            id: id.clone(),
            owner: owner.to_owned(),
            sealed_secret: vec![1],
            at: Micros(2),
        };
        let create = CreateAccessKeyWithin { key, limit: 2 };
        assert_eq!(world.concerned(world.meta.write(create)).await, [owner]);
        for active in [false, true] {
            let set = SetAccessKeyStatus { id: id.clone(), owner: owner.to_owned(), active };
            assert_eq!(world.concerned(world.meta.write(set)).await, [owner]);
        }
        let used =
            RecordAccessKeyUse { id: id.clone(), region: "r".into(), service: "s".into(), at: Micros(3) };
        assert!(world.concerned(world.meta.write(used)).await.is_empty(), "being used changes no decision");
        let delete = DeleteAccessKey { id, owner: owner.to_owned() };
        assert_eq!(world.concerned(world.meta.write(delete)).await, [owner]);
    }
}

/// A membership that commits while a new default version of a policy is applied to its users: a reader that reads the
/// member between the two must read again after the second.
pub(super) async fn a_member_who_joins_meanwhile(world: World) {
    people(&world).await;
    let arn = world.policy("read").await;
    world.attach("AGPATEAM", &arn).await;
    let mut joins = world.beside().await;
    // What AddToGroup does, up to its commit.
    joins
        .hold(
            "UPDATE principal SET version = version + 1 WHERE unique_id = 'AIDAALONE'; \
             UPDATE principal SET version = version + 1 WHERE unique_id = 'AGPATEAM'; \
             INSERT INTO group_member (group_id, user_id) VALUES ('AGPATEAM', 'AIDAALONE');",
        )
        .await;
    let document = "read 2".to_owned();
    let add = CreateManagedPolicyVersion { arn, document, set_as_default: true, limit: 5, at: Micros(9) };
    let (added, ()) = tokio::join!(world.meta.write(add), async {
        joins.await_waiting().await;
        joins.run("COMMIT").await.unwrap();
    });
    added.unwrap();
    assert_eq!(world.policies_of("AIDAALONE").await.managed[0].document.as_deref(), Some("read 2"));
    // Created at version 1; the membership is one change, the new default version another.
    assert_eq!(world.caller("AIDAALONE").await.unwrap().version, 3);
}

/// A refused operation changes nothing, so it increments nothing.
pub(super) async fn a_refusal_concerns_nobody(world: World) {
    people(&world).await;
    let before: Vec<_> = [world.caller("AIDAALONE").await, world.caller("AGPATEAM").await].into();
    let attach = AttachPolicy { owner: "AIDAALONE".to_owned(), arn: policy_arn("none"), limit: 10 };
    assert_eq!(refusal(world.meta.write(attach).await), AttachPolicyRefusal::PolicyGone);
    let attach =
        AttachPolicy { owner: "AIDAALONE".to_owned(), arn: "arn:aws:iam::aws:policy/A".to_owned(), limit: 0 };
    assert_eq!(refusal(world.meta.write(attach).await), AttachPolicyRefusal::Limit);
    let add = AddToGroup { group_id: "AGPATEAM".to_owned(), user_id: "AIDAALONE".into(), limit: 0 };
    assert_eq!(refusal(world.meta.write(add).await), AddToGroupRefusal::Limit);
    let add = AddToGroup { group_id: "AROAROLE".to_owned(), user_id: "AIDAALONE".into(), limit: 9 };
    assert_eq!(refusal(world.meta.write(add).await), AddToGroupRefusal::GroupGone);
    let after: Vec<_> = [world.caller("AIDAALONE").await, world.caller("AGPATEAM").await].into();
    assert_eq!(after, before);
}
