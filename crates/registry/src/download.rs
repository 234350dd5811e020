//! The URL that GetDownloadUrlForLayer gives: sealed, expiring, good for one blob of one repository.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use meta::{Resolve, Target};
use oci::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::Registry;
use crate::authz::Permit;
use crate::blob::{BlobHandle, blob_unknown};
use crate::context::{Ctx, RepositoryRef};
use crate::error::{Code, Error, Result};
use crate::op::effect::GetDownloadUrlForLayer;
use crate::seal::Purpose;
use crate::store::StoreResultExt as _;

/// How long a download URL opens (ECR's presigned URLs live for an hour).
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// Where the server answers download URLs.
pub const PATH_PREFIX: &str = "/wharf/layers/";

#[derive(Serialize, Deserialize)]
struct Download {
    #[serde(rename = "a")]
    account_id: String,
    #[serde(rename = "r")]
    region: String,
    #[serde(rename = "n")]
    name: String,
    /// The repository's id: one made again under the same name inherits no URL.
    #[serde(rename = "i")]
    repository: i64,
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "e")]
    expires_at: i64,
}

impl Registry {
    /// A URL by which the blob can be fetched without credentials until it expires.
    pub(crate) fn download_url(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        permit: &Permit<GetDownloadUrlForLayer>,
        digest: &Digest,
    ) -> Result<String> {
        let expires_at = ctx.now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let download = Download {
            account_id: repository.account_id.to_string(),
            region: repository.region.to_string(),
            name: repository.name.to_string(),
            repository: permit.repository().id,
            digest: digest.to_string(),
            expires_at: expires_at.as_second(),
        };
        let sealed = self.keys.seal_json(Purpose::Download, &download).map_err(Error::internal)?;
        let endpoint = self.settings.address.proxy_endpoint(&repository.account_id, &repository.region);
        Ok(format!("{endpoint}{PATH_PREFIX}{sealed}"))
    }

    /// Leave to read the blob that a download URL stands for. The permission was decided when the URL was
    /// given; that the repository still holds the blob is read now.
    pub async fn verify_download(self: &Arc<Self>, sealed: &str, now: Timestamp) -> Result<BlobHandle> {
        let refuse = || Error::new(Code::AccessDenied, "The download URL is not valid. Ask for a new one.");
        let download: Download = self.keys.open_json(Purpose::Download, sealed).map_err(|_| refuse())?;
        if now.as_second() >= download.expires_at {
            return Err(Error::new(Code::AccessDenied, "The download URL has expired. Ask for a new one."));
        }
        let digest: Digest = download.digest.parse().map_err(|_| refuse())?;
        let resolve = Resolve {
            account_id: download.account_id.parse().map_err(|_| refuse())?,
            region: download.region.parse().map_err(|_| refuse())?,
            repository: Some(download.name),
            target: Target::Blob(digest),
            caller: None,
        };
        let resolved = self.meta.read(resolve).await.or_store_error()?;
        let same = resolved.repository.as_ref().is_some_and(|row| row.key.id == download.repository);
        let row = resolved.blob.as_ref().filter(|_| same).ok_or_else(blob_unknown)?;
        BlobHandle::new(self, row)
    }
}
