//! Resources of any kind by their tags.

use super::{
    identities::{SECOND, digits, pairs},
    world::{ACCOUNT, REGION, World},
};
use crate::*;

async fn listed(world: &World, kind: TaggedKind, limit: usize) -> Vec<String> {
    let (mut after, mut names) = (String::new(), Vec::new());
    loop {
        let region = REGION.parse().unwrap();
        let list = ListTagged { account_id: digits(ACCOUNT), region, kind, after, limit };
        let page = world.meta.read(list).await.unwrap();
        names.extend(
            page.found.into_iter().map(|(_, resource)| format!("{}{}", resource.path, resource.name)),
        );
        let Some(last) = page.last else { return names };
        after = last;
    }
}

async fn texts(world: &World, key: Option<&str>, with_iam: bool, after: Option<&str>) -> Vec<String> {
    let list = ListTagTexts {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        key: key.map(str::to_owned),
        with_iam,
        after: after.map(str::to_owned),
        limit: 3,
    };
    world.meta.read(list).await.unwrap()
}

/// Three repositories, of which one is deleted, and a role, with tags.
async fn tagged(world: &World) {
    for name in ["a", "b", "c", "plain"] {
        let repository = world.repository(name).await;
        if name != "plain" {
            let tag = TagResource {
                repository,
                tags: pairs(&[("team", name), ("z", "")]),
                limit: 50,
                at: Micros(9),
            };
            world.meta.write(tag).await.unwrap();
        }
        if name == "b" {
            let delete = DeleteRepository { repository, force: true, at: Micros(60) };
            world.meta.write(delete).await.unwrap();
        }
    }
    world.entity("AROA1").await;
    world.entity("AROA2").await;
    let tag = PutIamTags { owner: "AROA1".to_owned(), tags: pairs(&[("Stage", "live")]), limit: 50 };
    world.meta.write(tag).await.unwrap();
}

pub(super) async fn each_kind_in_pages(world: World) {
    tagged(&world).await;
    for limit in [1, 2, 10] {
        assert_eq!(listed(&world, TaggedKind::Repository, limit).await, ["a", "c"], "{limit}");
        let roles = listed(&world, TaggedKind::Role, limit).await;
        assert_eq!(roles.len(), 1, "{roles:?}");
        for kind in
            [TaggedKind::User, TaggedKind::Policy, TaggedKind::InstanceProfile, TaggedKind::OidcProvider]
        {
            assert_eq!(listed(&world, kind, limit).await, Vec::<String>::new(), "{kind:?}");
        }
    }
    let find = |account_id: &str, name: &str| FindTagged {
        account_id: digits(account_id),
        region: REGION.parse().unwrap(),
        kind: TaggedKind::Repository,
        name: name.into(),
    };
    let found = world.meta.read(find(ACCOUNT, "a")).await.unwrap().unwrap();
    assert_eq!(found.tags, pairs(&[("team", "a"), ("z", "")]));
    for (account_id, name) in [(ACCOUNT, "b"), (ACCOUNT, "plain"), (ACCOUNT, "none"), (SECOND, "a")] {
        assert_eq!(world.meta.read(find(account_id, name)).await.unwrap(), None, "{name}");
    }
}

pub(super) async fn keys_and_values(world: World) {
    tagged(&world).await;
    assert_eq!(texts(&world, None, true, None).await, ["Stage", "team", "z"]);
    assert_eq!(texts(&world, None, false, None).await, ["team", "z"]);
    assert_eq!(texts(&world, None, true, Some("Stage")).await, ["team", "z"]);
    assert_eq!(texts(&world, Some("team"), true, None).await, ["a", "c"]);
    assert_eq!(texts(&world, Some("z"), true, None).await, [""]);
    assert_eq!(texts(&world, Some("z"), true, Some("")).await, Vec::<String>::new());
    assert_eq!(texts(&world, Some("Stage"), false, None).await, Vec::<String>::new());
}
