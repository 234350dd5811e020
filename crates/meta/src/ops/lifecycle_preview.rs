//! Previews of lifecycle policies: started by a request, worked out later, read in pages.

use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, Never, RepositoryKey, StoreError,
    ops::{
        image_list::{ImageRef, TagStatus},
        lifecycle_execute::{LifecycleAction, read_tags, write_tags},
        operation,
        repository::{Hold, hold},
        work::{Claim, enqueue_anew},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that works out a preview.
pub const LIFECYCLE_PREVIEW: &str = "lifecycle-preview";

/// The state of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewState {
    InProgress,
    Complete,
    Failed,
    /// Its results are removed.
    Expired,
}

impl PreviewState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        let all = [Self::InProgress, Self::Complete, Self::Failed, Self::Expired];
        all.into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Corrupt("the state of a preview"))
    }
}

/// A preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewRow {
    /// Chosen by whoever started it.
    pub id: String,
    pub document: String,
    pub state: PreviewState,
    pub started_at: Micros,
    /// How many images expire.
    pub expiring: u64,
    /// How many images move to the archive.
    pub archiving: u64,
}

const COLUMNS: &str = "id, document, state, started_at, expiring, archiving";

impl PreviewRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            document: row.take()?,
            state: PreviewState::read(&row.take::<String>()?)?,
            started_at: row.take()?,
            expiring: row.take()?,
            archiving: row.take()?,
        })
    }
}

/// Starts a preview; it replaces the one before.
#[derive(Clone, Debug)]
pub struct StartLifecyclePreview {
    pub repository: RepositoryKey,
    pub id: String,
    pub document: String,
    /// Now.
    pub at: Micros,
}

/// Why a preview was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPreviewRefusal {
    /// The repository does not exist.
    RepositoryGone,
    /// The one before has not ended.
    InProgress,
}

operation!(StartLifecyclePreview: Durable [] -> (), StartPreviewRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(StartPreviewRefusal::RepositoryGone));
    }
    let RepositoryKey { registry, id } = op.repository;
    let select = "SELECT id FROM lifecycle_preview WHERE registry = ?1 AND repository = ?2 AND state = 'IN_PROGRESS'";
    let running: Option<String> = tx.value(select, &params![registry, id]).await?;
    if running.is_some_and(|running| running != op.id) {
        return Ok(Err(StartPreviewRefusal::InProgress));
    }
    let upsert = "INSERT INTO lifecycle_preview (registry, repository, id, document, state, started_at, ended_at, \
            expiring, archiving) VALUES (?1, ?2, ?3, ?4, 'IN_PROGRESS', ?5, NULL, 0, 0) \
        ON CONFLICT (registry, repository) DO UPDATE SET id = excluded.id, document = excluded.document, \
        state = excluded.state, started_at = excluded.started_at, ended_at = NULL, expiring = 0, archiving = 0";
    tx.execute(upsert, &params![registry, id, op.id, op.document, op.at]).await?;
    enqueue_anew(tx, LIFECYCLE_PREVIEW, &op.repository.to_text(), op.at).await?;
    Ok(Ok(()))
});

/// Reads the preview of a repository.
#[derive(Clone, Debug)]
pub struct GetLifecyclePreview {
    pub repository: RepositoryKey,
}

operation!(GetLifecyclePreview: Point -> Option<PreviewRow>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} FROM lifecycle_preview WHERE registry = ?1 AND repository = ?2");
    let row = tx.row(&select, &params![op.repository.registry, op.repository.id]).await?;
    Ok(Ok(row.map(|mut row| PreviewRow::read(&mut row)).transpose()?))
});

/// An image that a preview marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewResult {
    /// Its place in the preview.
    pub position: i64,
    pub digest: Digest,
    pub tags: Vec<String>,
    pub pushed_at: Micros,
    pub action: LifecycleAction,
    /// The rule; None if the image follows a subject that went before.
    pub rule: Option<u32>,
    /// Whether it is in the archive now.
    pub is_archived: bool,
}

/// Writes results of a preview. The first slice removes those of the preview before.
#[derive(Clone, Debug)]
pub struct WritePreviewResults {
    pub repository: RepositoryKey,
    /// The preview.
    pub id: String,
    /// The claim of the work.
    pub claim: Claim,
    /// Removes all results first.
    pub is_first: bool,
    pub results: Vec<PreviewResult>,
    /// The end of the preview, after the last slice: how many images expire and how many move to the archive.
    pub ended: Option<(u64, u64)>,
    /// Now.
    pub at: Micros,
}

/// Another preview or another claim has replaced this one, or the repository is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewReplaced;

operation!(WritePreviewResults: Durable [] -> (), PreviewReplaced, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(PreviewReplaced));
    }
    // Two claims of the same preview would mix their results.
    if !op.claim.is_current(tx).await? {
        return Ok(Err(PreviewReplaced));
    }
    let select = "SELECT 1 FROM lifecycle_preview WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    if tx.value::<i64>(select, &params![registry, id, op.id]).await?.is_none() {
        return Ok(Err(PreviewReplaced));
    }
    if op.is_first {
        let delete = "DELETE FROM lifecycle_preview_result WHERE registry = ?1 AND repository = ?2";
        tx.execute(delete, &params![registry, id]).await?;
    }
    for result in &op.results {
        let insert = "INSERT INTO lifecycle_preview_result (registry, repository, position, digest, tags, pushed_at, \
            action, rule_priority, storage_class) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let tags = write_tags(&result.tags)?;
        let (action, rule) = (result.action.as_str(), result.rule.map(i64::from));
        let class = if result.is_archived { "ARCHIVE" } else { "STANDARD" };
        let (position, digest, pushed_at) = (result.position, &result.digest, result.pushed_at);
        let values = params![registry, id, position, *digest, tags, pushed_at, action, rule, class];
        tx.execute(insert, &values).await?;
    }
    if let Some((expiring, archiving)) = op.ended {
        let update = "UPDATE lifecycle_preview SET state = 'COMPLETE', ended_at = ?3, expiring = ?4, archiving = ?5 \
                      WHERE registry = ?1 AND repository = ?2";
        tx.execute(update, &params![registry, id, op.at, expiring, archiving]).await?;
    }
    Ok(Ok(()))
});

/// Ends a preview without results: it failed, or it is too old. Its results are removed.
#[derive(Clone, Debug)]
pub struct EndLifecyclePreview {
    pub repository: RepositoryKey,
    /// The preview.
    pub id: String,
    /// The claim of the work.
    pub claim: Claim,
    pub state: PreviewState,
    /// Now.
    pub at: Micros,
}

operation!(EndLifecyclePreview: Durable [] -> (), PreviewReplaced, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    if hold(tx, op.repository, Hold::Change).await?.is_none() || !op.claim.is_current(tx).await? {
        return Ok(Err(PreviewReplaced));
    }
    let update = "UPDATE lifecycle_preview SET state = ?4, ended_at = ?5 \
                  WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    if tx.execute(update, &params![registry, id, op.id, op.state.as_str(), op.at]).await? == 1 {
        let delete = "DELETE FROM lifecycle_preview_result WHERE registry = ?1 AND repository = ?2";
        tx.execute(delete, &params![registry, id]).await?;
    }
    Ok(Ok(()))
});

/// Lists results of a preview in their order.
#[derive(Clone, Debug)]
pub struct ListPreviewResults {
    pub repository: RepositoryKey,
    /// Only results after this place.
    pub after: Option<i64>,
    /// Only these images, if there are any.
    pub images: Vec<ImageRef>,
    pub tag_status: TagStatus,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListPreviewResults: List -> Vec<PreviewResult>, Never, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let tagged = match op.tag_status {
        TagStatus::Any => "",
        TagStatus::Tagged => "AND tags <> '[]'",
        TagStatus::Untagged => "AND tags = '[]'",
    };
    let mut found = Vec::new();
    let mut after = op.after.unwrap_or(-1);
    let select = format!("SELECT position, digest, tags, pushed_at, action, rule_priority, storage_class \
        FROM lifecycle_preview_result WHERE registry = ?1 AND repository = ?2 AND position > ?3 {tagged} \
        ORDER BY position LIMIT ?4");
    // Named images can be anywhere.
    let step = if op.images.is_empty() { op.limit } else { op.limit.max(1_000) };
    while found.len() < op.limit {
        let rows = tx.rows(&select, &params![registry, id, after, step]).await?;
        let is_last = rows.len() < step;
        for mut row in rows {
            let result = read_result(&mut row)?;
            after = result.position;
            let is_wanted = op.images.is_empty() || op.images.iter().any(|image| names(image, &result));
            if is_wanted && found.len() < op.limit {
                found.push(result);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(Ok(found))
});

fn read_result(row: &mut Row) -> Result<PreviewResult, StoreError> {
    Ok(PreviewResult {
        position: row.take()?,
        digest: row.take()?,
        tags: read_tags(&row.take::<String>()?)?,
        pushed_at: row.take()?,
        action: LifecycleAction::read(&row.take::<String>()?)?,
        rule: row.take::<Option<i64>>()?.and_then(|rule| u32::try_from(rule).ok()),
        is_archived: row.take::<String>()? == "ARCHIVE",
    })
}

fn names(image: &ImageRef, result: &PreviewResult) -> bool {
    let has = |tag: &Tag| result.tags.iter().any(|name| name == tag.as_str());
    image.digest.is_none_or(|digest| digest == result.digest) && image.tag.as_ref().is_none_or(has)
}
