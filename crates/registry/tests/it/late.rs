//! Credentials that end while a body arrives: the request is not completed.

use std::sync::Arc;
use std::time::Duration;

use access::context::{Caller, Ctx};
use access::error::Code;
use bytes::Bytes;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::digest::Algorithm;
use registry::layer::upload::Incoming;

use crate::world::{World, code, ctx, repository, sha256};

const BLOB: &[u8] = b"0123456789";

/// The administrator, with credentials that end in two seconds.
fn ending(world: &World) -> Ctx {
    let now = Timestamp::now();
    let ends_at = Some((now + SignedDuration::from_secs(2)).as_second());
    ctx(&Arc::new(Caller { ends_at, ..Caller::clone(&world.admin) }))
}

/// The blob, whose second half arrives later.
fn after(time: Duration) -> Incoming {
    let (first, second) = BLOB.split_at(5);
    let rest = futures::stream::once(async move {
        tokio::time::sleep(time).await;
        Ok(Bytes::from_static(second))
    });
    let body = futures::stream::iter([Ok(Bytes::from_static(first))]).chain(rest);
    Incoming { range: None, length: Some(BLOB.len() as u64), body: Box::pin(body), memory: None }
}

#[tokio::test]
async fn an_upload_is_not_finished_with_credentials_that_ended() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = sha256(BLOB);
    let start = async || {
        let status = world.rules.registry.start_upload(&ctx(&world.admin), &app, Algorithm::Sha256).await;
        status.unwrap().id
    };
    let (chunk, last) = (start().await, start().await);
    let late = Duration::from_millis(2_200);
    let [one, two, three] = [ending(&world), ending(&world), ending(&world)];
    let (whole, chunked, closing) = tokio::join!(
        world.rules.registry.put_blob(&one, &app, &digest, after(late)),
        world.rules.registry.append_upload(&two, &app, &chunk, after(late)),
        world.rules.registry.finish_upload(&three, &app, &last, &digest, after(late)),
    );
    assert_eq!(code(whole), Code::ExpiredToken);
    assert_eq!(code(chunked), Code::ExpiredToken);
    assert_eq!(code(closing), Code::ExpiredToken);
    let admin = ctx(&world.admin);
    assert_eq!(code(world.rules.registry.head_blob(&admin, &app, &digest).await), Code::BlobUnknown);
    for id in [chunk, last] {
        let status = world.rules.registry.upload_status(&admin, &app, &id).await.unwrap();
        assert_eq!(status.offset, 0, "nothing of it counts");
        // A caller with valid credentials continues if nothing was recorded.
        let again = Incoming::buffered(Bytes::from_static(BLOB));
        world.rules.registry.append_upload(&admin, &app, &id, again).await.unwrap();
    }
}

#[tokio::test]
async fn credentials_that_have_time_left_finish_a_slow_upload() {
    let world = World::new().await;
    let app = repository(world.create("app").await.name.as_str());
    let digest = sha256(BLOB);
    let soon = Duration::from_millis(300);
    world.rules.registry.put_blob(&ending(&world), &app, &digest, after(soon)).await.unwrap();
    world.rules.registry.head_blob(&ctx(&world.admin), &app, &digest).await.unwrap();
}
