//! What is copied from: a registry, or a folder with the files of repositories.

use std::path::Path;

use oci::digest::Digest;
use oci::media_type::{DOCKER_MANIFEST_LIST, OCI_IMAGE_INDEX};
use oci::name::{Reference, RepositoryName, Tag};
use upstream::{RemoteManifest, Upstream, UpstreamError};

use super::CopyError;
use super::folder::Folder;
use super::pattern::{self, Pattern};
use super::reader::Reader;

/// The most pages of a list. A registry could answer the same page again and again.
const MOST_PAGES: usize = 10_000;

/// Where images come from.
pub(crate) enum Source {
    /// A registry, with the account ID that starts the names of its repositories, if there is one.
    Registry(Upstream, Option<String>),
    /// OCI layouts, or the storage of a registry.
    Folder(Folder),
}

/// What a source says about a tag before its manifest is read.
pub(crate) struct Head {
    pub(crate) digest: Option<Digest>,
    /// Whether it can have children.
    pub(crate) may_be_index: bool,
}

impl Source {
    pub(crate) fn registry(registry: Upstream) -> Self {
        Self::Registry(registry, None)
    }

    /// A folder. `name` is for one that is a single layout.
    pub(crate) fn folder(path: &Path, name: Option<&str>) -> Result<Self, CopyError> {
        Ok(Self::Folder(Folder::open(path, name)?))
    }

    /// The names of the repositories with one of the patterns. Only patterns with a `*` need the list of all names, which
    /// many registries do not have.
    pub(crate) async fn repositories(&self, patterns: &[Pattern]) -> Result<Vec<String>, CopyError> {
        let (mut names, wild) = pattern::names_and_others(patterns);
        if !wild.is_empty() || patterns.is_empty() {
            let all = match self {
                Self::Registry(registry, _) => catalog(registry).await?,
                Self::Folder(folder) => folder.repositories().await?,
            };
            names.extend(all.into_iter().filter(|name| pattern::chosen(&wild, name)));
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// All tags of a repository.
    pub(crate) async fn tags(&self, name: &RepositoryName) -> Result<Vec<Tag>, CopyError> {
        let registry = match self {
            Self::Registry(registry, _) => registry,
            Self::Folder(folder) => return Ok(folder.contents(name).await?.tags.keys().cloned().collect()),
        };
        let name = self.full(name)?;
        let (mut tags, mut next) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = Box::pin(registry.list_tags(&name, next)).await?;
            tags.extend(page.entries);
            next = page.next;
            if next.is_none() {
                return Ok(tags);
            }
        }
        Err(CopyError::Other(format!("the list of tags of {name} does not end")))
    }

    /// The images without a tag that belong to the repository by themselves. A registry does not list them.
    pub(crate) async fn untagged(&self, name: &RepositoryName) -> Result<Vec<Digest>, CopyError> {
        match self {
            Self::Registry(..) => Ok(Vec::new()),
            Self::Folder(folder) => Ok(folder.contents(name).await?.untagged.clone()),
        }
    }

    /// What a tag names.
    pub(crate) async fn head(&self, name: &RepositoryName, tag: &Tag) -> Result<Head, CopyError> {
        match self {
            Self::Registry(registry, _) => {
                let head =
                    Box::pin(registry.head_manifest(&self.full(name)?, &Reference::Tag(tag.clone()))).await?;
                let may_be_index = head
                    .media_type
                    .is_none_or(|text| [OCI_IMAGE_INDEX, DOCKER_MANIFEST_LIST].contains(&text.as_str()));
                Ok(Head { digest: head.digest, may_be_index })
            }
            Self::Folder(folder) => {
                let digest = folder.contents(name).await?.tags.get(tag).copied();
                Ok(Head { digest, may_be_index: true })
            }
        }
    }

    /// A manifest, verified.
    pub(crate) async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<RemoteManifest, CopyError> {
        match self {
            Self::Registry(registry, _) => {
                Ok(Box::pin(registry.get_manifest(&self.full(name)?, reference)).await?)
            }
            Self::Folder(folder) => folder.manifest(name, reference).await,
        }
    }

    /// The images that name a digest as their subject.
    pub(crate) async fn referrers(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Digest>, CopyError> {
        match self {
            Self::Registry(registry, _) => {
                let found = Box::pin(registry.list_referrers(&self.full(name)?, subject)).await?;
                Ok(found.into_iter().map(|referrer| referrer.digest).collect())
            }
            Self::Folder(folder) => {
                Ok(folder.contents(name).await?.referrers.get(subject).cloned().unwrap_or_default())
            }
        }
    }

    /// The bytes of a blob.
    pub(crate) async fn blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        size: u64,
    ) -> Result<Reader, CopyError> {
        match self {
            Self::Registry(registry, _) => {
                Ok(Reader::Download(Box::pin(registry.get_blob(&self.full(name)?, digest, size)).await?))
            }
            Self::Folder(folder) => Reader::open(folder.blob_path(name, digest), digest, size).await,
        }
    }

    /// The name at the registry.
    fn full(&self, name: &RepositoryName) -> Result<RepositoryName, CopyError> {
        match self {
            Self::Registry(_, Some(account)) => format!("{account}/{name}")
                .parse()
                .map_err(|_| CopyError::Other(format!("{account}/{name} is too long"))),
            _ => Ok(name.clone()),
        }
    }
}

async fn catalog(registry: &Upstream) -> Result<Vec<String>, CopyError> {
    let (mut names, mut next) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let page =
            Box::pin(registry.list_repositories(next)).await.map_err(|error| unlisted(registry, error))?;
        names.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return Ok(names);
        }
    }
    Err(CopyError::Other(format!("the list of repositories of {} does not end", registry.endpoint())))
}

/// Many registries do not have the list of repositories, or refuse it to everyone.
fn unlisted(registry: &Upstream, error: UpstreamError) -> CopyError {
    let at = registry.endpoint();
    match error {
        UpstreamError::NotFound(_) | UpstreamError::AccessDenied { .. } => CopyError::Other(format!(
            "{error}: {at} does not list its repositories. Name them, as in {at}/REPOSITORY"
        )),
        error => error.into(),
    }
}
