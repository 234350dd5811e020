//! The copy of one repository: its tags, what refers to them, and cosign's tags.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use oci::digest::Digest;
use oci::name::{Reference, RepositoryName, Tag};
use tokio::sync::OnceCell;

use super::CopyError;
use super::retry::retried;
use super::target::Place;
use super::transfer::Transfer;

/// Cosign's tags name signatures, attestations and SBOMs of an image; these can have signatures too.
const ROUNDS: usize = 3;

/// The copy of one repository. What is copied already, or just being copied, is not copied a second time.
pub(super) struct RepositoryCopy<'a> {
    pub(super) copy: &'a Transfer,
    pub(super) from: RepositoryName,
    pub(super) to: RepositoryName,
    pub(super) blobs: Once<Digest>,
    pub(super) images: Once<Digest>,
    /// Images whose referrers are copied, or just being copied.
    seen: Mutex<HashSet<Digest>>,
}

/// Steps that run once each, however many ask for them. A step that failed runs again.
pub(super) struct Once<K>(Mutex<HashMap<K, Arc<OnceCell<()>>>>);

impl<K: Eq + Hash> Once<K> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(super) async fn run(
        &self,
        key: K,
        step: impl Future<Output = Result<(), CopyError>>,
    ) -> Result<(), CopyError> {
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        cell.get_or_try_init(|| step).await.copied()
    }
}

impl<'a> RepositoryCopy<'a> {
    pub(super) fn new(copy: &'a Transfer, from: RepositoryName, to: RepositoryName) -> Self {
        let seen = Mutex::default();
        Self { copy, from, to, blobs: Once::new(), images: Once::new(), seen }
    }

    /// Copies the chosen tags. A tag that fails is reported, and the others are copied.
    pub(super) async fn run(&self) -> Result<(), CopyError> {
        let Transfer { source, target, options, report, .. } = self.copy;
        let tags = retried(async || source.tags(&self.from).await).await?;
        if !options.dry_run {
            retried(async || target.begin(&self.to).await).await?;
        }
        let (chosen, mut others): (Vec<Tag>, Vec<Tag>) =
            tags.into_iter().partition(|tag| self.copy.is_chosen(tag.as_str()));
        self.tags(chosen).await;
        // What no tag names is only of a whole repository.
        if options.tags.is_empty() {
            let untagged = source.untagged(&self.from).await?;
            let each = futures::stream::iter(untagged).for_each_concurrent(options.jobs, async |digest| {
                if let Err(error) = Box::pin(self.untagged(digest)).await {
                    report.failed(format!("{}@{digest}", self.from), error);
                }
            });
            each.await;
        }
        for _ in 0..ROUNDS {
            let (about, rest) = self.about_what_was_copied(others);
            others = rest;
            if about.is_empty() {
                break;
            }
            self.tags(about).await;
        }
        if options.dry_run {
            return Ok(());
        }
        target.finish(&self.to)?;
        self.settings().await
    }

    async fn settings(&self) -> Result<(), CopyError> {
        let Some(settings) = &self.copy.settings else { return Ok(()) };
        for (what, why) in Box::pin(settings.copy(&self.from, &self.to)).await? {
            self.copy.report.failed(format!("{}, {what}", self.from), why);
        }
        Ok(())
    }

    async fn tags(&self, tags: Vec<Tag>) {
        let Transfer { options, report, .. } = self.copy;
        report.tags.add(tags.len() as u64);
        let each =
            futures::stream::iter(tags).for_each_concurrent(options.jobs, async |tag| {
                match Box::pin(self.tag(&tag)).await {
                    Ok(()) => report.tags_done.add(1),
                    Err(error) => report.failed(format!("{}:{tag}", self.from), error),
                }
            });
        each.await;
    }

    /// Splits off cosign's tags (`sha256-HASH.sig`) and the tags of the referrers' fall-back (`sha256-HASH`) of images
    /// that were copied.
    fn about_what_was_copied(&self, tags: Vec<Tag>) -> (Vec<Tag>, Vec<Tag>) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        tags.into_iter().partition(|tag| {
            !self.copy.is_excluded(tag.as_str())
                && subject_of(tag).is_some_and(|digest| seen.contains(&digest))
        })
    }

    /// Copies what a tag names, unless the target's tag names the same.
    async fn tag(&self, tag: &Tag) -> Result<(), CopyError> {
        let Transfer { source, target, options, report, .. } = self.copy;
        let reference = Reference::Tag(tag.clone());
        let head = retried(async || source.head(&self.from, tag).await).await?;
        let there = retried(async || target.head(&self.to, &reference).await).await?;
        let is_there = there.is_some() && there == head.digest;
        if let (Some(digest), true, false) = (head.digest, is_there, head.may_be_index) {
            report.manifests_present.add(1);
            return Box::pin(self.refer_to(vec![digest])).await;
        }
        let manifest = retried(async || source.manifest(&self.from, &reference).await).await?;
        let mut family = vec![manifest.digest];
        self.contents(&manifest, &mut family, 0).await?;
        if there == Some(manifest.digest) {
            report.manifests_present.add(1);
        } else {
            let place = Place::Tag(tag.clone());
            if !options.dry_run {
                retried(async || target.put_manifest(&self.to, &manifest, &place).await).await?;
            }
            report.manifests_copied.add(1);
        }
        Box::pin(self.refer_to(family)).await
    }

    async fn untagged(&self, digest: Digest) -> Result<(), CopyError> {
        let mut family = Vec::new();
        Box::pin(self.image(digest, &Place::Untagged, &mut family, 0)).await?;
        Box::pin(self.refer_to(family)).await
    }

    /// Copies what refers to images, and what refers to that.
    async fn refer_to(&self, mut images: Vec<Digest>) -> Result<(), CopyError> {
        let source = &self.copy.source;
        while let Some(digest) = images.pop() {
            let is_new = self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
            if !is_new {
                continue;
            }
            for referrer in retried(async || source.referrers(&self.from, &digest).await).await? {
                Box::pin(self.image(referrer, &Place::Untagged, &mut images, 0)).await?;
            }
        }
        Ok(())
    }
}

/// The image that a tag of cosign or of the referrers' fall-back is about.
fn subject_of(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let hash = rest.split_once('.').map_or(rest, |(hash, _)| hash);
    format!("{algorithm}:{hash}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_about_an_image_are_recognized() {
        let hash = "a".repeat(64);
        let digest: Digest = format!("sha256:{hash}").parse().unwrap();
        for tag in ["", ".sig", ".att", ".sbom"] {
            assert_eq!(subject_of(&format!("sha256-{hash}{tag}").parse().unwrap()), Some(digest), "{tag}");
        }
        for tag in ["v1", "sha256-abc.sig", "latest-1"] {
            assert_eq!(subject_of(&tag.parse().unwrap()), None, "{tag}");
        }
    }
}
