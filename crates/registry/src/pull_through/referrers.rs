//! Referrers of images from upstream registries: signatures, attestations, SBOMs. They come when they are listed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::store::{FindUpstream, RepositoryKey};
use access::upstream_role::is_of_cache;
use oci::digest::Digest;

use super::{refusal, too_many};
use crate::Registry;

/// Referrers of one image that are imported. More are in the upstream registry only.
const MOST_REFERRERS: usize = 100;
/// How long a list waits for the upstream registry.
const PATIENCE: Duration = Duration::from_secs(10);
/// Images in memory.
const MOST: usize = 10_000;

/// When the referrers of an image were last asked for upstream.
#[derive(Default)]
pub(super) struct Asked(Mutex<HashMap<(RepositoryKey, Digest), Instant>>);

impl Asked {
    /// Whether the upstream registry is to be asked, which counts as asked then.
    fn is_due(&self, key: (RepositoryKey, Digest), validity: Duration, now: Instant) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.get(&key).is_some_and(|at| now.duration_since(*at) < validity) {
            return false;
        }
        if asked.len() >= MOST {
            asked.clear();
        }
        asked.insert(key, now);
        true
    }

    /// The upstream registry did not answer: the next list asks it again.
    fn forget(&self, key: &(RepositoryKey, Digest)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A list that is being imported. It is forgotten if the import fails, or if the request ends before it.
struct Unanswered<'a> {
    asked: &'a Asked,
    key: (RepositoryKey, Digest),
    is_over: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.asked.forget(&self.key);
        }
    }
}

impl Registry {
    /// Imports the referrers that the upstream registry has, if the caller may import. What is stored is listed in any
    /// case.
    pub(crate) async fn import_referrers(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        subject: &Digest,
    ) {
        let imported = Box::pin(self.try_import_referrers(ctx, (repository, gate), subject));
        match tokio::time::timeout(PATIENCE, imported).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(repository = %repository.name, %error, "no referrers imported"),
            Err(_) => tracing::info!(repository = %repository.name, "referrers were not imported in time"),
        }
    }

    async fn try_import_referrers(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        subject: &Digest,
    ) -> Result<()> {
        let Some(registry) = gate.registry_with_cache().filter(|_| !is_of_cache(ctx)) else { return Ok(()) };
        let Ok(permit) = gate.permit::<ecr::BatchImportUpstreamImage>() else { return Ok(()) };
        let find = FindUpstream { registry, name: repository.name.to_string(), tag: None };
        let Some(found) = gate.read(find).await? else { return Ok(()) };
        let (key, asked) = ((permit.repository(), *subject), &self.pull_through.referrers);
        if !asked.is_due(key, self.access.settings.pull_through_cache.validity, Instant::now()) {
            return Ok(());
        }
        let mut unanswered = Unanswered { asked, key, is_over: false };
        let source = self.source_of(registry, repository, &found).await?;
        let slot = self.pull_through.shared.fetches.take(&source.account).await.ok_or_else(too_many)?;
        let listed = source.upstream.list_referrers(&source.name, subject).await;
        drop(slot);
        let listed = listed.map_err(|error| refusal(&error))?;
        for referrer in listed.into_iter().take(MOST_REFERRERS) {
            let remote = self.fetch_missing(&permit, &source, referrer.digest).await?;
            let Some(remote) = remote else { continue };
            if remote.manifest.subject.as_ref().is_none_or(|named| named.digest != *subject) {
                continue;
            }
            let none = std::iter::empty();
            self.store_manifest(&ctx.later(), repository, &permit, &remote, none).await?;
            self.complete_later(ctx, repository, permit.repository(), &source, &remote);
        }
        unanswered.is_over = true;
        Ok(())
    }
}
