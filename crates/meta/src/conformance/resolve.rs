//! The one read of a data-plane request.

use super::world::{ACCOUNT, REGION, World, digest, tag};
use crate::*;

fn ask(repository: &str, target: Target) -> Resolve {
    Resolve {
        account_id: ACCOUNT.parse().unwrap(),
        region: REGION.parse().unwrap(),
        repository: Some(repository.into()),
        target,
        caller: Some(CallerRef { unique_id: "AIDA1".into(), access_key_id: Some(KEY.parse().unwrap()) }),
    }
}

const KEY: &str = "AKIAAAAAAAAAAAAAAAA1";

fn ann(version: i64, access_key_active: bool) -> CallerState {
    CallerState {
        version,
        path: "/".into(),
        name: "ann".into(),
        account_status: "ACTIVE".into(),
        in_organization: true,
        access_key_active,
    }
}

pub(super) async fn everything_in_one_row(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "m", &["v1"]).await;
    let blob = world.blob(repository, "layer").await;
    let upload = world.upload(repository).await;
    world.user("AIDA1", "ann").await.unwrap();
    let resolve = |target| world.meta.read(ask("app", target));
    let plain = resolve(Target::None).await.unwrap();
    assert_eq!(plain.registry.as_ref().unwrap().key, world.registry);
    assert_eq!(plain.repository, Some(world.row("app").await));
    assert_eq!(plain.caller, Some(ann(1, false)));
    let key = CreateAccessKey {
        id: KEY.parse().unwrap(),
        owner: "AIDA1".into(),
        sealed_secret: Vec::new(),
        at: Micros(6),
    };
    world.meta.write(key).await.unwrap();
    let mut session = ask("app", Target::None);
    session.caller = Some(CallerRef { unique_id: "AIDA1".into(), access_key_id: None });
    assert_eq!(world.meta.read(session).await.unwrap().caller, Some(ann(2, true)), "a session has no key");
    let by_tag = resolve(Target::Tag(tag("v1"))).await.unwrap();
    assert_eq!(by_tag.image, Some(image));
    assert_eq!(by_tag.caller, Some(ann(2, true)));
    assert_eq!(resolve(Target::Digest(digest("m"))).await.unwrap(), by_tag);
    assert_eq!(resolve(Target::Blob(blob)).await.unwrap().blob.unwrap().size, 5);
    let found = resolve(Target::Upload(upload.id)).await.unwrap().upload.unwrap();
    assert_eq!((found.object_key, found.version), (upload.object_key, 0));
}

pub(super) async fn what_is_missing_is_none(world: World) {
    let nothing = Resolved { registry: None, ..Resolved::default() };
    let elsewhere = Resolve { region: "eu-west-1".parse().unwrap(), ..ask("app", Target::Tag(tag("v1"))) };
    assert_eq!(world.meta.read(elsewhere).await.unwrap(), nothing);
    let other = world.repository("other").await;
    world.put(other, "m", &["v1"]).await;
    let blob = world.blob(other, "layer").await;
    for target in [Target::Tag(tag("v1")), Target::Digest(digest("m")), Target::Blob(blob)] {
        let found = world.meta.read(ask("app", target.clone())).await.unwrap();
        assert_eq!(found, Resolved { registry: found.registry.clone(), ..Resolved::default() });
        world.repository("empty").await;
        let found = world.meta.read(ask("empty", target)).await.unwrap();
        assert!(found.repository.is_some() && found.image.is_none() && found.blob.is_none());
        let empty = found.repository.unwrap().key;
        world.meta.write(DeleteRepository { repository: empty, force: false, at: Micros(1) }).await.unwrap();
    }
    let anonymous = Resolve { caller: None, repository: None, ..ask("", Target::None) };
    let found = world.meta.read(anonymous).await.unwrap();
    assert!(found.registry.is_some() && found.repository.is_none() && found.caller.is_none());
}

/// What each operation of the hot paths costs on PostgreSQL, where a round trip is a network's.
pub(super) async fn one_round_trip(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    world.put(repository, "m", &["v1"]).await;
    // The first run prepares the statement on the one connection that these calls, one after another, use.
    for target in [Target::None, Target::Tag(tag("v1")), Target::Digest(digest("m")), Target::Blob(blob)] {
        world.meta.read(ask("app", target.clone())).await.unwrap();
        let Some(before) = world.meta.round_trips() else { return };
        world.meta.read(ask("app", target)).await.unwrap();
        assert_eq!(world.meta.round_trips(), Some(before + 1));
    }
}
