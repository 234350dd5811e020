//! Tests of the built binary: started, called, signalled and started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot continue fails"
)]

mod account;
mod addresses;
mod backup;
mod backup_restore;
mod configuration;
mod crash;
mod crash_archive;
mod crash_collect;
mod crash_lifecycle;
mod crash_memory;
mod crash_model;
mod crash_postgres;
mod crash_work;
mod descriptors;
mod ecr_upstream;
mod events;
mod export;
mod faulty_bucket;
mod first_start;
mod gc;
mod health;
mod http;
mod images;
mod import;
mod import_settings;
mod keys;
mod lifecycle;
mod linear;
mod log_queue;
mod migrate_store;
mod nodes_limits;
mod peer_backfill;
mod peer_both_ways;
mod peer_faults;
mod peer_lag;
mod peer_requests;
mod peer_settings;
mod peer_tls;
mod peers;
mod postgres;
mod private_files;
mod process;
mod proxy;
mod quotas;
mod receiver;
mod repository_move;
mod rules;
mod shell;
mod soak;
mod soak_disk;
mod soak_expiry;
mod soak_faults;
mod soak_network;
mod soak_nodes;
mod soak_tags;
mod soak_upload;
mod status;
mod stop;
mod storage_folder;
mod systemd;
mod tags;
mod tls;
mod tls_front;
mod traces;
mod two_versions;
