//! The URL of GetDownloadUrlForLayer: sealed, with an expiry time, for one blob of one repository. It acts for its
//! caller: its holder may read what that caller may read at that time, and nothing else.

use std::sync::Arc;

use access::context::{Ctx, Plane, RepositoryRef, Unsigned};
use access::error::{Code, Error, Result};
use access::kept::SealedCaller;
use access::op::ecr::GetDownloadUrlForLayer;
use access::permit::Permit;
use access::seal::Purpose;
use access::store::Target;
use aws::ids::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use oci::digest::Digest;
use serde::{Deserialize, Serialize};

use super::blob_unknown;
use super::download::BlobHandle;
use crate::Registry;

/// How long a download URL is valid (ECR's presigned URLs live for an hour).
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// Where the server answers download URLs.
pub const PATH_PREFIX: &str = "/wharf/layers/";
/// The maximum length of the sealed part of a URL: clients and proxies may not accept longer ones.
const MAX_SEALED_CHARS: usize = 2_000;

#[derive(Serialize, Deserialize)]
struct Download {
    #[serde(rename = "a")]
    account_id: String,
    #[serde(rename = "r")]
    region: String,
    #[serde(rename = "n")]
    name: String,
    /// The repository's ID: a new repository with the same name has other URLs.
    #[serde(rename = "i")]
    repository: i64,
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "e")]
    expires_at: i64,
    /// The caller.
    #[serde(rename = "c")]
    caller: SealedCaller,
}

fn refused(sentence: &'static str) -> Error {
    Error::new(Code::AccessDenied, sentence)
}

fn not_valid() -> Error {
    refused("The download URL is not valid. Ask for a new one.")
}

/// The holder of the URL must not see the gate's answer for the caller.
fn for_bearer(error: Error) -> Error {
    match error.code {
        Code::AccessDenied | Code::InvalidToken => {
            refused("The download URL is not valid any more. Ask for a new one.")
        }
        Code::RepositoryNotFound => blob_unknown(),
        _ => error,
    }
}

impl Registry {
    /// A URL with which the blob can be downloaded without credentials until it expires.
    pub(crate) async fn download_url(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        permit: &Permit<GetDownloadUrlForLayer>,
        digest: &Digest,
    ) -> Result<String> {
        let expires_at = ctx.now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let download = |caller| Download {
            account_id: repository.account_id.to_string(),
            region: repository.region.to_string(),
            name: repository.name.to_string(),
            repository: permit.repository().id,
            digest: digest.to_string(),
            expires_at: expires_at.as_second(),
            caller,
        };
        let limits = (permit.caller(), MAX_SEALED_CHARS, expires_at);
        let sealed = self.access.seal_with_caller(Purpose::Download, limits, download).await?;
        let endpoint = self.access.settings.address.origin(&repository.account_id, &repository.region);
        Ok(format!("{endpoint}{PATH_PREFIX}{sealed}"))
    }

    /// The registry that a download URL is for, before anything is decided.
    pub fn registry_of_download(&self, sealed: &str) -> Option<(AccountId, Region)> {
        let download: Download = self.access.keys.open_json(Purpose::Download, sealed).ok()?;
        Some((download.account_id.parse().ok()?, download.region.parse().ok()?))
    }

    /// The permission to read the blob of a download URL, decided again for its caller: the URL becomes invalid with
    /// that principal, its access key and its permission.
    pub async fn verify_download(&self, sealed: &str, request: &Unsigned) -> Result<BlobHandle> {
        let download: Download =
            self.access.keys.open_json(Purpose::Download, sealed).map_err(|_| not_valid())?;
        if request.now.as_second() >= download.expires_at {
            return Err(refused("The download URL has expired. Ask for a new one."));
        }
        let digest: Digest = download.digest.parse().map_err(|_| not_valid())?;
        let repository = RepositoryRef {
            account_id: download.account_id.parse().map_err(|_| not_valid())?,
            region: download.region.parse().map_err(|_| not_valid())?,
            name: download.name.parse().map_err(|_| not_valid())?,
        };
        let caller = Arc::new(self.access.caller_of(download.caller).await?.ok_or_else(not_valid)?);
        let ctx = request.by(caller, Plane::Data);
        let gate = self.access.gate(&ctx, &repository, Target::Blob(digest)).await.map_err(for_bearer)?;
        let permit = gate.permit::<GetDownloadUrlForLayer>().map_err(for_bearer)?;
        if permit.repository().id != download.repository {
            return Err(blob_unknown());
        }
        self.blob_handle(permit)
    }
}
