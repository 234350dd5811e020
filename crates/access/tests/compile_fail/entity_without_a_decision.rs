//! A permit that the gate did not decide on one user changes no user, and nobody else makes the key or the row.

use access::authz::Found;
use access::op::iam;
use access::permit::{Permit, ResourceKey};
use access::store::{DeleteEntity, Entity};

async fn delete(permit: &Permit<iam::DeleteUser>, key: ResourceKey) {
    let _ = permit.write(|_| DeleteEntity { unique_id: key.id }).await;
}

fn found(entity: Entity) -> Found<Entity> {
    Found(entity)
}

fn key(id: &str) -> ResourceKey {
    ResourceKey::new(id, id)
}

fn main() {}
