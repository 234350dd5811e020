//! Two registries replicate to each other and keep the tag that was set last: which one wins, in every order of arrival.

use oci::digest::Digest;

use super::replication::{OTHER, named, places, route};
use super::world::{World, digest, refusal, tag};
use crate::*;

/// An image under the tag `v1`, and when it was set.
#[derive(Clone, Copy)]
struct Tagged {
    body: &'static str,
    at: i64,
}

/// How an image comes to the other registry.
#[derive(Clone, Copy, Debug)]
enum Way {
    Here,
    Peer,
}

async fn enable(world: &World, registry: RegistryKey, value: &str) {
    let put = PutAccountSetting { registry, name: LAST_WRITER.into(), value: value.into() };
    world.meta.write(put).await.unwrap();
}

/// A repository of this name in both registries, each with its own image under the tag.
async fn both(world: &World, name: &str, tagged: [Tagged; 2]) -> [RepositoryKey; 2] {
    let there = CreateRepository { registry: OTHER, ..world.new_repository(name) };
    let keys = [world.repository(name).await, world.meta.write(there).await.unwrap().key];
    for (key, Tagged { body, at }) in keys.into_iter().zip(tagged) {
        world.meta.write(PutImage { at: Micros(at), ..world.image(key, body, &["v1"]) }).await.unwrap();
    }
    keys
}

/// Replicates an image with its tag.
async fn carry(world: &World, (from, to): (RepositoryKey, RepositoryKey), tagged: Tagged, way: Way) {
    let source = match way {
        Way::Here => ReplicaSource::Here(from),
        Way::Peer => {
            let order = PeerOrder { source: format!("{}", from.registry.0), sent_at: Micros(world.id()) };
            ReplicaSource::Peer { tagged_at: Some(Micros(tagged.at)), order }
        }
    };
    let put = world.image(to, tagged.body, &["v1"]);
    let replicate = ReplicateImage { put, source, item: None, places: places() };
    world.meta.write(replicate).await.unwrap();
}

/// What both tags name after each registry has sent its image to the other one.
async fn exchanged(
    world: &World,
    (name, way): (&str, Way),
    tagged: [Tagged; 2],
    first: usize,
) -> [Option<Digest>; 2] {
    let keys = both(world, name, tagged).await;
    // Twice: what is sent again changes nothing.
    for sender in [first, 1 - first, first, 1 - first] {
        carry(world, (keys[sender], keys[1 - sender]), tagged[sender], way).await;
    }
    [named(world, keys[0], "v1").await, named(world, keys[1], "v1").await]
}

async fn two_registries(world: &World) {
    world.registry_in("us-west-2", OTHER).await;
    for (registry, to, id) in [(world.registry, "us-west-2", 1), (OTHER, "us-east-1", 2)] {
        let (rules, at) = ("[]".to_owned(), Micros(world.id()));
        let routes = vec![route(id, to, "", false)];
        world.meta.write(PutReplicationConfiguration { registry, rules, routes, at }).await.unwrap();
        enable(world, registry, "ENABLED").await;
    }
}

pub(super) async fn the_later_tag_wins_in_every_order(world: World) {
    two_registries(&world).await;
    let of = |at, other| [Tagged { body: "one", at }, Tagged { body: "two", at: other }];
    // The digest decides between equal times.
    let larger = ["one", "two"].into_iter().max_by_key(|body| digest(body).to_stored()).unwrap();
    for way in [Way::Here, Way::Peer] {
        for first in [0, 1] {
            for (tagged, expected) in [(of(500, 400), "one"), (of(400, 500), "two"), (of(500, 500), larger)] {
                let name = format!("app-{}", world.id());
                let names = exchanged(&world, (&name, way), tagged, first).await;
                let times = tagged.map(|one| one.at);
                assert_eq!(names, [Some(digest(expected)); 2], "{way:?}, {times:?}, first {first}");
            }
        }
    }
}

/// The time travels with the tag: what came from elsewhere is as old as it was there.
pub(super) async fn a_tag_is_as_old_as_at_its_source(world: World) {
    two_registries(&world).await;
    let tagged = [Tagged { body: "one", at: 500 }, Tagged { body: "two", at: 400 }];
    let [app, there] = both(&world, "app", tagged).await;
    carry(&world, (app, there), tagged[0], Way::Here).await;
    let read = FindReplicationTag { repository: there, tag: tag("v1") };
    assert_eq!(world.meta.read(read.clone()).await.unwrap(), Some((digest("one"), Micros(500))));
    // It was written there just now, and yet a tag of a moment later wins.
    let late = Tagged { body: "three", at: 501 };
    carry(&world, (app, there), late, Way::Peer).await;
    assert_eq!(world.meta.read(read.clone()).await.unwrap(), Some((digest("three"), Micros(501))));
    let early = Tagged { body: "four", at: 500 };
    carry(&world, (app, there), early, Way::Peer).await;
    assert_eq!(named(&world, there, "v1").await, Some(digest("three")));
    // Who tags there is the last one.
    let own = PutImage { at: Micros(502), ..world.image(there, "own", &["v1"]) };
    world.meta.write(own).await.unwrap();
    carry(&world, (app, there), late, Way::Peer).await;
    assert_eq!(world.meta.read(read).await.unwrap(), Some((digest("own"), Micros(502))));
    // A tag that must not move stays, whoever was last.
    let mutability = Mutability::Immutable;
    let freeze =
        PutImageTagMutability { repository: there, mutability, filters: Vec::new(), at: Micros(world.id()) };
    world.meta.write(freeze).await.unwrap();
    carry(&world, (app, there), Tagged { body: "five", at: 600 }, Way::Peer).await;
    assert_eq!(named(&world, there, "v1").await, Some(digest("own")));
}

/// As in ECR: each gets the image of the other one.
pub(super) async fn without_the_setting_the_source_wins(world: World) {
    two_registries(&world).await;
    for registry in [world.registry, OTHER] {
        enable(&world, registry, "DISABLED").await;
    }
    let tagged = [Tagged { body: "one", at: 400 }, Tagged { body: "two", at: 500 }];
    let [app, there] = both(&world, "app", tagged).await;
    carry(&world, (app, there), tagged[0], Way::Here).await;
    assert_eq!(named(&world, there, "v1").await, Some(digest("one")));
    let [app, there] = both(&world, "peer", tagged).await;
    carry(&world, (app, there), tagged[0], Way::Peer).await;
    assert_eq!(named(&world, there, "v1").await, Some(digest("one")));
    // The tag of the image that was replaced is not taken back to where it came from.
    let gone = ReplicateImage {
        put: world.image(app, "three", &["v1"]),
        source: ReplicaSource::Here(there),
        item: None,
        places: places(),
    };
    assert_eq!(refusal(world.meta.write(gone).await), ReplicateImageRefusal::SourceGone);
}
