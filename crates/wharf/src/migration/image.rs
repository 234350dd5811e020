//! The copy of one image: first its blobs and children, then its manifest.

use futures::TryStreamExt as _;
use oci::digest::Digest;
use oci::manifest::{Descriptor, Kind};
use oci::name::Reference;
use upstream::RemoteManifest;

use super::CopyError;
use super::repository::RepositoryCopy;
use super::retry::retried;
use super::target::{Moved, Place};
use super::transfer::Transfer;

/// How deep indexes can be in indexes.
const MOST_DEPTH: usize = 8;

impl RepositoryCopy<'_> {
    /// Copies an image by its digest. Adds it and its children to `family`.
    pub(super) async fn image(
        &self,
        digest: Digest,
        place: &Place,
        family: &mut Vec<Digest>,
        depth: usize,
    ) -> Result<(), CopyError> {
        let Transfer { source, target, options, report, .. } = self.copy;
        let reference = Reference::Digest(digest);
        family.push(digest);
        let there = retried(async || target.head(&self.to, &reference).await).await?.is_some();
        let manifest = retried(async || source.manifest(&self.from, &reference).await).await;
        let manifest = match manifest {
            // A partial export can leave out what the other side has.
            Err(error) if there && error.is_missing() => {
                report.manifests_present.add(1);
                return Ok(());
            }
            manifest => manifest?,
        };
        if !there || manifest.manifest.kind == Kind::Index {
            // Others may ask for the same image at the same time, but only one sends it.
            self.contents(&manifest, family, depth).await?;
        }
        let put = self.images.run(digest, async {
            if there {
                report.manifests_present.add(1);
                return Ok(());
            }
            if !options.dry_run {
                retried(async || target.put_manifest(&self.to, &manifest, place).await).await?;
            }
            report.manifests_copied.add(1);
            Ok(())
        });
        Box::pin(put).await
    }

    /// Copies what a manifest needs.
    pub(super) async fn contents(
        &self,
        manifest: &RemoteManifest,
        family: &mut Vec<Digest>,
        depth: usize,
    ) -> Result<(), CopyError> {
        if depth >= MOST_DEPTH {
            return Err(CopyError::Other(format!("more than {MOST_DEPTH} indexes in each other")));
        }
        let jobs = self.copy.options.jobs;
        let blobs = futures::stream::iter(manifest.manifest.required_blobs().map(Ok));
        blobs.try_for_each_concurrent(jobs, |blob| self.blob(blob)).await?;
        for child in manifest.manifest.children() {
            Box::pin(self.image(child.digest, &Place::Child, family, depth + 1)).await?;
        }
        Ok(())
    }

    async fn blob(&self, blob: &Descriptor) -> Result<(), CopyError> {
        let Transfer { target, options, report, .. } = self.copy;
        let (digest, size) = (blob.digest, blob.size);
        let sent = self.blobs.run(digest, async {
            let closed = |_| CopyError::Other("the copy has ended".to_owned());
            let _transfer = self.copy.transfers.acquire().await.map_err(closed)?;
            if retried(async || target.has_blob(&self.to, &digest, size).await).await? {
                report.blobs_present.add(1);
            } else if options.dry_run {
                report.blobs_copied.add(1);
                report.bytes_copied.add(size);
            } else {
                self.send(digest, size).await?;
            }
            self.copy.remember(digest, &self.to);
            Ok(())
        });
        Box::pin(sent).await
    }

    async fn send(&self, digest: Digest, size: u64) -> Result<(), CopyError> {
        let Transfer { source, target, report, .. } = self.copy;
        let from = self.copy.origin_of(&digest, &self.to);
        let open = async || source.blob(&self.from, &digest, size).await;
        let put = async || target.put_blob(&self.to, (&digest, size), from.as_ref(), &open).await;
        match retried(put).await? {
            Moved::Shared => report.blobs_shared.add(1),
            Moved::Sent => {
                report.blobs_copied.add(1);
                report.bytes_copied.add(size);
            }
        }
        Ok(())
    }
}
