//! A gate that permitted nothing gives no repository key.

use access::authz::Gate;
use access::store::RepositoryKey;

fn key(gate: &Gate) -> RepositoryKey {
    gate.resolved.repository.as_ref().unwrap().key
}

fn main() {}
