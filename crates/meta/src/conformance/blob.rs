//! Blobs of a repository: mounted, found, removed.

use super::world::{World, delete_image, digest, refusal};
use crate::*;

pub(super) async fn a_mount_needs_a_living_source(world: World) {
    let (from, to) = (world.repository("from").await, world.repository("to").await);
    let blob = world.blob(from, "layer").await;
    let mount = |from, repository, digest| {
        world.meta.write(LinkBlob { repository, from, digest, peer: None, at: Micros(9) })
    };
    let gone = RepositoryKey { id: 1, ..to };
    assert_eq!(refusal(mount(from, gone, blob).await), LinkBlobRefusal::RepositoryGone);
    assert_eq!(refusal(mount(from, to, digest("none")).await), LinkBlobRefusal::SourceMissing);
    let mounted = mount(from, to, blob).await.unwrap();
    assert_eq!((mounted.digest, mounted.size), (blob, 5));
    mount(from, to, blob).await.unwrap();
    let third = world.repository("third").await;
    world.meta.write(DeleteRepository { repository: from, force: true, at: Micros(10) }).await.unwrap();
    assert_eq!(refusal(mount(from, third, blob).await), LinkBlobRefusal::SourceMissing);
    assert_eq!(mount(to, third, blob).await.unwrap().object_key, mounted.object_key);
}

pub(super) async fn found_in_the_order_of_the_request(world: World) {
    let repository = world.repository("app").await;
    let (one, two) = (world.blob(repository, "one").await, world.blob(repository, "two").await);
    let other = world.repository("other").await;
    let hidden = world.blob(other, "hidden").await;
    let mut digests = vec![two, hidden, one, two];
    digests.extend((0..300).map(|at| digest(&format!("none{at}"))));
    let found = world.meta.read(FindBlobs { repository, digests: digests.clone() }).await.unwrap();
    assert!(found.iter().map(|(digest, _)| digest).eq(&digests));
    let there: Vec<bool> = found.iter().take(5).map(|(_, blob)| blob.is_some()).collect();
    assert_eq!(there, [true, false, true, true, false]);
    let at = Micros(i64::MAX / 4);
    world.meta.write(RenewBlobs { repository, digests: vec![one], at }).await.unwrap();
    world.meta.write(RenewBlobs { repository, digests: vec![one], at: Micros(1) }).await.unwrap();
    let found = world.meta.read(FindBlobs { repository, digests: vec![one] }).await.unwrap();
    assert_eq!(found[0].1.as_ref().unwrap().renewed_at, at, "a time never moves back");
}

pub(super) async fn what_an_image_needs_stays(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    let unlink = |digest| world.meta.write(UnlinkBlob { repository, digest, at: Micros(9) });
    assert_eq!(refusal(unlink(digest("none")).await), UnlinkBlobRefusal::NotFound);
    let put = PutImage { blobs: vec![blob, blob], ..world.image(repository, "m", &["v1"]) };
    world.meta.write(put).await.unwrap();
    assert_eq!(refusal(unlink(blob).await), UnlinkBlobRefusal::InUse);
    world.meta.write(delete_image(repository, "m")).await.unwrap();
    unlink(blob).await.unwrap();
    assert_eq!(refusal(unlink(blob).await), UnlinkBlobRefusal::NotFound);
}

/// A reference is stored before the blob exists.
pub(super) async fn what_comes_after_its_image_stays_too(world: World) {
    let repository = world.repository("app").await;
    world.sparse("ENABLED").await;
    let late = digest("late");
    let put = PutImage {
        blobs: vec![late],
        missing: MissingContents::AsTheRegistrySays,
        ..world.image(repository, "m", &["v1"])
    };
    world.meta.write(put).await.unwrap();
    let unlink = || world.meta.write(UnlinkBlob { repository, digest: late, at: Micros(9) });
    assert_eq!(refusal(unlink().await), UnlinkBlobRefusal::InUse);
    world.blob(repository, "late").await;
    assert_eq!(refusal(unlink().await), UnlinkBlobRefusal::InUse);
    world.meta.write(delete_image(repository, "m")).await.unwrap();
    unlink().await.unwrap();
}

pub(super) async fn links_are_found(world: World) {
    let (one, two) = (world.repository("one").await, world.repository("two").await);
    let blob = world.blob(one, "layer").await;
    world
        .meta
        .write(LinkBlob { repository: two, from: one, digest: blob, peer: None, at: Micros(9) })
        .await
        .unwrap();
    let find = |registry, limit| world.meta.read(FindLinks { registry, digest: blob, peer: None, limit });
    assert_eq!(find(world.registry, 9).await.unwrap(), ["one", "two"]);
    assert_eq!(find(world.registry, 1).await.unwrap().len(), 1);
    assert_eq!(find(RegistryKey(99), 9).await.unwrap(), Vec::<String>::new());
    world.meta.write(DeleteRepository { repository: one, force: true, at: Micros(9) }).await.unwrap();
    assert_eq!(find(world.registry, 9).await.unwrap(), ["two"]);
}

pub(super) async fn a_peer_mounts_only_what_it_sent(world: World) {
    let [own, sent, to] =
        [world.repository("own").await, world.repository("sent").await, world.repository("to").await];
    let layer = world.blob(own, "layer").await;
    let peer = || Some("far/123456789012/us-east-1".to_owned());
    let find = |peer| world.meta.read(FindLinks { registry: world.registry, digest: layer, peer, limit: 9 });
    let mount =
        |from, peer| world.meta.write(LinkBlob { repository: to, from, digest: layer, peer, at: Micros(9) });
    assert_eq!(find(peer()).await.unwrap(), [""; 0]);
    assert_eq!(refusal(mount(own, peer()).await), LinkBlobRefusal::SourceMissing);
    let upload = world.upload(sent).await;
    let complete = CompleteUpload { peer: peer(), ..world.complete(&upload, "layer") };
    world.meta.write(complete).await.unwrap();
    assert_eq!(find(peer()).await.unwrap(), ["sent"]);
    assert_eq!(find(Some("other".to_owned())).await.unwrap(), [""; 0]);
    assert_eq!(refusal(mount(sent, Some("other".to_owned())).await), LinkBlobRefusal::SourceMissing);
    mount(sent, peer()).await.unwrap();
    assert_eq!(find(peer()).await.unwrap(), ["sent", "to"], "it can be mounted on from there");
}
