//! Shared by the tests of several crates: the real binary on its own folder, or as several nodes behind a load balancer, a
//! small client of both its APIs, and access to the data folder of a stopped server.
//!
//! Nothing here depends on the tested crates: signatures, framing and queries are written a second time, so a mistake
//! in a tested crate is not repeated here.

mod aws;
mod cluster;
pub mod faulty_s3;
mod http;
mod process;
pub mod s3_server;
mod store;

pub use aws::Credentials;
pub use cluster::{Cluster, ClusterOptions};
pub use http::{Client, Reply, Stream};
pub use process::{Started, Wharf, memory_folder};
pub use store::Offline;

use sha2::Digest as _;

/// The digest of bytes in a registry's form: `sha256:…`.
pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

/// Base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// Bytes that differ at every position and for every seed.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
