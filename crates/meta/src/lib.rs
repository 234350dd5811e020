//! Metadata: every durable fact that is not bytes, on SQLite or PostgreSQL.
//!
//! [`Meta`] runs [`Operation`]s. Each is an owned value, runs in one transaction and is written once for both
//! databases. `ops/` has a file for each resource; no SQL is written anywhere outside this crate.

#[cfg(test)]
mod conformance;
mod error;
mod job;
mod kept;
mod meta;
mod migrate;
pub mod mutability;
mod operation;
pub mod ops;
mod placed;
mod postgres;
mod scope;
mod sqlite;
mod tx;
mod types;
mod value;

pub use kept::{Keep, Kept, SCOPES, Shelf};
pub use meta::Meta;
pub use migrate::{COMPAT, SchemaVersion};
pub use operations::*;
pub use postgres::{PostgresOptions, PostgresReplica};
pub use sqlite::SqliteOptions;
pub use tx::{Dialect, Sent, Tx};
pub use value::{FromValue, Param, Row, ToParam, Value};

/// The operations and their rows, without the handle that runs them: what a crate that must go through a permit may name.
pub mod operations {
    pub use crate::error::{Never, OpError, StoreError};
    pub use crate::mutability::Mutability;
    pub use crate::operation::{Access, Database, Operation, Ruling};
    pub use crate::ops::{
        access_key::*, account::*, account_alias::*, account_copy::*, account_summary::*, api_destination::*,
        backfill_item::*, backlog::*, backup_hold::*, blob::*, check::*, collection::*, collection_state::*,
        creation_template::*, credential_report::*, dead_letter::*, decided_versions::*, delivery::*,
        entity::*, entity_delete::*, event_connection::*, event_forward::*, event_rule::*, event_target::*,
        first_user::*, group::*, iam_tag::*, identity_policy::*, image::*, image_delete::*, image_list::*,
        image_pull::*, image_scan::*, in_use::*, instance_profile::*, lifecycle_execute::*,
        lifecycle_image::*, lifecycle_policy::*, lifecycle_preview::*, login_profile::*, managed_policy::*,
        member_account::*, mfa_code::*, mfa_device::*, named_principals::*, object_move::*, oidc_provider::*,
        organizational_unit::*, outbox::*, password_policy::*, peer_order::*, placement::*, policy_use::*,
        principal::*, protection::*, public_catalog::*, public_registry::*, pull_through_cache::*,
        pull_time_exclusion::*, quota_use::*, read_only::*, reconciler::*, reference_backfill::*,
        referrers::*, referrers_delete::*, referrers_queue::*, registry::*, replicate_deletion::*,
        replicate_image::*, replication::*, replication_backfill::*, replication_item::*,
        replication_queue::*, repository::*, repository_move::*, repository_policy::*, repository_purge::*,
        repository_rename::*, resolve::*, resource_policy::*, resource_tag::*, row_version, sealed_secret::*,
        secret::*, secret_value::*, session_context::*, setting_change::*, settings::*, settings_item::*,
        standing::*, storage_class::*, store_check::*, store_move::*, table::*, tag::*, tag_detail::*,
        tag_history::*, tagged::*, target::*, upload::*, upload_expire::*, usage::*, usage_list::*, work::*,
    };
    pub use crate::scope::Scope;
    pub use crate::types::*;
}
