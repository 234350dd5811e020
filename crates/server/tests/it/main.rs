//! The server in one process on a loopback port, with SQLite and blobs in a temporary folder, called over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test that cannot continue fails"
)]

mod addressing;
mod authorization;
mod blobs;
mod client;
mod compat_page;
mod connections;
mod decisions;
mod drain;
mod errors_page;
mod hosts;
mod idle;
mod image;
mod late;
mod limits;
mod lists;
mod login;
mod logs;
mod manifests;
mod memory;
mod mirror;
mod model_errors;
mod node;
mod observe;
mod progress;
mod public;
mod ranges;
mod rates;
mod reads;
mod references;
mod sendfile;
mod small_blobs;
mod someone;
mod tls;
mod uploads;
mod yields;
