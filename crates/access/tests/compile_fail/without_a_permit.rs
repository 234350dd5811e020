//! A gate alone writes nothing.

use access::authz::Gate;
use access::store::{DeleteTag, RepositoryKey};
use oci::name::Tag;

async fn delete(gate: &Gate, tag: Tag) {
    let _ = gate.write(|repository: RepositoryKey| DeleteTag { repository, tag }).await;
}

fn main() {}
