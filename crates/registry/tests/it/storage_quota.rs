//! A push that would exceed a storage quota is refused before its bytes are taken.

use access::error::Code;
use jiff::Timestamp;
use oci::digest::Algorithm;
use registry::layer::upload::Incoming;

use crate::world::{World, ctx, sha256};

#[tokio::test]
async fn a_push_over_a_storage_quota_is_refused() {
    let world = World::new().await;
    let (small, other) = (world.create("team/small-app").await, world.create("team/other").await);
    world.push_blob(&small, &[1; 600]).await;
    let bytes: &[u8] = &[2; 500];
    let incoming = || Incoming::buffered(bytes.to_vec().into());
    let by = ctx(&world.admin);
    let refused = world.rules.registry.put_blob(&by, &small, &sha256(bytes), incoming()).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded);
    let message = refused.message.to_string();
    for part in ["'of team/small'", "1000 bytes", "600 bytes", "500"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(world.files(), 1, "no byte was taken");
    world.rules.registry.put_blob(&by, &other, &sha256(bytes), incoming()).await.unwrap();

    // A length that is not declared counts when the upload is completed.
    let upload = world.rules.registry.start_upload(&by, &small, Algorithm::Sha256).await.unwrap();
    let undeclared = Incoming { length: None, ..incoming() };
    world.rules.registry.append_upload(&by, &small, &upload.id, undeclared).await.unwrap();
    let nothing = Incoming::buffered(Vec::new().into());
    let finished = world.rules.registry.finish_upload(&by, &small, &upload.id, &sha256(bytes), nothing).await;
    assert_eq!(finished.unwrap_err().code, Code::LimitExceeded);

    // Space comes back with the collector.
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(25);
    while world.rules.registry.collect_garbage(later).await.unwrap().has_more {}
    world.rules.registry.put_blob(&by, &small, &sha256(bytes), incoming()).await.unwrap();
}
