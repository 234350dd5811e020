//! Lists of an upstream registry: repositories, tags and referrers, by pages.

use http::Method;
use http::header::LINK;
use oci::digest::Digest;
use oci::manifest::{Descriptor, MAX_MANIFEST_BYTES, Manifest};
use oci::media_type::OCI_IMAGE_INDEX;
use oci::name::{Reference, RepositoryName, Tag};
use serde::Deserialize;

use crate::error::UpstreamError;
use crate::registry::{Ask, Upstream};

/// Entries of a page.
const PAGE: usize = 1_000;
/// The maximum number of pages of referrers of one image.
const MOST_PAGES: usize = 16;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its entries.
    pub entries: Vec<T>,
    /// The next page, for the same method.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Tags {
    /// Some registries answer null for no tags.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

impl Upstream {
    /// A page of the tags of a repository: the first, or the `next` of the page before.
    pub async fn list_tags(
        &self,
        name: &RepositoryName,
        next: Option<String>,
    ) -> Result<Page<Tag>, UpstreamError> {
        let path = next.unwrap_or_else(|| format!("/v2/{name}/tags/list?n={PAGE}"));
        let (body, next) = self.page(path, None, Self::pull_scope(name)).await?;
        let tags: Tags = serde_json::from_slice(&body).map_err(|_| self.no_list())?;
        // Names that no registry could store are left out.
        let entries = tags.tags.unwrap_or_default().into_iter().filter_map(|tag| tag.parse().ok());
        Ok(Page { entries: entries.collect(), next })
    }

    /// A page of the names of all repositories. Many registries do not have this list.
    pub async fn list_repositories(&self, next: Option<String>) -> Result<Page<String>, UpstreamError> {
        let path = next.unwrap_or_else(|| format!("/v2/_catalog?n={PAGE}"));
        let (body, next) = self.page(path, None, "registry:catalog:*".to_owned()).await?;
        let catalog: Catalog = serde_json::from_slice(&body).map_err(|_| self.no_list())?;
        Ok(Page { entries: catalog.repositories.unwrap_or_default(), next })
    }

    /// The referrers of a manifest. If the registry does not have the list, it is the index with the tag that the
    /// specification names (distribution specification, "Referrers tag schema").
    pub async fn list_referrers(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let mut found = Vec::new();
        let mut path = format!("/v2/{name}/referrers/{subject}");
        for _ in 0..MOST_PAGES {
            let page = self.page(path, Some(OCI_IMAGE_INDEX), Self::pull_scope(name)).await;
            let (body, next) = match page {
                Err(UpstreamError::NotFound(_)) if found.is_empty() => {
                    return self.referrers_by_tag(name, subject).await;
                }
                page => page?,
            };
            let index = Manifest::parse(&body, Some(OCI_IMAGE_INDEX)).map_err(|_| self.no_list())?;
            found.extend(index.manifests);
            match next {
                Some(next) => path = next,
                None => break,
            }
        }
        Ok(found)
    }

    async fn referrers_by_tag(
        &self,
        name: &RepositoryName,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, UpstreamError> {
        let tag = referrers_tag(subject).parse().map_err(|_| self.no_list())?;
        match self.get_manifest(name, &Reference::Tag(tag)).await {
            Ok(index) => Ok(index.manifest.manifests),
            Err(UpstreamError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One answer, and the path of the next page.
    async fn page(
        &self,
        path: String,
        accept: Option<&str>,
        scope: String,
    ) -> Result<(bytes::Bytes, Option<String>), UpstreamError> {
        let answer = self.ask(&Ask { method: Method::GET, path, accept, scope }).await?;
        let link = answer.headers().get(LINK).and_then(|value| value.to_str().ok());
        let next = link.and_then(next_path);
        Ok((answer.into_body().collect(MAX_MANIFEST_BYTES).await?, next))
    }

    fn no_list(&self) -> UpstreamError {
        UpstreamError::invalid(self.endpoint().host(), "it is not a list")
    }
}

/// The algorithm and at most 64 characters of the hash, so that it fits into a tag.
fn referrers_tag(subject: &Digest) -> String {
    let text = subject.to_string();
    let (algorithm, hash) = text.split_once(':').unwrap_or((&text, ""));
    format!("{algorithm}-{}", hash.get(..64).unwrap_or(hash))
}

/// The path of `Link: <…>; rel="next"`. Only the path is used: the next page is at the same registry.
fn next_path(link: &str) -> Option<String> {
    let (url, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    if !rest.replace([' ', '"'], "").contains("rel=next") {
        return None;
    }
    let path = match url.split_once("://") {
        Some((_, after)) => after.get(after.find('/')?..)?,
        None => url,
    };
    path.starts_with("/v2/").then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_at_the_same_registry() {
        for (link, path) in [
            (r#"</v2/a/tags/list?n=2&last=x>; rel="next""#, Some("/v2/a/tags/list?n=2&last=x")),
            (r"<https://evil.example/v2/a/tags/list?last=x>; rel=next", Some("/v2/a/tags/list?last=x")),
            (r#"</v2/a/tags/list>; rel="prev""#, None),
            (r#"<https://evil.example>; rel="next""#, None),
            (r#"</token>; rel="next""#, None),
            ("x", None),
        ] {
            assert_eq!(next_path(link).as_deref(), path, "{link}");
        }
    }
}
