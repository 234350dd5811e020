//! A copy of repositories from a source to a target.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use oci::digest::Digest;
use oci::name::RepositoryName;
use tokio::sync::Semaphore;

use super::pattern::{Pattern, chosen};
use super::report::{Report, Summary};
use super::repository::RepositoryCopy;
use super::settings::Settings;
use super::source::Source;
use super::target::Target;
use super::{CopyError, progress};

/// Blobs whose repository is remembered, so that another repository can share them.
const REMEMBERED: usize = 200_000;

/// What to copy, and how.
pub(crate) struct Options {
    /// Repositories of the source; none means all.
    pub(crate) repositories: Vec<Pattern>,
    /// Tags; none means all.
    pub(crate) tags: Vec<Pattern>,
    /// Tags that are not copied.
    pub(crate) without_tags: Vec<Pattern>,
    /// Put before the names of repositories at the target.
    pub(crate) prefix: String,
    /// Removed from the start of the names before that.
    pub(crate) strip_prefix: String,
    /// Transfers at a time.
    pub(crate) jobs: usize,
    /// Whether only to say what would be copied.
    pub(crate) dry_run: bool,
}

/// A copy that is running.
pub(crate) struct Transfer {
    pub(super) source: Source,
    pub(super) target: Target,
    pub(super) options: Options,
    /// For settings of repositories, if they are copied too.
    pub(super) settings: Option<Settings>,
    pub(super) report: Report,
    pub(super) transfers: Semaphore,
    /// Which repository of the target has a blob.
    origins: Mutex<HashMap<Digest, RepositoryName>>,
}

impl Transfer {
    pub(crate) fn new(source: Source, target: Target, options: Options, settings: Option<Settings>) -> Self {
        let transfers = Semaphore::new(options.jobs);
        let (report, origins) = (Report::default(), Mutex::default());
        Self { source, target, options, settings, report, transfers, origins }
    }

    /// Copies everything that was chosen. A failure of one image or repository does not end the others: the summary
    /// lists it.
    pub(crate) async fn run(&self) -> Result<Summary, CopyError> {
        let began = Instant::now();
        Box::pin(progress::shown(&self.report, self.repositories())).await?;
        Ok(self.report.summary(self.options.dry_run, began.elapsed().as_secs_f64()))
    }

    async fn repositories(&self) -> Result<(), CopyError> {
        let names =
            super::retry::retried(async || self.source.repositories(&self.options.repositories).await);
        let names = names.await?;
        if names.is_empty() {
            return Err(CopyError::Other("the source has no repository with such a name".to_owned()));
        }
        for name in names {
            match self.names(&name) {
                Ok((from, to)) => {
                    if let Err(error) = RepositoryCopy::new(self, from, to).run().await {
                        self.report.failed(name, error);
                    }
                    self.report.repositories.add(1);
                }
                Err(error) => self.report.failed(name, error),
            }
        }
        Ok(())
    }

    /// The repository's name at the source and at the target.
    fn names(&self, name: &str) -> Result<(RepositoryName, RepositoryName), CopyError> {
        let invalid = |error: oci::NameError| CopyError::Other(error.to_string());
        let short = name.strip_prefix(&self.options.strip_prefix).unwrap_or(name);
        let to = format!("{}{short}", self.options.prefix);
        Ok((name.parse().map_err(invalid)?, to.parse().map_err(invalid)?))
    }

    pub(super) fn is_chosen(&self, tag: &str) -> bool {
        chosen(&self.options.tags, tag) && !self.is_excluded(tag)
    }

    pub(super) fn is_excluded(&self, tag: &str) -> bool {
        self.options.without_tags.iter().any(|pattern| pattern.matches(tag))
    }

    /// Remembers that a repository of the target has a blob.
    pub(super) fn remember(&self, digest: Digest, name: &RepositoryName) {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.len() < REMEMBERED {
            origins.entry(digest).or_insert_with(|| name.clone());
        }
    }

    /// Another repository of the target with a blob.
    pub(super) fn origin_of(&self, digest: &Digest, name: &RepositoryName) -> Option<RepositoryName> {
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        origins.get(digest).filter(|origin| *origin != name).cloned()
    }
}
