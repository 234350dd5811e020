//! A pull of a manifest from a repository of a pull-through cache rule.

use std::time::Duration;

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::{Effect as _, ecr};
use access::permit::Permit;
use access::store::{
    FindUpstream, FoundUpstream, ImageRef, ImageRow, RecordUpstreamTag, RefusedExt as _, RegistryKey, Target,
};
use access::upstream_role::is_of_cache;
use oci::name::Reference;

use super::counts::Pulled;
use super::import::{Imported, Source};
use crate::Registry;

/// How long a pull waits for the upstream registry if the image is stored here.
const PATIENCE: Duration = Duration::from_secs(5);

/// One pull.
struct Pull<'a> {
    ctx: &'a Ctx,
    repository: &'a RepositoryRef,
    reference: &'a Reference,
    registry: RegistryKey,
    /// The image that is stored here.
    image: Option<&'a ImageRow>,
}

impl Registry {
    /// The permit to pull a tag or digest. If a rule applies and the image is missing or was validated too long ago, the
    /// upstream registry is asked first.
    pub(crate) async fn permit_pull_through(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<Permit<ecr::BatchGetImage>> {
        let gate = self.access.gate(ctx, repository, target_of(reference)).await?;
        let permit = gate.permit::<ecr::BatchGetImage>();
        let Some(registry) = gate.registry_with_cache().filter(|_| !is_of_cache(ctx)) else { return permit };
        let image = match &permit {
            Ok(permit) => permit.image(),
            Err(error) if error.code == Code::RepositoryNotFound => None,
            Err(_) => return permit,
        };
        // A digest names the same bytes everywhere.
        if image.is_some() && reference.digest().is_some() {
            return permit;
        }
        let pull = Pull { ctx, repository, reference, registry, image };
        if Box::pin(self.ask_upstream(&pull, &gate)).await? {
            return self.access.gate(&ctx.later(), repository, target_of(reference)).await?.permit();
        }
        permit
    }

    /// Fetches images that are missing, for a caller that may pull from the repository. Returns why some were not fetched.
    pub(crate) async fn pull_all_through(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        images: &[ImageRef],
    ) -> Vec<(ImageRef, Error)> {
        let mut failures = Vec::new();
        if gate.registry_with_cache().is_none() {
            return failures;
        }
        for image in images {
            let reference = match (&image.digest, &image.tag) {
                (Some(digest), None) => Reference::Digest(*digest),
                (None, Some(tag)) => Reference::Tag(tag.clone()),
                // The tag must name the digest already.
                _ => continue,
            };
            if let Err(error) = self.permit_pull_through(ctx, repository, &reference).await {
                failures.push((image.clone(), error));
            }
        }
        failures
    }

    /// Asks the upstream registry, if a rule applies. Returns whether something has changed here. An image that is stored
    /// is served, whatever the upstream registry answers.
    async fn ask_upstream(&self, pull: &Pull<'_>, gate: &Gate) -> Result<bool> {
        let Some(found) = gate.read(pull.find()).await? else { return Ok(false) };
        let counts = &self.pull_through.shared.counts;
        if !self.is_due(pull, &found) {
            counts.pulled(Pulled::Hit);
            return Ok(false);
        }
        let asked = async {
            gate.allow(ecr::BatchImportUpstreamImage::OP)?;
            let source = self.source_of(pull.registry, pull.repository, &found).await?;
            let current = pull.image.map(|image| image.digest);
            let fetched = self.fetch(&source, pull.reference, current).await?;
            self.take(pull, (&found, &source), fetched).await
        };
        if pull.image.is_none() {
            let outcome = asked.await;
            counts.pulled(if outcome.is_ok() { Pulled::Miss } else { Pulled::Failed });
            return outcome;
        }
        let outcome = tokio::time::timeout(PATIENCE, asked).await;
        counts.pulled(if matches!(outcome, Ok(Ok(_))) { Pulled::Validated } else { Pulled::Stale });
        match outcome {
            Ok(Ok(has_changed)) => Ok(has_changed),
            Ok(Err(error)) => {
                tracing::info!(repository = %pull.repository.name, %error, "served from the cache");
                Ok(false)
            }
            Err(_) => Ok(false),
        }
    }

    /// Whether the upstream registry has to be asked. A tag that was pushed here does not come from it.
    fn is_due(&self, pull: &Pull<'_>, found: &FoundUpstream) -> bool {
        let Some(image) = pull.image else { return true };
        let validity = self.access.settings.pull_through_cache.validity;
        found.tag.as_ref().is_some_and(|tag| {
            tag.digest == image.digest && tag.validated_at <= pull.ctx.at().minus(validity)
        })
    }

    /// Stores what the upstream registry has, unless another request has done it meanwhile.
    async fn take(
        &self,
        pull: &Pull<'_>,
        (found, source): (&FoundUpstream, &Source),
        fetched: Imported,
    ) -> Result<bool> {
        let _turn = self.pull_through.turn_of(pull.repository).await;
        let ctx = pull.ctx.later();
        let gate = self.access.gate(&ctx, pull.repository, target_of(pull.reference)).await?;
        let again = Pull { ctx: &ctx, image: gate.image(), ..*pull };
        if again.image.is_some() {
            let known = gate.read(pull.find()).await?;
            if pull.reference.digest().is_some() || !known.is_some_and(|known| self.is_due(&again, &known)) {
                return Ok(true);
            }
        }
        match (fetched, again.image) {
            (Imported::Same, Some(image)) => {
                let permit = gate.permit::<ecr::BatchImportUpstreamImage>()?;
                let Some(tag) = pull.reference.tag().cloned() else { return Ok(true) };
                let (digest, at) = (image.digest, ctx.at());
                let record =
                    |repository| RecordUpstreamTag { repository, tag, digest, at, imported_from: None };
                permit.write(record).await.or_refused(|_gone| permit.repository_not_found())?;
                Ok(true)
            }
            // The image was deleted here meanwhile.
            (Imported::Same, None) => Ok(true),
            (Imported::Manifest(remote), _) => {
                let to = (pull.repository, &gate);
                let permit = self.store_import(&ctx, to, found, (&remote, pull.reference)).await?;
                self.complete_later(&ctx, pull.repository, permit.repository(), source, &remote);
                Ok(true)
            }
        }
    }
}

impl Pull<'_> {
    fn find(&self) -> FindUpstream {
        let (name, tag) = (self.repository.name.to_string(), self.reference.tag().cloned());
        FindUpstream { registry: self.registry, name, tag }
    }
}

fn target_of(reference: &Reference) -> Target {
    match reference {
        Reference::Tag(tag) => Target::Tag(tag.clone()),
        Reference::Digest(digest) => Target::Digest(*digest),
    }
}
