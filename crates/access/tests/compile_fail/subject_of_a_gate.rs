//! What a permit is on cannot be had from a gate, only from its decision.

use access::authz::{Gate, Resolving};
use access::permit::{OnRepository, Subject};
use access::store::RepositoryKey;

fn key(gate: &Gate) -> RepositoryKey {
    OnRepository::resolve(gate).unwrap().key()
}

fn main() {}
