//! The versions of what a repository brings to its new place. A move was decided on exactly these: what is set meanwhile
//! would arrive without a decision.

use crate::{StoreError, Tx, ops::repository::RepositoryRow, value::params};

/// The versions of the settings of a repository that were decided on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecidedVersions {
    /// The version of its resource tags.
    pub tags: i64,
    /// The version of its policy.
    pub policy: i64,
    /// The version of its lifecycle policy; None if it had none.
    pub lifecycle_policy: Option<i64>,
}

impl DecidedVersions {
    /// Whether a repository that the operation holds still has them.
    pub(crate) async fn are_those_of(
        &self,
        tx: &mut Tx<'_>,
        row: &RepositoryRow,
    ) -> Result<bool, StoreError> {
        let select = "SELECT version FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2";
        let lifecycle_policy = tx.value(select, &params![row.key.registry, row.key.id]).await?;
        let (tags, policy) = (row.tags_version, row.policy_version);
        Ok(*self == Self { tags, policy, lifecycle_policy })
    }
}
