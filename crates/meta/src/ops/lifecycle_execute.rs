//! Carries out what a lifecycle policy decided, in slices, and records it. Each condition is checked again in the
//! transaction that deletes or archives.

use aws::ids::{AccountId, Region};
use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        archive::archive,
        image_delete::{DeleteOutcome, delete_digest},
        lifecycle_image::ARCHIVED,
        lifecycle_policy::allows_extensions,
        operation,
        protection::{before_reports, protection_of},
        repository::{Hold, hold},
        work::Claim,
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// How many actions of a repository are kept.
const MOST_ACTIONS: i64 = 10_000;

/// What happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleAction {
    /// It is deleted.
    Expire,
    /// It moves to the archive.
    Archive,
}

impl LifecycleAction {
    /// Its name in the database and in APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expire => "EXPIRE",
            Self::Archive => "TRANSITION",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Self, StoreError> {
        match text {
            "EXPIRE" => Ok(Self::Expire),
            "TRANSITION" => Ok(Self::Archive),
            _ => Err(StoreError::Corrupt("the action of a lifecycle rule")),
        }
    }
}

/// One image that a rule marked, as it was when that was decided.
#[derive(Clone, Debug)]
pub struct LifecycleItem {
    pub image: ImageId,
    pub digest: Digest,
    pub action: LifecycleAction,
    /// The rule; None if it follows a subject that went before.
    pub rule: Option<u32>,
    /// Why, for the record.
    pub reason: String,
    pub is_archived: bool,
    pub activated_at: Micros,
    /// When it was last pulled, if the rule is about that.
    pub pulled_at: Option<Option<Micros>>,
    /// When it last got a tag, if the rule is about that.
    pub tagged_at: Option<Option<Micros>>,
    /// Its tags, in byte order.
    pub tags: Vec<String>,
    /// How many departures since the evaluation leave the decision as it is; None if departures do not matter.
    pub spare: Option<u32>,
}

/// Carries out a slice of the decisions of an evaluation.
#[derive(Clone, Debug)]
pub struct ExecuteLifecyclePolicy {
    pub repository: RepositoryKey,
    /// The claim of the work. What another claim deletes does not count as a departure, so decisions of an earlier
    /// evaluation must not be carried out after it.
    pub claim: Claim,
    /// The version of the policy that was evaluated.
    pub policy_version: i64,
    /// Whether the policy uses extensions of Wharf, which the registry must allow.
    pub uses_extensions: bool,
    /// The departures of the repository when the evaluation began.
    pub departures: i64,
    pub items: Vec<LifecycleItem>,
    /// The account of the repository, for the events of what was done.
    pub account_id: AccountId,
    /// Its Region.
    pub region: Region,
    /// Its name.
    pub repository_name: String,
    /// Now.
    pub at: Micros,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleOutcome {
    /// The image and its tags were deleted.
    Expired,
    /// The image is in the archive.
    Archived,
    /// The image has changed since the evaluation, or is gone. It stays as it is.
    Changed,
    /// An index that stays lists it, its subject stays, or it is protected.
    Held,
}

/// The policy was changed or removed since the evaluation, another claim has replaced this one, the extensions of the
/// policy are not allowed any more, or the repository is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecyclePolicyChanged;

operation!(
    ExecuteLifecyclePolicy: Durable [Contents(op.repository)] -> Vec<LifecycleOutcome>, LifecyclePolicyChanged,
    |op, tx| {
        if hold(tx, op.repository, Hold::Change).await?.is_none() {
            return Ok(Err(LifecyclePolicyChanged));
        }
        if !op.claim.is_current(tx).await? {
            return Ok(Err(LifecyclePolicyChanged));
        }
        let RepositoryKey { registry, id } = op.repository;
        let version = "SELECT version FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2";
        if tx.value::<i64>(version, &params![registry, id]).await? != Some(op.policy_version) {
            return Ok(Err(LifecyclePolicyChanged));
        }
        if op.uses_extensions && !allows_extensions(tx, op.repository).await? {
            return Ok(Err(LifecyclePolicyChanged));
        }
        before_reports(tx, op.repository).await?;
        let departed = departures(tx, op.repository).await?;
        let since = departed.saturating_sub(op.departures);
        let mut outcomes = Vec::with_capacity(op.items.len());
        for item in &op.items {
            let holds = item.spare.is_none_or(|spare| since <= i64::from(spare));
            outcomes.push(if holds { op.carry_out(tx, item).await? } else { LifecycleOutcome::Changed });
        }
        // What this operation deleted was marked: it takes nothing out of a rule.
        let update = "UPDATE repository SET departures = ?3 WHERE registry = ?1 AND id = ?2";
        tx.execute(update, &params![registry, id, departed]).await?;
        op.record(tx, &outcomes).await?;
        Ok(Ok(outcomes))
    }
);

async fn departures(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<i64, StoreError> {
    let select = "SELECT departures FROM repository WHERE registry = ?1 AND id = ?2";
    let departures = tx.value(select, &params![repository.registry, repository.id]).await?;
    departures.ok_or(StoreError::Bug("a held repository is not there"))
}

impl ExecuteLifecyclePolicy {
    async fn carry_out(&self, tx: &mut Tx<'_>, item: &LifecycleItem) -> Result<LifecycleOutcome, StoreError> {
        let Some(subject) = self.unchanged(tx, item).await? else { return Ok(LifecycleOutcome::Changed) };
        if self.is_held_by_subject(tx, item.action, subject).await? {
            return Ok(LifecycleOutcome::Held);
        }
        match item.action {
            LifecycleAction::Expire => {
                Ok(match delete_digest(tx, self.repository, &item.digest, true, self.at).await? {
                    DeleteOutcome::Removed(_) => LifecycleOutcome::Expired,
                    DeleteOutcome::ReferencedByList(_) | DeleteOutcome::Protected(_) => {
                        LifecycleOutcome::Held
                    }
                    DeleteOutcome::NotFound | DeleteOutcome::TagDigestMismatch => LifecycleOutcome::Changed,
                })
            }
            LifecycleAction::Archive => self.archive(tx, item).await,
        }
    }

    /// The subject of the image (none: not a referrer), if the image is as it was evaluated.
    async fn unchanged(
        &self,
        tx: &mut Tx<'_>,
        item: &LifecycleItem,
    ) -> Result<Option<Option<Digest>>, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT i.digest, i.status, i.last_activated_at, i.subject, q.last_pulled_at, i.last_tagged_at FROM image i \
            LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id \
            WHERE i.registry = ?1 AND i.repository = ?2 AND i.id = ?3";
        let Some(mut row) = tx.row(select, &params![registry, id, item.image]).await? else {
            return Ok(None);
        };
        let (digest, status): (Digest, i64) = (row.take()?, row.take()?);
        let (activated_at, subject): (Micros, Option<Digest>) = (row.take()?, row.take()?);
        let (pulled_at, tagged_at): (Option<Micros>, Option<Micros>) = (row.take()?, row.take()?);
        let expected = if item.is_archived { ARCHIVED } else { 1 };
        let is_same = digest == item.digest
            && status == expected
            && activated_at == item.activated_at
            && item.pulled_at.is_none_or(|expected| expected == pulled_at)
            && item.tagged_at.is_none_or(|expected| expected == tagged_at);
        if !is_same {
            return Ok(None);
        }
        let select =
            "SELECT name FROM tag WHERE registry = ?1 AND repository = ?2 AND image = ?3 ORDER BY name";
        let rows = tx.rows(select, &params![registry, id, item.image]).await?;
        let tags: Result<Vec<String>, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
        Ok((tags? == item.tags).then_some(subject))
    }

    /// A referrer is deleted after its subject is gone, and archived after its subject is archived.
    async fn is_held_by_subject(
        &self,
        tx: &mut Tx<'_>,
        action: LifecycleAction,
        subject: Option<Digest>,
    ) -> Result<bool, StoreError> {
        let Some(subject) = subject else { return Ok(false) };
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT status FROM image WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
        let status: Option<i64> = tx.value(select, &params![registry, id, subject]).await?;
        Ok(match action {
            LifecycleAction::Expire => status.is_some(),
            LifecycleAction::Archive => status != Some(ARCHIVED),
        })
    }

    async fn archive(&self, tx: &mut Tx<'_>, item: &LifecycleItem) -> Result<LifecycleOutcome, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT 1 FROM image_child c \
            JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image \
            WHERE c.registry = ?1 AND c.repository = ?2 AND c.digest = ?3 AND p.id <> ?4 AND p.status <> ?5 LIMIT 1";
        let values = params![registry, id, item.digest, item.image, ARCHIVED];
        if tx.value::<i64>(select, &values).await?.is_some() {
            return Ok(LifecycleOutcome::Held);
        }
        if protection_of(tx, self.repository, item.image, self.at).await?.is_some() {
            return Ok(LifecycleOutcome::Held);
        }
        archive(tx, self.repository, item.image, self.at).await?;
        Ok(LifecycleOutcome::Archived)
    }

    /// Writes what was done, and removes the oldest records.
    async fn record(&self, tx: &mut Tx<'_>, outcomes: &[LifecycleOutcome]) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT MAX(id) FROM lifecycle_action WHERE registry = ?1 AND repository = ?2";
        let mut last = tx.value::<Option<i64>>(select, &params![registry, id]).await?.flatten().unwrap_or(0);
        for (item, outcome) in self.items.iter().zip(outcomes) {
            if !matches!(outcome, LifecycleOutcome::Expired | LifecycleOutcome::Archived) {
                continue;
            }
            last += 1;
            let insert = "INSERT INTO lifecycle_action (registry, repository, id, at, digest, tags, action, \
                rule_priority, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let tags = write_tags(&item.tags)?;
            let (action, rule) = (item.action.as_str(), item.rule.map(i64::from));
            let values = params![registry, id, last, self.at, item.digest, tags, action, rule, item.reason];
            tx.execute(insert, &values).await?;
        }
        let trim = "DELETE FROM lifecycle_action WHERE registry = ?1 AND repository = ?2 AND id <= ?3";
        tx.execute(trim, &params![registry, id, last - MOST_ACTIONS]).await?;
        Ok(())
    }
}

pub(crate) fn write_tags(tags: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(tags).map_err(|_| StoreError::Bug("tags cannot be written as JSON"))
}

pub(crate) fn read_tags(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt("the tags of a lifecycle record"))
}

/// Records that the policy was evaluated.
#[derive(Clone, Debug)]
pub struct RecordLifecycleEvaluation {
    pub repository: RepositoryKey,
    /// The version of the policy that was evaluated.
    pub version: i64,
    /// When the evaluation began.
    pub at: Micros,
}

operation!(RecordLifecycleEvaluation: Durable [] -> (), Never, |op, tx| {
    let update = "UPDATE lifecycle_policy SET last_evaluated_at = ?4 \
                  WHERE registry = ?1 AND repository = ?2 AND version = ?3";
    tx.execute(update, &params![op.repository.registry, op.repository.id, op.version, op.at]).await?;
    Ok(Ok(()))
});

/// What was done to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleRecord {
    /// Grows with each record of the repository.
    pub id: i64,
    pub at: Micros,
    pub digest: Digest,
    pub tags: Vec<String>,
    pub action: LifecycleAction,
    /// The rule; None if the image followed a subject that went before.
    pub rule: Option<u32>,
    pub reason: String,
}

/// Lists the records of a repository, the newest first.
#[derive(Clone, Debug)]
pub struct ListLifecycleRecords {
    pub repository: RepositoryKey,
    /// Only records before this one.
    pub before: Option<i64>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListLifecycleRecords: List -> Vec<LifecycleRecord>, Never, |op, tx| {
    let select = "SELECT id, at, digest, tags, action, rule_priority, reason FROM lifecycle_action \
                  WHERE registry = ?1 AND repository = ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
    let before = op.before.unwrap_or(i64::MAX);
    let rows = tx.rows(select, &params![op.repository.registry, op.repository.id, before, op.limit]).await?;
    let records: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(LifecycleRecord {
        id: row.take()?,
        at: row.take()?,
        digest: row.take()?,
        tags: read_tags(&row.take::<String>()?)?,
        action: LifecycleAction::read(&row.take::<String>()?)?,
        rule: row.take::<Option<i64>>()?.and_then(|rule| u32::try_from(rule).ok()),
        reason: row.take()?,
    })).collect();
    Ok(Ok(records?))
});
