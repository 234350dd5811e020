//! Two nodes with one metadata store that write to one upload.

use std::sync::Arc;
use std::time::Duration;

use access::error::Code;
use bytes::Bytes;
use futures::StreamExt as _;
use oci::digest::Algorithm;
use registry::layer::upload::Incoming;

use crate::world::{World, ctx, sha256};

/// A body that reports when its first half was received, and sends the other half on request.
fn held() -> (Incoming, tokio::sync::oneshot::Receiver<()>, tokio::sync::oneshot::Sender<()>) {
    let (say, said) = tokio::sync::oneshot::channel();
    let (go_on, told) = tokio::sync::oneshot::channel();
    let rest = futures::stream::once(async move {
        say.send(()).unwrap();
        told.await.unwrap();
        Ok(Bytes::from_static(b"older"))
    });
    let body = futures::stream::iter([Ok(Bytes::from_static(b"the "))]).chain(rest);
    (Incoming { range: None, length: Some(9), body: Box::pin(body), memory: None }, said, go_on)
}

#[tokio::test]
async fn a_newer_request_on_another_node_takes_the_upload() {
    let world = World::new().await;
    let app = world.create("app").await;
    let admin = ctx(&world.admin);
    let folder = tempfile::tempdir().unwrap();
    let other = world.another_node(&folder).await;
    let id = world.rules.registry.start_upload(&admin, &app, Algorithm::Sha256).await.unwrap().id;
    let (incoming, begun, go_on) = held();
    let older = tokio::spawn({
        let (registry, admin, app, id) =
            (Arc::clone(&world.rules.registry), ctx(&world.admin), app.clone(), id.clone());
        async move { registry.append_upload(&admin, &app, &id, incoming).await }
    });
    tokio::time::timeout(Duration::from_secs(10), begun).await.unwrap().unwrap();

    // The newer request has the turn before it has all its bytes; the older one ends first and records nothing.
    let (incoming, begun, newer_goes_on) = held();
    let newer = tokio::spawn({
        let (admin, app, id) = (ctx(&world.admin), app.clone(), id.clone());
        let registry = Arc::clone(&other.registry);
        async move { registry.append_upload(&admin, &app, &id, incoming).await }
    });
    tokio::time::timeout(Duration::from_secs(10), begun).await.unwrap().unwrap();
    go_on.send(()).unwrap();
    let refused = older.await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::UploadRangeInvalid);
    let said = "Another request went on with this upload meanwhile, which holds 0 bytes now";
    assert!(refused.to_string().contains(said), "{refused}");
    newer_goes_on.send(()).unwrap();
    assert_eq!(newer.await.unwrap().unwrap().offset, 9);
    let digest = sha256(b"the older");
    other.registry.finish_upload(&admin, &app, &id, &digest, Incoming::empty()).await.unwrap();
}
