//! The rules against real stores: an SQLite file and a folder of blobs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that meets the unexpected should stop"
)]

mod archive;
mod blobs;
mod collect;
mod conversions;
mod create_on_push;
mod credentials;
mod cross_account;
mod cross_use;
mod downloads;
mod events;
mod expired;
mod explained;
mod flips;
mod gate;
mod housekeeping;
mod image_ids;
mod images;
mod kept_reads;
mod keys;
mod late;
mod lifecycle;
mod lifecycle_extensions;
mod organizations;
mod orphans;
mod protection;
mod pull_through;
mod pull_through_allowed;
mod pull_through_ecr;
mod pull_through_imports;
mod pull_through_layers;
mod pull_through_lifecycle;
mod pull_through_login;
mod put_image;
mod rename;
mod replication;
mod replication_archive;
mod replication_backfill;
mod replication_changed_rules;
mod replication_converges;
mod replication_rules;
mod replication_settings;
mod repository_move;
mod storage_quota;
mod store_reads;
mod sts_assume;
mod sts_chain;
mod sts_large;
mod sts_users;
mod tag_history;
mod tokens;
mod turns;
mod upstream;
mod world;
