//! Completes images after the first pull: all images of an index, and all layers. A few images at a time; what clients ask
//! for meanwhile does not wait for it. What is lost when the process ends is fetched when it is pulled.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::slots::Slots;
use access::store::{FindBlobs, RepositoryKey, Target};
use oci::digest::Digest;
use oci::manifest::Manifest;
use upstream::RemoteManifest;

use super::import::Source;
use crate::Registry;

/// Images that are completed at the same time, and those of one account.
const AT_ONCE: (usize, usize) = (8, 2);
/// Images in memory, and those of one account. Further ones are fetched when they are pulled.
const MOST: (usize, usize) = (256, 64);
/// Images of one index.
const MOST_CHILDREN: usize = 256;

/// Images that wait for their contents.
pub(super) struct Queue {
    pub(super) turns: Slots,
    pub(super) places: Slots,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { turns: Slots::new(AT_ONCE.0, AT_ONCE.1), places: Slots::new(MOST.0, MOST.1) }
    }

    /// The images of another database.
    pub(super) fn beside(&self) -> Self {
        Self { turns: self.turns.beside(), places: self.places.beside() }
    }
}

/// One image, and the caller whose pull imported it. The permission is decided again when the work begins.
struct Completion {
    ctx: Ctx,
    repository: RepositoryRef,
    key: RepositoryKey,
    source: Source,
}

/// An image in work.
struct Work {
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
        key: RepositoryKey,
        source: &Source,
        remote: &RemoteManifest,
    ) {
        let Some(registry) = self.this.upgrade() else { return };
        let Some(place) = self.pull_through.shared.background.places.try_take(&source.account) else {
            return;
        };
        let completion = Completion {
            ctx: ctx.without_request(),
            repository: repository.clone(),
            key,
            source: source.clone(),
        };
        let contents = Contents::of(&remote.manifest);
        tokio::spawn(async move {
            let _place = place;
            let turns = &registry.pull_through.shared.background.turns;
            let Some(_turn) = turns.take(&completion.source.account).await else { return };
            let name = completion.repository.name.clone();
            if let Err(error) = registry.begin_completion(completion, contents).await {
                tracing::info!(repository = %name, %error, "an image was not completed");
            }
        });
    }

    async fn begin_completion(&self, completion: Completion, contents: Contents) -> Result<()> {
        let Completion { ctx, repository, key, source } = completion;
        let gate = self.access.gate(&ctx.later(), &repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchImportUpstreamImage>()?;
        // Another repository can have the name now.
        if permit.repository() != key {
            return Ok(());
        }
        self.complete_image(&Work { ctx, repository, permit, source }, contents).await
    }

    async fn complete_image(&self, to: &Work, contents: Contents) -> Result<()> {
        self.fetch_layers(to, contents.layers).await?;
        for digest in contents.children {
            let child = self.fetch_missing(&to.permit, &to.source, digest).await?;
            let Some(child) = child else { continue };
            let none = std::iter::empty();
            self.store_manifest(&to.ctx.later(), &to.repository, &to.permit, &child, none).await?;
            self.fetch_layers(to, Contents::of(&child.manifest).layers).await?;
        }
        Ok(())
    }

    /// Fetches the layers that are missing, one after another.
    async fn fetch_layers(&self, to: &Work, layers: Vec<(Digest, u64)>) -> Result<()> {
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
