//! Organizational units, and which accounts are in them.

use super::{
    identities::{SECOND, digits, pairs},
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

fn create(id: &str, parent_path: &str, name: &str) -> CreateOrganizationalUnit {
    CreateOrganizationalUnit {
        id: id.into(),
        parent_path: parent_path.into(),
        name: name.into(),
        tags: pairs(&[("team", "a")]),
        limit: 3,
        at: Micros(5),
    }
}

async fn units(world: &World, parent_path: &str, after: &str) -> Vec<String> {
    let list = ListOrganizationalUnits { parent_path: parent_path.into(), after: after.into(), limit: 10 };
    world.meta.read(list).await.unwrap().into_iter().map(|unit| unit.id).collect()
}

async fn accounts(world: &World, path: &str) -> Vec<String> {
    let list = ListAccountsOfUnit { path: path.into(), after: String::new(), limit: 10 };
    let found = world.meta.read(list).await.unwrap();
    found.into_iter().map(|account| account.account_id.to_string()).collect()
}

fn move_account(from: &str, to: &str) -> MoveMemberAccount {
    MoveMemberAccount { account_id: digits(SECOND), from: from.into(), to: to.into() }
}

pub(super) async fn names_are_unique_under_a_parent(world: World) {
    use CreateOrganizationalUnitRefusal::{NameTaken, NoParent, TooMany};
    let outer = world.meta.write(create("ou-1", "", "outer")).await.unwrap();
    assert_eq!(outer.path(), "ou-1/");
    assert_eq!(world.meta.write(create("ou-1", "", "outer")).await.unwrap(), outer, "a repeat");
    assert_eq!(refusal(world.meta.write(create("ou-2", "", "outer")).await), NameTaken);
    let inner = world.meta.write(create("ou-2", "ou-1/", "outer")).await.unwrap();
    assert_eq!(inner.path(), "ou-1/ou-2/");
    for wrong in ["ou-9/", "ou-2/", "ou-2/ou-1/", "x"] {
        assert_eq!(refusal(world.meta.write(create("ou-3", wrong, "a")).await), NoParent, "{wrong}");
    }
    world.meta.write(create("ou-3", "", "b")).await.unwrap();
    assert_eq!(refusal(world.meta.write(create("ou-4", "", "c")).await), TooMany);
    assert_eq!(units(&world, "", "").await, ["ou-1", "ou-3"]);
    assert_eq!(units(&world, "", "ou-1").await, ["ou-3"]);
    assert_eq!(units(&world, "ou-1/", "").await, ["ou-2"]);

    let rename = |id: &str, name: &str| {
        world.meta.write(RenameOrganizationalUnit { id: id.into(), name: name.into() })
    };
    assert_eq!(refusal(rename("ou-3", "outer").await), RenameOrganizationalUnitRefusal::NameTaken);
    assert_eq!(refusal(rename("ou-9", "d").await), RenameOrganizationalUnitRefusal::Gone);
    assert_eq!(rename("ou-3", "d").await.unwrap().name, "d");
    let found = world.meta.read(FindOrganizationalUnit { id: "ou-3".into() }).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.parent_path.as_str()), ("d", ""));
}

pub(super) async fn accounts_move_between_them(world: World) {
    world.second_account().await;
    world.meta.write(create("ou-1", "", "outer")).await.unwrap();
    world.meta.write(create("ou-2", "ou-1/", "inner")).await.unwrap();
    assert_eq!(accounts(&world, "").await, [ACCOUNT, SECOND]);
    world.meta.write(move_account("", "ou-1/ou-2/")).await.unwrap();
    let again = refusal(world.meta.write(move_account("", "ou-1/")).await);
    assert_eq!(again, MoveMemberAccountRefusal::NotThere);
    let nowhere = refusal(world.meta.write(move_account("ou-1/ou-2/", "ou-2/")).await);
    assert_eq!(nowhere, MoveMemberAccountRefusal::NoDestination);
    assert_eq!(accounts(&world, "").await, [ACCOUNT]);
    assert_eq!(accounts(&world, "ou-1/").await, Vec::<String>::new());
    assert_eq!(accounts(&world, "ou-1/ou-2/").await, [SECOND]);

    let account = world.meta.read(FindAccount { account_id: digits(SECOND) }).await.unwrap().unwrap();
    assert_eq!(account.unit_path, "ou-1/ou-2/");
    let resolve = Resolve {
        account_id: digits(SECOND),
        region: REGION.parse().unwrap(),
        repository: None,
        target: Target::None,
        caller: None,
    };
    let resolved = world.meta.resolve(resolve.clone()).await.unwrap();
    assert_eq!(resolved.basis.account_unit_path, "ou-1/ou-2/");
    world.meta.write(move_account("ou-1/ou-2/", "ou-1/")).await.unwrap();
    let resolved = world.meta.resolve(resolve).await.unwrap();
    assert_eq!(resolved.basis.account_unit_path, "ou-1/", "a kept answer has ended");

    let leave =
        ChangeMemberAccount { account_id: digits(SECOND), change: MemberChange::Leave, at: Micros(9) };
    world.meta.write(leave).await.unwrap();
    assert_eq!(accounts(&world, "ou-1/").await, Vec::<String>::new());
    let left = refusal(world.meta.write(move_account("", "ou-1/")).await);
    assert_eq!(left, MoveMemberAccountRefusal::NotThere);
}

pub(super) async fn one_that_contains_something_stays(world: World) {
    use DeleteOrganizationalUnitRefusal::{Gone, NotEmpty};
    world.second_account().await;
    world.meta.write(create("ou-1", "", "outer")).await.unwrap();
    world.meta.write(create("ou-2", "ou-1/", "inner")).await.unwrap();
    world.meta.write(move_account("", "ou-1/ou-2/")).await.unwrap();
    let delete = |id: &str| world.meta.write(DeleteOrganizationalUnit { id: id.into() });
    assert_eq!(refusal(delete("ou-1").await), NotEmpty);
    assert_eq!(refusal(delete("ou-2").await), NotEmpty);
    world.meta.write(move_account("ou-1/ou-2/", "")).await.unwrap();
    delete("ou-2").await.unwrap();
    delete("ou-1").await.unwrap();
    assert_eq!(refusal(delete("ou-1").await), Gone);
    assert_eq!(world.tags_of("ou-1").await, Vec::new(), "its tags are gone");
}

/// An account that moves in and the deletion of the unit: one of them is refused.
pub(super) async fn a_move_meets_a_deletion(world: World) {
    world.second_account().await;
    for round in 0..10 {
        let id = format!("ou-{round}");
        world.meta.write(create(&id, "", "unit")).await.unwrap();
        let path = format!("{id}/");
        let (moved, deleted) = futures::future::join(
            world.meta.write(move_account("", &path)),
            world.meta.write(DeleteOrganizationalUnit { id: id.clone() }),
        )
        .await;
        assert_ne!(moved.is_ok(), deleted.is_ok(), "{round}");
        if moved.is_ok() {
            world.meta.write(move_account(&path, "")).await.unwrap();
            world.meta.write(DeleteOrganizationalUnit { id }).await.unwrap();
        }
    }
}

pub(super) async fn tags_of_units_and_the_root(world: World) {
    world.meta.write(create("ou-1", "", "outer")).await.unwrap();
    let tag = |id: &str, remove: &[&str], set: &[(&str, &str)]| TagOrganizationNode {
        id: id.into(),
        remove: remove.iter().map(|key| (*key).to_owned()).collect(),
        set: pairs(set),
        limit: 2,
    };
    world.meta.write(tag("ou-1", &["none"], &[("stage", "b")])).await.unwrap();
    assert_eq!(refusal(world.meta.write(tag("ou-1", &[], &[("c", "d")])).await), TagAccountRefusal::TooMany);
    let hidden = refusal(world.meta.write(tag("ou-1", &[], &[("Team", "d")])).await);
    assert_eq!(hidden, TagAccountRefusal::SameButForCase);
    world.meta.write(tag("ou-1", &["team"], &[("Team", "d")])).await.unwrap();
    assert_eq!(world.tags_of("ou-1").await, pairs(&[("stage", "b"), ("Team", "d")]));
    world.meta.write(tag("r-1", &[], &[("a", "b")])).await.unwrap();
    assert_eq!(world.tags_of("r-1").await, pairs(&[("a", "b")]));
    world.meta.write(tag("ou-9", &[], &[("a", "b")])).await.unwrap();
    assert_eq!(world.tags_of("ou-9").await, Vec::new(), "a unit that is gone keeps no tags");
}
