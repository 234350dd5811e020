//! Moves a repository to the registry of another account. The rows of a repository begin with the key of its registry, so
//! each of them is written again: in one transaction, which sees the repository whole and is whole or not at all. So a
//! repository that is moved has a limited number of images and of rows. Its ID stays.

use aws::ids::AccountId;

use crate::{
    Micros, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        decided_versions::DecidedVersions,
        lifecycle_policy::LIFECYCLE_POLICY,
        lifecycle_preview::LIFECYCLE_PREVIEW,
        operation, peer_order,
        referrers_delete::ORPHANED_REFERRERS,
        referrers_queue::REPLICATED_SUBJECT,
        repository::{Hold, RepositoryRow, hold, repository_columns},
        repository_rename::{Redirect, end_redirects},
        storage_class::RESTORE_IMAGE,
        usage,
        work::{doom_uploads, end_of, enqueue_sooner, move_to},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Moves a repository to another registry.
#[derive(Clone, Debug)]
pub struct MoveRepository {
    pub repository: RepositoryKey,
    /// The registry that gets it: another one.
    pub registry: RegistryKey,
    /// The account of that registry, for the events.
    pub account_id: AccountId,
    /// Its name there.
    pub name: String,
    /// Until when the old name leads to the repository.
    pub redirect_until: Micros,
    /// What was decided on.
    pub decided: DecidedVersions,
    /// How many images it may have.
    pub images_limit: u64,
    /// How many rows it may have in all tables.
    pub rows_limit: i64,
    /// How many repositories the registry may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a repository was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveRepositoryRefusal {
    /// It does not exist.
    NotFound,
    /// Its tags or policies are others than those that were decided on.
    SettingsChanged,
    /// The other registry has a repository with the name.
    NameTaken,
    /// The other registry has as many repositories as its quota allows.
    Limit,
    /// It has more images than one transaction moves.
    TooManyImages,
    /// It has more rows than one transaction moves: an image can have many tags, a long history and many layers.
    TooManyRows,
}

/// The columns of a repository that stay.
pub(crate) const OF_REPOSITORY: &str = "created_at, deleted_at, operation, mutability, exclusion_filters, scan_on_push, \
    encryption_type, kms_key, policy_version, tags_version, last_image_id, image_count, tag_count, departures";

/// The columns of an image that stay.
pub(crate) const OF_IMAGE: &str = "repository, id, digest, media_type, artifact_type, config_media_type, manifest_size, \
    image_size, subject, annotations, status, tagged, tag_count, pushed_at, pushed_by, last_tagged_at, \
    last_activated_at, origin, operation, last_archived_at, restored_at, protected_at, displaced_at";

/// The tables whose rows move with the repository. Rows of images refer to `image`, whose rows are written before.
pub(crate) const MOVED: [&str; 17] = [
    "tag",
    "tag_history",
    "upstream_tag",
    "image_blob",
    "image_child",
    "image_pull",
    "image_scan",
    "manifest_body",
    "blob_link",
    "link_review",
    "lifecycle_policy",
    "lifecycle_action",
    "repository_tag",
    "repository_policy",
    "repository_catalog_data",
    "replication_peer",
    "setting_change",
];

/// The tables whose rows end: what the account that had the repository replicates, and the results of previews.
pub(crate) const ENDED: [&str; 4] =
    ["replication", "settings_replication", "lifecycle_preview_result", "lifecycle_preview"];

operation!(
    MoveRepository: Durable [
        Repository(op.repository), Contents(op.repository), Repository(op.moved()), Contents(op.moved())
    ] -> RepositoryRow, MoveRepositoryRefusal,
    |op, tx| {
        let Some(held) = hold(tx, op.repository, Hold::Delete).await? else {
            // This operation ran before, or the repository is gone.
            return Ok(op.find_moved(tx).await?.ok_or(MoveRepositoryRefusal::NotFound));
        };
        if !op.decided.are_those_of(tx, &held.row).await? {
            return Ok(Err(MoveRepositoryRefusal::SettingsChanged));
        }
        if held.image_count > op.images_limit {
            return Ok(Err(MoveRepositoryRefusal::TooManyImages));
        }
        if !op.has_few_rows(tx).await? {
            return Ok(Err(MoveRepositoryRefusal::TooManyRows));
        }
        if !op.insert_repository(tx).await? {
            return Ok(Err(MoveRepositoryRefusal::NameTaken));
        }
        if !op.count(tx).await? {
            return Ok(Err(MoveRepositoryRefusal::Limit));
        }
        op.end_uploads(tx).await?;
        peer_order::outlive(tx, op.repository).await?;
        usage::moved(tx, op.repository, op.moved()).await?;
        op.move_rows(tx).await?;
        op.move_work(tx).await?;
        op.redirect(tx, &held.row.name).await?;
        let RepositoryKey { registry, id } = op.repository;
        tx.execute("DELETE FROM repository WHERE registry = ?1 AND id = ?2", &params![registry, id]).await?;
        Ok(op.find_moved(tx).await?.ok_or(MoveRepositoryRefusal::NotFound))
    }
);

impl MoveRepository {
    /// The key that the repository gets.
    fn moved(&self) -> RepositoryKey {
        RepositoryKey { registry: self.registry, id: self.repository.id }
    }

    async fn find_moved(&self, tx: &mut Tx<'_>) -> Result<Option<RepositoryRow>, StoreError> {
        let select = concat!(
            "SELECT ",
            repository_columns!(),
            " FROM repository r WHERE r.registry = ?1 AND r.id = ?2 AND r.name = ?3 AND r.deleted_at IS NULL"
        );
        let row = tx.row(select, &params![self.registry, self.repository.id, self.name]).await?;
        row.map(|mut row| RepositoryRow::read(&mut row)).transpose()
    }

    /// Whether its rows are within the limit. No more rows than the limit are read.
    async fn has_few_rows(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let mut left = self.rows_limit;
        for table in MOVED.iter().chain(&ENDED).chain(&["image", "upload"]) {
            let count = format!(
                "SELECT COUNT(*) FROM \
                 (SELECT 1 FROM {table} WHERE registry = ?1 AND repository = ?2 LIMIT ?3) found"
            );
            let most = left.saturating_add(1);
            left -= tx.value::<i64>(&count, &params![registry, id, most]).await?.unwrap_or_default();
            if left < 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the row of the repository, unless its name is taken.
    async fn insert_repository(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let insert = format!(
            "INSERT INTO repository (registry, id, name, imports_after, {OF_REPOSITORY}) \
             SELECT ?3, id, ?4, last_image_id, {OF_REPOSITORY} FROM repository WHERE registry = ?1 AND id = ?2 \
             ON CONFLICT (registry, name) WHERE deleted_at IS NULL DO NOTHING"
        );
        let RepositoryKey { registry, id } = self.repository;
        Ok(tx.execute(&insert, &params![registry, id, self.registry, self.name]).await? == 1)
    }

    /// Counts the repository where it is now, unless the quota is full. The registries are changed in one order, so that
    /// two moves never wait for each other.
    async fn count(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let leave = "UPDATE registry SET repository_count = repository_count - 1 WHERE key = ?1";
        let join = "UPDATE registry SET repository_count = repository_count + 1 \
                    WHERE key = ?1 AND repository_count < ?2";
        let (old, new) = (self.repository.registry, self.registry);
        if old < new {
            tx.execute(leave, &params![old]).await?;
        }
        let counted = tx.execute(join, &params![new, self.limit]).await? == 1;
        if old > new {
            tx.execute(leave, &params![old]).await?;
        }
        Ok(counted)
    }

    /// Uploads end: they were allowed by the account that had the repository.
    async fn end_uploads(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let delete = "DELETE FROM upload WHERE registry = ?1 AND repository = ?2 \
                      RETURNING registry, repository, object_key, received";
        let rows = tx.rows(delete, &params![self.repository.registry, self.repository.id]).await?;
        doom_uploads(tx, rows, self.at).await.map(|_| ())
    }

    async fn move_rows(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let images = format!(
            "INSERT INTO image (registry, {OF_IMAGE}) SELECT ?3, {OF_IMAGE} FROM image \
             WHERE registry = ?1 AND repository = ?2"
        );
        tx.execute(&images, &params![registry, id, self.registry]).await?;
        for table in MOVED {
            let update = format!("UPDATE {table} SET registry = ?3 WHERE registry = ?1 AND repository = ?2");
            tx.execute(&update, &params![registry, id, self.registry]).await?;
        }
        for table in ENDED.iter().chain(&["image"]) {
            let delete = format!("DELETE FROM {table} WHERE registry = ?1 AND repository = ?2");
            tx.execute(&delete, &params![registry, id]).await?;
        }
        Ok(())
    }

    /// Moves what waits to be done. A claim of it is not valid any more: it is done again under the new key.
    async fn move_work(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let keys = (self.repository, self.moved());
        for kind in [RESTORE_IMAGE, ORPHANED_REFERRERS] {
            move_to(tx, kind, keys).await?;
        }
        end_of(tx, REPLICATED_SUBJECT, self.repository).await?;
        let preview = "DELETE FROM work WHERE kind IN (?1, ?2) AND key = ?3";
        let key = self.repository.to_text();
        tx.execute(preview, &params![LIFECYCLE_PREVIEW, LIFECYCLE_POLICY, key]).await?;
        let policy = "SELECT 1 FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2";
        if tx.value::<i64>(policy, &params![self.registry, self.repository.id]).await?.is_some() {
            enqueue_sooner(tx, LIFECYCLE_POLICY, &self.moved().to_text(), self.at).await?;
        }
        Ok(())
    }

    /// Has the old name and all names before it lead to the repository.
    async fn redirect(&self, tx: &mut Tx<'_>, name: &str) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let earlier = "UPDATE repository_redirect SET target = ?3 WHERE registry = ?1 AND repository = ?2 AND target IS NULL";
        tx.execute(earlier, &params![registry, id, self.registry]).await?;
        let of_others = "UPDATE repository_redirect SET target = ?3 WHERE target = ?1 AND repository = ?2";
        tx.execute(of_others, &params![registry, id, self.registry]).await?;
        end_redirects(tx, self.registry, &self.name, self.at).await?;
        let to = self.moved();
        Redirect { registry, name, to, until: self.redirect_until }.begin(tx, self.at).await
    }
}
