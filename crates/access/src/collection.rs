//! What the collector did and would do, what keeps a digest, and how many bytes the deployment holds: for the operator,
//! through the API or on a store that no server has opened.

use jiff::Timestamp;
use oci::digest::Digest;

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::Result;
use crate::permit::Permit;
use crate::store::{
    CollectionPreview, CollectionState, ExplainDigest, GetCollectionState, ListUsage, PreviewCollection,
    RepositoryKey, Stored, StoredBy, Usage,
};

/// Rows of a preview.
pub const PREVIEW: usize = 1_000;
/// Repositories, images and tags that explain a digest.
const HOLDERS: usize = 20;
/// Repositories in a page of usage.
pub const USAGE_PAGE: usize = 500;

impl Access {
    /// The state of the collector.
    pub async fn collection_state(&self) -> Result<CollectionState> {
        Permit::for_service(authority::DescribeCollection, self).read(|()| GetCollectionState).await
    }

    /// What the collector would end now. It changes nothing.
    pub async fn preview_collection(&self, now: Timestamp) -> Result<CollectionPreview> {
        let cutoff = micros(now).minus(self.settings.limits.collection.grace);
        let permit = Permit::for_service(authority::DescribeCollection, self);
        permit.read(|()| PreviewCollection { cutoff, limit: PREVIEW }).await
    }

    /// What keeps a digest.
    pub async fn explain_digest(&self, digest: Digest) -> Result<Stored> {
        let permit = Permit::for_service(authority::DescribeCollection, self);
        permit.read(|()| ExplainDigest { digest, limit: HOLDERS }).await
    }

    /// How many bytes the deployment stores, with those of uploads in progress.
    pub async fn stored_bytes(&self) -> Result<i64> {
        let stored = self.stored_in_all(&StoredBy::Deployment).await?;
        Ok(i64::try_from(stored).unwrap_or(i64::MAX))
    }

    /// Usage of this database, with a page of repositories after this one. Without one, also that of the registries.
    pub async fn usage(&self, after: Option<RepositoryKey>, limit: usize) -> Result<Usage> {
        let permit = Permit::for_service(authority::DescribeUsage, self);
        permit.read(|()| ListUsage { after, limit }).await
    }
}
