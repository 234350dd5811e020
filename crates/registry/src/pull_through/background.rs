//! Completes images after the first pull: all images of an index, and all layers. A few images at a time; what clients ask
//! for meanwhile does not wait for it. What is lost when the process ends is fetched when it is pulled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{FindBlobs, FindImages, FoundImage, ImageRef};
use oci::digest::Digest;
use oci::manifest::Manifest;
use oci::name::Reference;
use tokio::sync::Semaphore;
use upstream::RemoteManifest;

use super::import::{Imported, Source};
use crate::Registry;

/// Images that wait. Further ones are fetched when they are pulled.
const MOST_WAITING: usize = 64;
/// Images of one index.
const MOST_CHILDREN: usize = 256;

/// Images that wait for their contents.
pub(super) struct Queue {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Queue {
    pub(super) fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once)), waiting: Arc::default() }
    }
}

/// One image, with the permission of the caller whose pull imported it.
struct Completion {
    ctx: Ctx,
    repository: RepositoryRef,
    permit: Permit<ecr::BatchImportUpstreamImage>,
    source: Source,
}

/// What an image refers to. Its manifest is not kept in memory while the image waits.
struct Contents {
    layers: Vec<(Digest, u64)>,
    children: Vec<Digest>,
}

impl Contents {
    fn of(manifest: &Manifest) -> Self {
        Self {
            layers: manifest.required_blobs().map(|blob| (blob.digest, blob.size)).collect(),
            children: manifest.child_digests().into_iter().take(MOST_CHILDREN).collect(),
        }
    }
}

impl Registry {
    /// Fetches the rest of an image in the background.
    pub(super) fn complete_later(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        permit: Permit<ecr::BatchImportUpstreamImage>,
        source: &Source,
        remote: &RemoteManifest,
    ) {
        let (queue, Some(registry)) = (&self.pull_through.background, self.this.upgrade()) else { return };
        if queue.waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            queue.waiting.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (turns, waiting) = (Arc::clone(&queue.turns), Arc::clone(&queue.waiting));
        let completion = Completion {
            ctx: ctx.without_request(),
            repository: repository.clone(),
            permit,
            source: source.clone(),
        };
        let contents = Contents::of(&remote.manifest);
        tokio::spawn(async move {
            let turn = turns.acquire_owned().await;
            waiting.fetch_sub(1, Ordering::Relaxed);
            if turn.is_err() {
                return;
            }
            if let Err(error) = registry.complete_image(&completion, contents).await {
                tracing::info!(repository = %completion.repository.name, %error, "an image was not completed");
            }
        });
    }

    async fn complete_image(&self, to: &Completion, contents: Contents) -> Result<()> {
        self.fetch_layers(to, contents.layers).await?;
        for digest in contents.children {
            let ids = vec![ImageRef { digest: Some(digest), tag: None }];
            let known = to.permit.read(|repository| FindImages { repository, ids }).await?;
            if known.iter().any(|found| matches!(found, FoundImage::Found(_))) {
                continue;
            }
            // One image of an index that cannot be had does not keep the others away.
            let fetched = self.fetch(&to.source, &Reference::Digest(digest), None).await;
            let Ok(Imported::Manifest(child)) = fetched else { continue };
            let none = std::iter::empty();
            self.store_manifest(&to.ctx.later(), &to.repository, &to.permit, &child, none).await?;
            self.fetch_layers(to, Contents::of(&child.manifest).layers).await?;
        }
        Ok(())
    }

    /// Fetches the layers that are missing, one after another.
    async fn fetch_layers(&self, to: &Completion, layers: Vec<(Digest, u64)>) -> Result<()> {
        let digests = layers.iter().map(|(digest, _)| *digest).collect();
        let found = to.permit.read(|repository| FindBlobs { repository, digests }).await?;
        for (layer, size) in layers {
            if found.iter().any(|(digest, row)| *digest == layer && row.is_none()) {
                let arrival = self.start(to.permit.repository(), &to.repository, &to.source, (layer, size));
                // Its failure is in the log; it is fetched again when it is pulled.
                let _ = arrival.stored().await;
            }
        }
        Ok(())
    }
}
