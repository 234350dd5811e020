//! Something is deleted while another operation refers to it: either the deletion or the other operation is refused. No
//! row refers to a deleted row, and the store never fails because of this.

use super::{
    identities::{pairs, policy_arn},
    world::{World, refusal},
};
use crate::*;

const ROUNDS: i64 = 20;

pub(super) async fn a_policy_that_is_attached_meanwhile(world: World) {
    world.entity("AIDA1").await;
    world.entity("AROA1").await;
    for round in 0..ROUNDS {
        let arn = world.policy(&format!("p{round}")).await;
        let attach = AttachPolicy { owner: "AIDA1".to_owned(), arn: arn.clone(), limit: 100 };
        let bound = SetBoundary { unique_id: "AROA1".to_owned(), arn: Some(arn.clone()) };
        let (attached, bounded, deleted) = tokio::join!(
            world.meta.write(attach),
            world.meta.write(bound),
            world.meta.write(DeleteManagedPolicy { arn: arn.clone() })
        );
        let is_used = attached.is_ok() || bounded.is_ok();
        for refused in [attached.err(), bounded.err().map(boundary_gone)].into_iter().flatten() {
            assert_eq!(refusal::<(), _>(Err(refused)), AttachPolicyRefusal::PolicyGone);
        }
        if is_used {
            assert_eq!(refusal(deleted), DeleteManagedPolicyRefusal::InUse);
        } else {
            deleted.unwrap();
        }
        let of_user = world.policies_of("AIDA1").await.managed;
        let of_role = world.policies_of("AROA1").await.boundary;
        let used: Vec<_> = of_user.iter().chain(&of_role).filter(|used| used.arn == arn).collect();
        assert_eq!(used.is_empty(), !is_used);
        assert!(used.iter().all(|used| used.document.is_some()), "a policy in force has a text");
    }
}

/// An operation that needs a policy during its deletion waits, and is then told that it does not exist.
pub(super) async fn a_policy_whose_deletion_comes_first(world: World) {
    world.entity("AIDA1").await;
    world.entity("AROA1").await;
    for who in ["attached", "bounds", "bounds from the first"] {
        let arn = world.policy("read").await;
        let mut deletes = world.beside().await;
        deletes.hold("DELETE FROM managed_policy_version; DELETE FROM managed_policy;").await;
        let commit = async {
            deletes.await_waiting().await;
            deletes.run("COMMIT").await.unwrap();
        };
        match who {
            "attached" => {
                let attach = AttachPolicy { owner: "AIDA1".to_owned(), arn, limit: 10 };
                let (asked, ()) = tokio::join!(world.meta.write(attach), commit);
                assert_eq!(refusal(asked), AttachPolicyRefusal::PolicyGone);
            }
            "bounds" => {
                let bound = SetBoundary { unique_id: "AROA1".to_owned(), arn: Some(arn) };
                let (asked, ()) = tokio::join!(world.meta.write(bound), commit);
                assert_eq!(refusal(asked), SetBoundaryRefusal::PolicyGone);
            }
            _ => {
                let create = CreateEntity { boundary: Some(arn), ..world.new_entity("AIDA2", "ann") };
                let (asked, ()) = tokio::join!(world.meta.write(create), commit);
                assert_eq!(refusal(asked), CreateEntityRefusal::BoundaryGone);
            }
        }
    }
}

/// The refusal for a boundary, as the one for an attachment.
fn boundary_gone(error: OpError<SetBoundaryRefusal>) -> OpError<AttachPolicyRefusal> {
    match error {
        OpError::Store(error) => OpError::Store(error),
        OpError::Refused(SetBoundaryRefusal::PolicyGone) => OpError::Refused(AttachPolicyRefusal::PolicyGone),
        OpError::Refused(SetBoundaryRefusal::PrincipalGone) => {
            OpError::Refused(AttachPolicyRefusal::PrincipalGone)
        }
    }
}

pub(super) async fn a_user_who_gets_something_meanwhile(world: World) {
    world.entity("AGPA1").await;
    let arn = world.policy("read").await;
    for round in 0..ROUNDS {
        let user = format!("AIDA{round}");
        world.entity(&user).await;
        let id: aws::ids::AccessKeyId = format!("AKIAAAAAAAAAAAAAAA{round:02}").parse().unwrap();
        let key = CreateAccessKey { id, owner: user.clone(), sealed_secret: vec![1], at: Micros(6) };
        let attach = AttachPolicy { owner: user.clone(), arn: arn.clone(), limit: 10 };
        let inline = PutInlinePolicy { owner: user.clone(), name: "p".into(), document: "{}".into() };
        let join = AddToGroup { group_id: "AGPA1".to_owned(), user_id: user.clone(), limit: 10 };
        let (deleted, keyed, attached, inlined, joined) = tokio::join!(
            world.meta.write(DeleteEntity { unique_id: user.clone() }),
            world.meta.write(CreateAccessKeyWithin { key, limit: 2 }),
            world.meta.write(attach),
            world.meta.write(inline),
            world.meta.write(join)
        );
        if deleted.is_ok() {
            let gone = CreateAccessKeyWithinRefusal::Key(CreateAccessKeyRefusal::PrincipalGone);
            assert_eq!(refusal(keyed), gone);
            assert_eq!(refusal(attached), AttachPolicyRefusal::PrincipalGone);
            assert_eq!(refusal(inlined), PrincipalGone);
            assert_eq!(refusal(joined), AddToGroupRefusal::UserGone);
            assert_eq!(world.policies_of(&user).await, IdentityPolicies::default());
        } else {
            assert_ne!(refusal(deleted), DeleteEntityRefusal::Gone);
            assert!(keyed.is_ok() && attached.is_ok() && inlined.is_ok() && joined.is_ok());
            assert_eq!(world.caller(&user).await.unwrap().version, 5, "each of the four counts");
        }
    }
}

pub(super) async fn a_group_that_is_joined_meanwhile(world: World) {
    world.entity("AIDA1").await;
    for round in 0..ROUNDS {
        let group = format!("AGPA{round}");
        world.entity(&group).await;
        let join = AddToGroup { group_id: group.clone(), user_id: "AIDA1".into(), limit: 100 };
        let (deleted, joined) =
            tokio::join!(world.meta.write(DeleteEntity { unique_id: group.clone() }), world.meta.write(join));
        if deleted.is_ok() {
            assert_eq!(refusal(joined), AddToGroupRefusal::GroupGone);
        } else {
            assert_eq!(refusal(deleted), DeleteEntityRefusal::Members);
            joined.unwrap();
        }
    }
}

pub(super) async fn what_is_tagged_meanwhile(world: World) {
    let tag = |owner: &str| {
        let (owner, tags) = (owner.to_owned(), pairs(&[("Team", "a")]));
        world.meta.write(PutIamTags { owner, tags, limit: 50 })
    };
    for _ in 0..ROUNDS {
        let (provider, policy) = (world.new_provider("issuer"), world.new_policy("read"));
        let arn = provider.provider.arn.clone();
        world.meta.write(provider).await.unwrap();
        world.meta.write(policy.clone()).await.unwrap();
        world.entity("AIDA1").await;
        world.meta.write(world.new_profile("AIPA1", "profile")).await.unwrap();
        let tags = [arn.as_str(), &policy.policy_id, "AIDA1", "AIPA1"].map(tag);
        let (one, two, three, four, tagged) = tokio::join!(
            world.meta.write(DeleteOidcProvider { arn: arn.clone() }),
            world.meta.write(DeleteManagedPolicy { arn: policy_arn("read") }),
            world.meta.write(DeleteEntity { unique_id: "AIDA1".to_owned() }),
            world.meta.write(DeleteInstanceProfile { unique_id: "AIPA1".to_owned() }),
            futures::future::join_all(tags)
        );
        assert!(one.is_ok() && two.is_ok() && three.is_ok() && four.is_ok());
        for tagged in tagged.into_iter().filter(Result::is_err) {
            assert_eq!(refusal(tagged), PutIamTagsRefusal::Gone);
        }
        assert_eq!(world.row_counts().await["iam_tag"], "0");
    }
}
