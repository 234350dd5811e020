//! Tags of users, roles, policies, instance profiles and identity providers.

use super::{
    identities::pairs,
    world::{World, refusal},
};
use crate::*;

fn put(owner: &str, tags: &[(&str, &str)], limit: i64) -> PutIamTags {
    PutIamTags { owner: owner.to_owned(), tags: pairs(tags), limit }
}

/// One of each kind that can have tags.
async fn owners(world: &World) -> Vec<String> {
    world.entity("AIDA1").await;
    world.entity("AROA1").await;
    let policy = world.new_policy("read");
    world.meta.write(policy.clone()).await.unwrap();
    world.meta.write(world.new_profile("AIPA1", "profile")).await.unwrap();
    let provider = world.new_provider("issuer");
    world.meta.write(provider.clone()).await.unwrap();
    vec!["AIDA1".into(), "AROA1".into(), policy.policy_id, "AIPA1".into(), provider.provider.arn]
}

pub(super) async fn keys_ignore_case(world: World) {
    for owner in owners(&world).await {
        let owner = owner.as_str();
        world.meta.write(put(owner, &[("Team", "a"), ("b", "1"), ("Z", "2"), ("ß", "3")], 4)).await.unwrap();
        // The later spelling is kept, as in IAM.
        world.meta.write(put(owner, &[("tEAM", "c"), ("Ä", "4"), ("ä", "5")], 5)).await.unwrap();
        let expected = pairs(&[("b", "1"), ("tEAM", "c"), ("Z", "2"), ("ß", "3"), ("ä", "5")]);
        assert_eq!(world.tags_of(owner).await, expected, "in the order of the folded keys' bytes");
        let more = world.meta.write(put(owner, &[("TEAM", "d"), ("new", "")], 5)).await;
        assert_eq!(refusal(more), PutIamTagsRefusal::TooMany);
        assert_eq!(world.tags_of(owner).await, expected, "a refusal leaves what was");
        let keys = ["TEAM", "none", "Ä"].map(str::to_owned).to_vec();
        world.meta.write(RemoveIamTags { owner: owner.to_owned(), keys }).await.unwrap();
        assert_eq!(world.tags_of(owner).await, pairs(&[("b", "1"), ("Z", "2"), ("ß", "3")]));
    }
}

pub(super) async fn what_is_gone_has_none(world: World) {
    let owners = owners(&world).await;
    for owner in &owners {
        world.meta.write(put(owner, &[("Team", "a")], 50)).await.unwrap();
    }
    world.meta.write(DeleteEntity { unique_id: owners[0].clone() }).await.unwrap();
    world.meta.write(DeleteEntity { unique_id: owners[1].clone() }).await.unwrap();
    let arn = super::identities::policy_arn("read");
    world.meta.write(DeleteManagedPolicy { arn }).await.unwrap();
    world.meta.write(DeleteInstanceProfile { unique_id: owners[3].clone() }).await.unwrap();
    world.meta.write(DeleteOidcProvider { arn: owners[4].clone() }).await.unwrap();
    for owner in &owners {
        assert!(world.tags_of(owner).await.is_empty(), "{owner}");
        // A waiting operation saw the old tags. The next provider of the same issuer has the same ARN, and must not
        // have these tags.
        let late = world.meta.write(put(owner, &[("Team", "late")], 50)).await;
        assert_eq!(refusal(late), PutIamTagsRefusal::Gone, "{owner}");
    }
    world.meta.write(world.new_provider("issuer")).await.unwrap();
    assert!(world.tags_of(&owners[4]).await.is_empty());
}
