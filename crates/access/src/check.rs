//! The check of the store beside requests: what it finds and how far it has come. `registry::fsck` carries it out, and the
//! API shows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{AwsCode, Error, Result};
use crate::permit::Permit;
use crate::reconcilers::CHECK_STORE;
use crate::store::{
    GetStoreCheck, ListCheckFindings, Micros, RecordCheckSlice, RefusedExt as _, StartStoreCheck, StoreCheck,
    store_error,
};
use meta::OpError;

/// Findings in a page.
pub const FINDINGS_PAGE: usize = 500;

/// What to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Repair what can be repaired.
    pub repair: bool,
    /// Compare lengths only, not digests.
    pub quick: bool,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// An object's bytes are missing, too short, or have another digest.
    LostObject,
    /// An image's manifest is missing or has another digest.
    LostManifest,
    /// A file that no row knows.
    UnknownFile,
    /// Counters of usage that differ from the rows.
    WrongUsage,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    pub kind: Kind,
    /// The digest, or the name of the file.
    pub subject: String,
    pub problem: String,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

/// What is checked next. The check begins with the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Objects after this ID.
    Objects(Option<i64>),
    /// Manifests after this one: registry, repository, image.
    Manifests(Option<(i64, i64, i64)>),
    /// Files, from the folder with this number on.
    Files(u16),
    /// The counters of usage.
    Usage,
    /// Nothing is left.
    End,
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub step: Step,
    /// How many were checked.
    pub objects: u64,
    pub bytes: u64,
    pub manifests: u64,
    pub files: u64,
}

impl Progress {
    /// Nothing is checked yet.
    pub const START: Self = Self { step: Step::Objects(None), objects: 0, bytes: 0, manifests: 0, files: 0 };
}

/// A check that a request started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub row: StoreCheck,
    pub progress: Progress,
}

impl Access {
    /// Starts a check, unless one is in progress.
    pub async fn start_check(&self, Options { repair, quick }: Options, now: Timestamp) -> Result<()> {
        let permit = Permit::for_service(authority::KeepStoreCheck, self);
        let id = self.ids.next(now).to_string();
        let progress = text_of(&Progress::START)?;
        let start = StartStoreCheck { id, repair, quick, progress, at: micros(now) };
        permit.write(|()| start).await.or_refused(|_in_progress| {
            let message = "A check of the store is in progress. Wait for its end.";
            Error::aws(AwsCode::OrganizationInvalidInput, message)
        })?;
        self.request_reconciler(CHECK_STORE, now).await
    }

    /// The last check.
    pub async fn last_check(&self) -> Result<Option<Check>> {
        let permit = Permit::for_service(authority::KeepStoreCheck, self);
        let Some(row) = permit.read(|()| GetStoreCheck).await? else { return Ok(None) };
        let progress = serde_json::from_str(&row.progress).map_err(Error::internal)?;
        Ok(Some(Check { row, progress }))
    }

    /// What the last check found, a page from this one on.
    pub async fn check_findings(&self, from: u64) -> Result<Vec<Finding>> {
        let permit = Permit::for_service(authority::KeepStoreCheck, self);
        let findings = permit.read(|()| ListCheckFindings { from, limit: FINDINGS_PAGE }).await?;
        findings.iter().map(|text| serde_json::from_str(text).map_err(Error::internal)).collect()
    }

    /// Records a slice of a check. False: another node has recorded it.
    pub async fn record_check(
        &self,
        check: &Check,
        progress: &Progress,
        findings: &[Finding],
        now: Timestamp,
    ) -> Result<bool> {
        let permit = Permit::for_service(authority::KeepStoreCheck, self);
        let findings: Result<_> = findings.iter().map(text_of).collect();
        let slice = RecordCheckSlice {
            id: check.row.id.clone(),
            version: check.row.version,
            progress: text_of(progress)?,
            findings: findings?,
            ended_at: (progress.step == Step::End).then(|| -> Micros { micros(now) }),
        };
        match permit.write(|()| slice).await {
            Ok(()) => Ok(true),
            Err(OpError::Refused(_recorded)) => Ok(false),
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }
}

fn text_of<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}
