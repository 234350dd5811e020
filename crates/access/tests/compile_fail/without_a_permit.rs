//! A gate alone writes nothing.

use access::authz::Gate;
use access::store::{DeleteTag, Micros, RepositoryKey};
use oci::name::Tag;

async fn delete(gate: &Gate, tag: Tag) {
    let _ = gate.write(|repository: RepositoryKey| DeleteTag { repository, tag, at: Micros(1) }).await;
}

fn main() {}
