//! Instance profiles and their single role.

use super::{
    identities::{SECOND, digits, pairs},
    world::{ACCOUNT, World, refusal},
};
use crate::*;

fn set(unique_id: &str, role: Option<&str>) -> SetInstanceProfileRole {
    SetInstanceProfileRole { unique_id: unique_id.to_owned(), role: role.map(str::to_owned) }
}

pub(super) async fn made_once_and_again(world: World) {
    let before = world.row_counts().await;
    let create = CreateInstanceProfile {
        tags: pairs(&[("Team", "a")]),
        limit: 1,
        ..world.new_profile("AIPA1", "Node")
    };
    let made = world.meta.write(create.clone()).await.unwrap();
    assert_eq!((made.name.as_str(), made.path.as_str(), &made.role), ("Node", "/", &None));
    assert_eq!(world.meta.write(create).await.unwrap(), made, "a repeat finds its own");
    let taken = world.meta.write(world.new_profile("AIPA2", "nODE")).await;
    assert_eq!(refusal(taken), CreateInstanceProfileRefusal::Exists);
    let more = CreateInstanceProfile { limit: 1, ..world.new_profile("AIPA2", "more") };
    assert_eq!(refusal(world.meta.write(more).await), CreateInstanceProfileRefusal::Limit);
    let find = |account: &str, name: &str| {
        world.meta.read(FindInstanceProfile { account_id: digits(account), name: name.into() })
    };
    assert_eq!(find(ACCOUNT, "noDe").await.unwrap(), Some(made));
    assert_eq!(find(SECOND, "Node").await.unwrap(), None);
    let delete = || world.meta.write(DeleteInstanceProfile { unique_id: "AIPA1".to_owned() });
    delete().await.unwrap();
    assert_eq!(refusal(delete().await), DeleteInstanceProfileRefusal::Gone);
    assert_eq!(world.row_counts().await, before);

    world.meta.write(world.new_profile("AIPA3", "Node")).await.unwrap();
    let again = find(ACCOUNT, "node").await.unwrap().unwrap();
    assert_eq!((again.unique_id.as_str(), again.role), ("AIPA3", None));
    assert!(world.tags_of("AIPA3").await.is_empty());
    let account = world.second_account().await;
    let elsewhere = CreateInstanceProfile { account, ..world.new_profile("AIPA4", "Node") };
    world.meta.write(elsewhere).await.unwrap();
    assert_eq!(find(SECOND, "node").await.unwrap().unwrap().unique_id, "AIPA4");
}

pub(super) async fn it_holds_one_role(world: World) {
    world.entity("AROA1").await;
    world.entity("AROA2").await;
    world.meta.write(world.new_profile("AIPA1", "node")).await.unwrap();
    let write = |set| world.meta.write(set);
    assert_eq!(refusal(write(set("AIPA9", Some("AROA1"))).await), SetInstanceProfileRoleRefusal::Gone);
    assert_eq!(refusal(write(set("AIPA9", None)).await), SetInstanceProfileRoleRefusal::Gone);
    assert_eq!(refusal(write(set("AIPA1", Some("AROA9"))).await), SetInstanceProfileRoleRefusal::RoleGone);
    write(set("AIPA1", Some("AROA1"))).await.unwrap();
    for role in ["AROA1", "AROA2"] {
        assert_eq!(refusal(write(set("AIPA1", Some(role))).await), SetInstanceProfileRoleRefusal::Full);
    }
    let delete = || world.meta.write(DeleteInstanceProfile { unique_id: "AIPA1".to_owned() });
    assert_eq!(refusal(delete().await), DeleteInstanceProfileRefusal::HasRole);
    write(set("AIPA1", None)).await.unwrap();
    write(set("AIPA1", Some("AROA2"))).await.unwrap();
    write(set("AIPA1", None)).await.unwrap();
    delete().await.unwrap();
}

/// If two roles are added at once, one succeeds. A profile with a new role is not deleted.
pub(super) async fn roles_that_race(world: World) {
    world.entity("AROA1").await;
    world.entity("AROA2").await;
    for round in 0..20 {
        let unique_id = format!("AIPA{round}");
        world.meta.write(world.new_profile(&unique_id, &format!("node{round}"))).await.unwrap();
        let (one, two) = tokio::join!(
            world.meta.write(set(&unique_id, Some("AROA1"))),
            world.meta.write(set(&unique_id, Some("AROA2")))
        );
        let (role, lost) = if one.is_ok() { ("AROA1", two) } else { ("AROA2", one) };
        assert_eq!(refusal(lost), SetInstanceProfileRoleRefusal::Full);
        let find = FindInstanceProfile { account_id: digits(ACCOUNT), name: format!("node{round}") };
        assert_eq!(world.meta.read(find.clone()).await.unwrap().unwrap().role.as_deref(), Some(role));
        world.meta.write(set(&unique_id, None)).await.unwrap();
        let (came, went) = tokio::join!(
            world.meta.write(set(&unique_id, Some("AROA1"))),
            world.meta.write(DeleteInstanceProfile { unique_id: unique_id.clone() })
        );
        let found = world.meta.read(find).await.unwrap();
        if came.is_ok() {
            assert_eq!(refusal(went), DeleteInstanceProfileRefusal::HasRole);
            assert_eq!(found.unwrap().role.as_deref(), Some("AROA1"));
        } else {
            went.unwrap();
            assert_eq!((refusal(came), found), (SetInstanceProfileRoleRefusal::Gone, None));
        }
    }
}

pub(super) async fn pages_hold_each_profile_once(world: World) {
    world.entity("AROA1").await;
    let names = ["+a", "Ab", "aC", "B", "b-", "b_", "ä"];
    for (at, name) in names.iter().enumerate().rev() {
        let path = if at % 2 == 0 { "/even/" } else { "/odd/" };
        let unique_id = format!("AIPA{at}");
        let create = CreateInstanceProfile { path: path.into(), ..world.new_profile(&unique_id, name) };
        world.meta.write(create).await.unwrap();
        if at % 3 == 0 {
            world.meta.write(set(&unique_id, Some("AROA1"))).await.unwrap();
        }
    }
    for (role, prefix, expected) in [
        (None, "/", names.to_vec()),
        (None, "/odd/", vec!["Ab", "B", "b_"]),
        (Some("AROA1"), "/", vec!["+a", "B", "ä"]),
        (Some("AROA1"), "/odd/", vec!["B"]),
        (Some("AROA9"), "/", Vec::new()),
    ] {
        for limit in 1..=names.len() + 1 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let (account_id, path_prefix) = (digits(ACCOUNT), prefix.to_owned());
                let role = role.map(str::to_owned);
                let list = ListInstanceProfiles { account_id, role, path_prefix, after, limit };
                let page = world.meta.read(list).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = last.name.to_ascii_lowercase();
                seen.extend(page.into_iter().map(|profile| profile.name));
            }
            assert_eq!(seen, expected, "{role:?} {prefix} {limit}");
        }
    }
}
