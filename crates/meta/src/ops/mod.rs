//! The operations, one file for each resource.

pub mod access_key;
pub mod account;
pub mod account_alias;
pub mod account_copy;
pub mod account_summary;
pub mod api_destination;
mod archive;
pub mod backfill_item;
pub mod backlog;
pub mod backup_hold;
pub mod blob;
pub mod check;
pub mod collection;
pub mod collection_state;
pub mod creation_template;
pub mod credential_report;
pub mod dead_letter;
pub mod decided_versions;
pub mod delivery;
pub mod entity;
pub mod entity_delete;
pub mod event_connection;
pub mod event_forward;
pub mod event_rule;
pub mod event_target;
pub mod first_user;
pub mod group;
pub mod iam_tag;
pub mod identity_policy;
pub mod image;
pub mod image_delete;
pub mod image_list;
mod image_members;
pub mod image_pull;
mod image_put;
pub mod image_scan;
pub mod in_use;
pub mod instance_profile;
pub mod lifecycle_execute;
pub mod lifecycle_image;
pub mod lifecycle_policy;
pub mod lifecycle_preview;
pub mod login_profile;
pub mod managed_policy;
pub mod member_account;
pub mod mfa_code;
pub mod mfa_device;
pub mod named_principals;
pub mod object_move;
pub mod oidc_provider;
pub mod organizational_unit;
pub mod outbox;
pub mod password_policy;
pub mod peer_order;
pub mod placement;
pub mod policy_use;
pub mod principal;
pub mod protection;
pub mod public_catalog;
pub mod public_registry;
pub mod pull_through_cache;
pub mod pull_time_exclusion;
pub mod quota_use;
pub mod read_only;
pub mod reconciler;
pub mod reference_backfill;
pub mod referrers;
pub mod referrers_delete;
pub mod referrers_queue;
pub mod registry;
pub mod replicate_deletion;
pub mod replicate_image;
pub mod replication;
pub mod replication_backfill;
pub mod replication_item;
pub mod replication_queue;
pub mod repository;
pub mod repository_move;
pub mod repository_policy;
pub mod repository_purge;
pub mod repository_rename;
pub mod resolve;
pub mod resource_policy;
pub mod resource_tag;
pub mod row_version;
pub mod sealed_secret;
pub mod secret;
pub mod secret_value;
pub mod session_context;
pub mod setting_change;
pub mod settings;
pub mod settings_item;
pub mod standing;
pub mod storage_class;
pub mod store_check;
pub mod store_move;
pub mod table;
pub mod tag;
pub mod tag_detail;
pub mod tag_history;
pub mod tagged;
pub mod target;
pub mod upload;
pub mod upload_expire;
pub mod usage;
pub mod usage_list;
pub mod work;

/// Declares the constants of the trait, so the file of an operation shows only its rule and its SQL.
///
/// The file says with `const DATABASE` on which database its operations run, and does not compile without.
///
/// An operation that writes names what its commit changes, in brackets after its access: `Durable [Identity]`, or
/// `Durable [..list]`. It does not compile without.
macro_rules! operation {
    ($name:ident: Point -> $($rest:tt)*) => {
        $crate::ops::operation!($name: Point [] -> $($rest)*);
    };
    ($name:ident: Page -> $($rest:tt)*) => {
        $crate::ops::operation!($name: Page [] -> $($rest)*);
    };
    ($name:ident: List -> $($rest:tt)*) => {
        $crate::ops::operation!($name: List [] -> $($rest)*);
    };
    (
        $name:ident$(<$key:ident: $bound:ident>)?: $access:ident [..$scopes:expr] -> $output:ty, $refusal:ty,
        |$self:ident, $tx:ident| $body:block
    ) => {
        impl$(<$key: $crate::$bound>)? $crate::Operation for $name$(<$key>)? {
            type Output = $output;
            type Refusal = $refusal;
            const NAME: &'static str = stringify!($name);
            const ACCESS: $crate::Access = $crate::Access::$access;
            const DATABASE: $crate::Database = DATABASE;

            fn changes(&self) -> Vec<$crate::Scope> {
                #[allow(unused_imports, clippy::enum_glob_use, reason = "the brackets name scopes alone")]
                use $crate::Scope::*;
                let $self = self;
                let _ = $self;
                $scopes
            }

            async fn run(
                &self,
                $tx: &mut $crate::Tx<'_>,
            ) -> Result<$crate::Ruling<Self>, $crate::StoreError> {
                let $self = self;
                $body
            }
        }
    };
    (
        $name:ident$(<$key:ident: $bound:ident>)?: $access:ident [$($scope:expr),*] -> $output:ty, $refusal:ty,
        |$self:ident, $tx:ident| $body:block
    ) => {
        $crate::ops::operation!($name$(<$key: $bound>)?: $access [..vec![$($scope),*]] -> $output, $refusal,
            |$self, $tx| $body);
    };
}
pub(crate) use operation;
