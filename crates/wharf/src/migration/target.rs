//! What is copied to: a Wharf server, or a folder of OCI layouts.

use std::path::PathBuf;

use aws::ids::AccountId;
use oci::digest::Digest;
use oci::name::{Reference, RepositoryName, Tag};
use upstream::RemoteManifest;

use super::CopyError;
pub(crate) use super::layout_writer::Base;
use super::layout_writer::LayoutWriter;
use super::reader::Reader;
use super::wharf_target::WharfTarget;
use crate::aws_client::AwsClient;

/// Where images go.
pub(crate) enum Target {
    Wharf(WharfTarget),
    Layouts(LayoutWriter),
}

/// Why a repository has a manifest.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A tag names it.
    Tag(Tag),
    /// It belongs to the repository by itself, without a tag.
    Untagged,
    /// An index lists it.
    Child,
}

/// How a blob came to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// Another repository of the target has it.
    Shared,
    /// Its bytes were sent.
    Sent,
}

impl Target {
    /// A server, in the registry of an account or in the caller's own.
    pub(crate) fn wharf(
        client: AwsClient,
        account: Option<AccountId>,
        creates: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self::Wharf(WharfTarget::new(client, account, creates)?))
    }

    /// A folder with one layout for each repository.
    pub(crate) fn layouts(root: PathBuf, base: Option<Base>) -> Self {
        Self::Layouts(LayoutWriter::new(root, base))
    }

    /// Prepares a repository.
    pub(crate) async fn begin(&self, name: &RepositoryName) -> Result<(), CopyError> {
        match self {
            Self::Wharf(server) => server.begin(name).await,
            Self::Layouts(folder) => folder.begin(name),
        }
    }

    /// What a tag or a digest names, if it exists.
    pub(crate) async fn head(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Digest>, CopyError> {
        match self {
            Self::Wharf(server) => server.head(name, reference).await,
            Self::Layouts(folder) => Ok(folder.head(name, reference)),
        }
    }

    /// Whether a repository has a blob.
    pub(crate) async fn has_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        size: u64,
    ) -> Result<bool, CopyError> {
        match self {
            Self::Wharf(server) => server.has_blob(name, digest).await,
            Self::Layouts(folder) => Ok(folder.has_blob(name, digest, size)),
        }
    }

    /// Stores a blob that the repository does not have. `from` is another repository that has it.
    pub(crate) async fn put_blob(
        &self,
        name: &RepositoryName,
        (digest, size): (&Digest, u64),
        from: Option<&RepositoryName>,
        open: impl AsyncFn() -> Result<Reader, CopyError>,
    ) -> Result<Moved, CopyError> {
        match self {
            Self::Wharf(server) => server.put_blob(name, (digest, size), from, open).await,
            Self::Layouts(folder) => folder.put_blob(name, digest, from, open).await,
        }
    }

    /// Stores a manifest whose blobs and children the repository has.
    pub(crate) async fn put_manifest(
        &self,
        name: &RepositoryName,
        manifest: &RemoteManifest,
        place: &Place,
    ) -> Result<(), CopyError> {
        match self {
            Self::Wharf(server) => server.put_manifest(name, manifest, place).await,
            Self::Layouts(folder) => folder.put_manifest(name, manifest, place).await,
        }
    }

    /// Ends a repository: everything that was stored is complete.
    pub(crate) fn finish(&self, name: &RepositoryName) -> Result<(), CopyError> {
        match self {
            Self::Wharf(_) => Ok(()),
            Self::Layouts(folder) => folder.finish(name),
        }
    }
}
