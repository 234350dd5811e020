//! Passwords of users.

use super::world::{World, refusal};
use crate::*;

fn create(owner: &str, hash: &str) -> CreateLoginProfile {
    CreateLoginProfile { owner: owner.into(), hash: hash.into(), reset_required: true, at: Micros(5) }
}

async fn found(world: &World) -> Option<LoginProfile> {
    world.meta.read(FindLoginProfile { owner: "AIDA1".to_owned() }).await.unwrap()
}

pub(super) async fn a_user_has_one_password(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    assert!(found(&world).await.is_none());
    assert_eq!(refusal(world.meta.write(create("AIDA9", "a")).await), CreateLoginProfileRefusal::Gone);
    world.meta.write(create("AIDA1", "a")).await.unwrap();
    // The same operation again, as after a lost answer.
    world.meta.write(create("AIDA1", "a")).await.unwrap();
    assert_eq!(refusal(world.meta.write(create("AIDA1", "b")).await), CreateLoginProfileRefusal::Exists);
    let profile = found(&world).await.unwrap();
    assert_eq!((profile.hashes.clone(), profile.reset_required), (vec!["a".to_owned()], true));
    assert_eq!((profile.created_at, profile.changed_at), (Micros(5), Micros(5)));

    let user = || DeleteEntity { unique_id: "AIDA1".to_owned() };
    assert_eq!(refusal(world.meta.write(user()).await), DeleteEntityRefusal::LoginProfile);
    let delete = || DeleteLoginProfile { owner: "AIDA1".to_owned() };
    world.meta.write(delete()).await.unwrap();
    assert_eq!(refusal(world.meta.write(delete()).await), NoLoginProfile);
    assert!(found(&world).await.is_none());
    world.meta.write(user()).await.unwrap();
}

pub(super) async fn a_password_changes_from_what_was_read(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    world.meta.write(create("AIDA1", "a")).await.unwrap();
    let old = found(&world).await.unwrap();
    let change = |hash: &str| {
        let hashes = vec![hash.to_owned(), "a".to_owned()];
        let new = LoginProfile { hashes, reset_required: false, changed_at: Micros(9), ..old.clone() };
        ChangeLoginProfile { owner: "AIDA1".to_owned(), old: old.clone(), new }
    };
    world.meta.write(change("b")).await.unwrap();
    world.meta.write(change("b")).await.unwrap();
    assert_eq!(refusal(world.meta.write(change("c")).await), LoginProfileChanged);
    let profile = found(&world).await.unwrap();
    assert_eq!((profile.hashes, profile.reset_required), (vec!["b".to_owned(), "a".to_owned()], false));
    assert_eq!((profile.created_at, profile.changed_at), (Micros(5), Micros(9)));
}
