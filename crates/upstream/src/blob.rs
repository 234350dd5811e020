//! Blobs of an upstream registry, read as they arrive.

use std::collections::VecDeque;

use bytes::Bytes;
use http::Method;
use oci::digest::{Digest, Hasher};
use oci::name::RepositoryName;
use outbound::Download;
use tokio::time::Instant;

use crate::error::UpstreamError;
use crate::manifest::content_length;
use crate::registry::{Ask, Upstream};

/// The bytes of a blob on their way. The last of them are returned only after all of them had the right digest and
/// length: a reader that copies them to a client never completes a wrong blob.
pub struct BlobDownload {
    download: Download,
    digest: Digest,
    hasher: Option<Hasher>,
    size: u64,
    received: u64,
    /// Received, not yet returned.
    pending: VecDeque<Bytes>,
    deadline: Instant,
}

impl Upstream {
    /// Opens a blob. Its size comes from the descriptor in a manifest.
    pub async fn get_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        size: u64,
    ) -> Result<BlobDownload, UpstreamError> {
        let answer = self.ask(&blob_ask(Method::GET, name, digest)).await?;
        if content_length(answer.headers()).is_some_and(|length| length != size) {
            let why = "the blob does not have the size that its manifest says";
            return Err(UpstreamError::invalid(self.endpoint().host(), why));
        }
        let rules = self.rules();
        let time = std::time::Duration::from_secs(size / rules.slowest.max(1));
        Ok(BlobDownload {
            download: answer.into_body(),
            digest: *digest,
            hasher: Some(Hasher::new(digest.algorithm())),
            size,
            received: 0,
            pending: VecDeque::new(),
            deadline: Instant::now() + rules.slack + time,
        })
    }

    /// Whether the registry has a blob, and its size if the registry says it.
    pub async fn head_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, UpstreamError> {
        let answer = self.ask(&blob_ask(Method::HEAD, name, digest)).await?;
        Ok(content_length(answer.headers()))
    }
}

fn blob_ask(method: Method, name: &RepositoryName, digest: &Digest) -> Ask<'static> {
    let path = format!("/v2/{name}/blobs/{digest}");
    Ask { method, path, accept: None, scope: Upstream::pull_scope(name) }
}

impl BlobDownload {
    /// The size of the blob.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes; None at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        while self.hasher.is_some() && self.pending.len() < 2 {
            self.receive().await?;
        }
        Ok(self.pending.pop_front())
    }

    /// Receives more bytes, or verifies all of them at the end.
    async fn receive(&mut self) -> Result<(), UpstreamError> {
        let host = self.download.host().to_owned();
        let next = tokio::time::timeout_at(self.deadline, self.download.chunk()).await;
        let next = next.map_err(|_| UpstreamError::Unavailable(format!("{host} is too slow")))??;
        let Some(bytes) = next else {
            let invalid = |why| UpstreamError::invalid(&host, why);
            if self.received != self.size {
                return Err(invalid("the blob is shorter than its manifest says"));
            }
            let computed = self.hasher.take().map(Hasher::finish);
            return if computed == Some(self.digest) {
                Ok(())
            } else {
                Err(invalid("the bytes of the blob do not have its digest"))
            };
        };
        self.received = self.received.saturating_add(bytes.len() as u64);
        if self.received > self.size {
            return Err(UpstreamError::invalid(&host, "the blob is longer than its manifest says"));
        }
        if !bytes.is_empty() {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&bytes);
            }
            self.pending.push_back(bytes);
        }
        Ok(())
    }
}
