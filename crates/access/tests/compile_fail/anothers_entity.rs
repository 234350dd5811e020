//! A permit on one user changes no other: the key of what is changed comes from the permit.

use access::op::iam;
use access::permit::{Of, Permit};
use access::store::{DeleteEntity, Entity};

async fn delete(permit: &Permit<Of<iam::DeleteUser>>, another: &Entity) {
    let _ = permit.write(|user| DeleteEntity { unique_id: user.id }).await;
    let _ = permit.write(|_| DeleteEntity { unique_id: another.unique_id.clone() }).await;
}

fn main() {}
