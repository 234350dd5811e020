//! PutImage: the transaction of a manifest push, from either API.

use std::collections::HashSet;

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, OperationId, RepositoryKey, StoreError, Tx,
    mutability::is_immutable,
    ops::{
        archive::{activate, bring_back_layers},
        image::{ImageRow, ImageState, image_columns},
        image_members::{insert_members, largest_child},
        lifecycle_policy::evaluate_soon,
        operation,
        replication_queue::{queue_push, queue_restored},
        repository::{Held, Hold, hold},
        repository_policy::{account_setting, is_enabled},
        tag::{count_departures, count_repository},
        tag_history,
        usage::{self, Change},
    },
    tx::{chunks, list, push_list},
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// What to do if the image exists already with these tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameDigestSameTag {
    /// Success, even if tags are immutable: the data plane.
    Accept,
    /// `ImageAlreadyExistsException`: ECR's PutImage.
    Refuse,
}

/// What to do if the repository does not have what a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingContents {
    /// The push is refused: ECR's PutImage.
    Refuse,
    /// The push is refused unless the registry accepts sparse images ([`SPARSE_IMAGES`]): the data plane.
    AsTheRegistrySays,
    /// The image is accepted: it comes from an upstream registry, and so does what is missing when it is pulled. It counts
    /// as imported if the repository still has this name, for which that was decided.
    Import { name: String },
}

/// The account setting that lets a registry take images whose blobs, and indexes whose children, are missing. A setting
/// of Wharf's own; ECR has none.
pub const SPARSE_IMAGES: &str = "WHARF_SPARSE_IMAGES";

/// The origin of images that came from an upstream registry. Those that came before this was recorded have that of a push.
pub(crate) const IMPORTED: &str = "pull_through";
const PUSHED: &str = "push";

/// Puts an image into a repository and sets tags on it.
#[derive(Clone, Debug)]
pub struct PutImage {
    pub repository: RepositoryKey,
    /// How many tags an image may have.
    pub tags_limit: u64,
    /// How many images the repository may have.
    pub images_limit: u64,
    /// A new image would exceed a storage quota. One that the repository has adds nothing, and may get a tag.
    pub is_over_storage_quota: bool,
    /// Its ID if it is new, from the clock. The repository raises it above all earlier IDs.
    pub id: ImageId,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Media type of the manifest.
    pub media_type: String,
    /// Effective artifact type.
    pub artifact_type: Option<String>,
    pub config_media_type: Option<String>,
    /// The manifest.
    pub body: Vec<u8>,
    /// Size of the layers and the config. For an index, the size of the largest child if that is larger.
    pub image_size: u64,
    /// The image that it refers to.
    pub subject: Option<Digest>,
    pub annotations_json: Option<Vec<u8>>,
    /// The blobs that it refers to. Each reference is stored, whether or not the repository has the blob.
    pub blobs: Vec<Digest>,
    /// Those of them that are stored elsewhere and need not be in the repository.
    pub foreign: Vec<Digest>,
    /// Images that an index lists.
    pub children: Vec<Digest>,
    /// What it means that others of them are missing.
    pub missing: MissingContents,
    pub tags: Vec<Tag>,
    /// Who pushes.
    pub pushed_by: String,
    /// Who moves the tags: an ARN, for their history.
    pub moved_by: String,
    /// Now.
    pub at: Micros,
    /// The request.
    pub op: OperationId,
    /// What a repeated push means.
    pub same_digest_same_tag: SameDigestSameTag,
}

/// An image that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutImageOutcome {
    /// The image as it is now.
    pub image: ImageRow,
    /// Whether it is new in the repository.
    pub created: bool,
    /// Whether it came back from the archive.
    pub is_restored: bool,
    /// The tags that name it now and did not before.
    pub tags_moved: Vec<Tag>,
}

/// Why an image was not put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutImageRefusal {
    /// The repository does not exist.
    RepositoryGone,
    /// The repository does not link these blobs.
    LayersNotFound(Vec<Digest>),
    /// The repository does not have these children.
    ReferencedImagesNotFound(Vec<Digest>),
    /// The tag names another image and must not move.
    TagImmutable {
        tag: Tag,
        /// The image that it names.
        current: Digest,
    },
    /// The image is there under these very tags.
    ImageAlreadyExists {
        /// The image.
        digest: Digest,
        /// The tag that was asked for, if one was.
        tag: Option<Tag>,
    },
    /// The image would have more tags than the limit.
    TooManyTags,
    /// The repository would have more images than the limit.
    TooManyImages,
    /// The image is new, and would exceed a storage quota.
    OverStorageQuota,
}

/// A tag that is asked for, and what it names now.
struct CurrentTag {
    tag: Tag,
    image: ImageId,
    digest: Digest,
    op: OperationId,
}

operation!(PutImage: Contended [Contents(op.repository)] -> PutImageOutcome, PutImageRefusal, |op, tx| {
    let Some(held) = hold(tx, op.repository, Hold::Change).await? else {
        return Ok(Err(PutImageRefusal::RepositoryGone));
    };
    let outcome = op.put(tx, &held).await?;
    if let Ok(PutImageOutcome { image, created, is_restored, tags_moved }) = &outcome {
        if *is_restored {
            queue_restored(tx, op.repository, &[image.id], op.at).await?;
        } else if *created || !tags_moved.is_empty() {
            queue_push(tx, op.repository, &op.digest, tags_moved, op.at).await?;
        }
    }
    Ok(outcome)
});

impl PutImage {
    /// Puts the image into its repository, without its replication to other registries.
    pub(crate) async fn put(
        &self,
        tx: &mut Tx<'_>,
        held: &Held,
    ) -> Result<Result<PutImageOutcome, PutImageRefusal>, StoreError> {
        let has_archived_layers = match self.check_contents(tx).await? {
            Ok(has_archived) => has_archived,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let existing = self.find(tx).await?;
        let current = self.current_tags(tx).await?;
        let wanted: Vec<Tag> = self
            .tags
            .iter()
            .filter(|tag| !current.iter().any(|now| now.tag == **tag && now.digest == self.digest))
            .cloned()
            .collect();
        if let Err(refusal) = self.rule(held, existing.as_ref(), &current, &wanted) {
            return Ok(Err(refusal));
        }
        let (id, created) = match &existing {
            Some((image, own)) => {
                self.mark_imported(tx, held, image.id).await?;
                (image.id, *own)
            }
            None => (self.insert(tx, held).await?, true),
        };
        let was_untagged = existing.as_ref().is_some_and(|(image, _)| image.tag_count == 0);
        let is_restored = existing.as_ref().is_some_and(|(image, _)| image.state != ImageState::Active);
        if is_restored {
            activate(tx, self.repository, id, self.at).await?;
        } else if has_archived_layers {
            bring_back_layers(tx, self.repository, id, self.at).await?;
        }
        self.set_tags(tx, id, was_untagged, &current, &wanted).await?;
        if existing.is_none() || is_restored || !wanted.is_empty() {
            evaluate_soon(tx, self.repository, self.at).await?;
        }
        let (image, _) = self.find(tx).await?.ok_or(StoreError::Bug("an image that was put is not there"))?;
        // An earlier run of this operation has moved its tags already.
        let own = |tag: &Tag| current.iter().any(|now| now.tag == *tag && now.op == self.op);
        let tags_moved = self.tags.iter().filter(|tag| wanted.contains(tag) || own(tag)).cloned().collect();
        Ok(Ok(PutImageOutcome { image, created, is_restored, tags_moved }))
    }

    fn keys(&self) -> Vec<Param<'_>> {
        params![self.repository.registry, self.repository.id].to_vec()
    }

    /// Which of these digests are not in the table (`blob_link`, or `image` with the state), in their order; and whether a
    /// row has the flag in this column.
    async fn missing(
        &self,
        tx: &mut Tx<'_>,
        (table, state, flag): (&str, &str, &str),
        digests: &[Digest],
    ) -> Result<(Vec<Digest>, bool), StoreError> {
        let (mut there, mut has_flag) = (HashSet::new(), false);
        for chunk in chunks(digests) {
            let sql = format!(
                "SELECT digest, {flag} FROM {table} WHERE registry = ?1 AND repository = ?2{state} AND digest IN ({})",
                list(3, chunk.len())
            );
            let mut values = self.keys();
            push_list(&mut values, chunk);
            for mut row in tx.rows(&sql, &values).await? {
                there.insert(row.take::<Digest>()?);
                has_flag |= row.take::<bool>()?;
            }
        }
        let mut seen = HashSet::new();
        let missing = digests.iter().filter(|digest| !there.contains(*digest) && seen.insert(**digest));
        Ok((missing.copied().collect(), has_flag))
    }

    /// Checks that everything that the manifest requires exists. Returns whether a layer of it is archived.
    async fn check_contents(&self, tx: &mut Tx<'_>) -> Result<Result<bool, PutImageRefusal>, StoreError> {
        let foreign: HashSet<&Digest> = self.foreign.iter().collect();
        let required: Vec<Digest> =
            self.blobs.iter().filter(|digest| !foreign.contains(digest)).copied().collect();
        let (missing, has_archived) = self.missing(tx, ("blob_link", "", "archived"), &required).await?;
        if !missing.is_empty() && !self.may_be_sparse(tx).await? {
            return Ok(Err(PutImageRefusal::LayersNotFound(missing)));
        }
        // An archived image cannot be pulled, and stays in the archive only while no active index lists it.
        let of_images = ("image", " AND status = 1", "0");
        let (missing, _) = self.missing(tx, of_images, &self.children).await?;
        if !missing.is_empty() && !self.may_be_sparse(tx).await? {
            return Ok(Err(PutImageRefusal::ReferencedImagesNotFound(missing)));
        }
        Ok(Ok(has_archived))
    }

    /// Whether the registry accepts images whose contents are missing. Read only if something is missing.
    async fn may_be_sparse(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        match self.missing {
            MissingContents::Refuse => Ok(false),
            MissingContents::Import { .. } => Ok(true),
            MissingContents::AsTheRegistrySays => {
                Ok(is_enabled(account_setting(tx, self.repository.registry, SPARSE_IMAGES).await?))
            }
        }
    }

    /// The image if it exists, and whether this operation created it.
    async fn find(&self, tx: &mut Tx<'_>) -> Result<Option<(ImageRow, bool)>, StoreError> {
        let select = concat!(
            "SELECT ",
            image_columns!(),
            ", i.operation FROM image i WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3"
        );
        let row = tx.row(select, &params![self.repository.registry, self.repository.id, self.digest]).await?;
        let Some(mut row) = row else { return Ok(None) };
        let image = ImageRow::read(&mut row)?;
        Ok(Some((image, row.take::<OperationId>()? == self.op)))
    }

    async fn current_tags(&self, tx: &mut Tx<'_>) -> Result<Vec<CurrentTag>, StoreError> {
        let mut current = Vec::new();
        for tags in chunks(&self.tags) {
            let sql = format!(
                "SELECT t.name, t.image, i.digest, t.operation FROM tag t \
                 JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
                 WHERE t.registry = ?1 AND t.repository = ?2 AND t.name IN ({})",
                list(3, tags.len())
            );
            let mut values = self.keys();
            push_list(&mut values, tags);
            for mut row in tx.rows(&sql, &values).await? {
                let (tag, image) = (row.take()?, row.take()?);
                current.push(CurrentTag { tag, image, digest: row.take()?, op: row.take()? });
            }
        }
        Ok(current)
    }

    /// Mutability, repeats and quotas.
    fn rule(
        &self,
        repository: &Held,
        existing: Option<&(ImageRow, bool)>,
        current: &[CurrentTag],
        wanted: &[Tag],
    ) -> Result<(), PutImageRefusal> {
        let moving =
            current.iter().find(|now| now.digest != self.digest && is_immutable(&repository.row, &now.tag));
        if let Some(now) = moving {
            return Err(PutImageRefusal::TagImmutable { tag: now.tag.clone(), current: now.digest });
        }
        let Some((image, own)) = existing else {
            if self.is_over_storage_quota {
                return Err(PutImageRefusal::OverStorageQuota);
            }
            let full = repository.image_count >= self.images_limit;
            return if full { Err(PutImageRefusal::TooManyImages) } else { Ok(()) };
        };
        let own = *own || current.iter().any(|now| now.op == self.op);
        // A push of an archived image restores it.
        let own = own || image.state != ImageState::Active;
        if wanted.is_empty() && !own && self.same_digest_same_tag == SameDigestSameTag::Refuse {
            let tag = self.tags.first().cloned();
            return Err(PutImageRefusal::ImageAlreadyExists { digest: self.digest, tag });
        }
        let many = image.tag_count.saturating_add(wanted.len() as u64) > self.tags_limit;
        if many && !wanted.is_empty() { Err(PutImageRefusal::TooManyTags) } else { Ok(()) }
    }

    /// Writes the image with its manifest, links and children. Returns its ID.
    async fn insert(&self, tx: &mut Tx<'_>, held: &Held) -> Result<ImageId, StoreError> {
        let RepositoryKey { registry, id: repository } = held.row.key;
        let next = "UPDATE repository SET image_count = image_count + 1, \
                last_image_id = CASE WHEN last_image_id >= ?3 THEN last_image_id + 1 ELSE ?3 END \
            WHERE registry = ?1 AND id = ?2 RETURNING last_image_id";
        let id: Option<ImageId> = tx.value(next, &params![registry, repository, self.id]).await?;
        let id = id.ok_or(StoreError::Bug("a held repository is not there"))?;
        let size = self.image_size.max(largest_child(tx, self.repository, &self.children).await?);
        let insert = "INSERT INTO image (registry, repository, id, digest, media_type, artifact_type, \
                config_media_type, manifest_size, image_size, subject, annotations, status, tagged, tag_count, \
                pushed_at, pushed_by, last_activated_at, origin, operation) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, 0, 0, ?12, ?13, ?12, ?14, ?15)";
        let manifest_size = self.body.len() as u64;
        let origin = if self.is_import(held) { IMPORTED } else { PUSHED };
        let values = params![
            registry,
            repository,
            id,
            self.digest,
            self.media_type,
            self.artifact_type,
            self.config_media_type,
            manifest_size,
            size,
            self.subject,
            self.annotations_json,
            self.at,
            self.pushed_by,
            origin,
            self.op
        ];
        tx.execute(insert, &values).await?;
        let body = "INSERT INTO manifest_body (registry, repository, image, body) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(body, &params![registry, repository, id, self.body]).await?;
        insert_members(tx, self.repository, id, &self.blobs, &self.children).await?;
        usage::add(tx, self.repository, Change::manifest(usage::signed(manifest_size))).await?;
        Ok(id)
    }

    fn is_import(&self, repository: &Held) -> bool {
        matches!(&self.missing, MissingContents::Import { name } if *name == repository.row.name)
    }

    /// An image that was pushed and now came from an upstream registry, too, counts as imported.
    async fn mark_imported(&self, tx: &mut Tx<'_>, repository: &Held, id: ImageId) -> Result<(), StoreError> {
        if self.is_import(repository) {
            let update = "UPDATE image SET origin = ?4 \
                WHERE registry = ?1 AND repository = ?2 AND id = ?3 AND origin = ?5";
            let RepositoryKey { registry, id: repository } = self.repository;
            tx.execute(update, &params![registry, repository, id, IMPORTED, PUSHED]).await?;
        }
        Ok(())
    }

    /// Points the wanted tags to the image and updates all counters.
    async fn set_tags(
        &self,
        tx: &mut Tx<'_>,
        id: ImageId,
        was_untagged: bool,
        current: &[CurrentTag],
        wanted: &[Tag],
    ) -> Result<(), StoreError> {
        let RepositoryKey { registry, id: repository } = self.repository;
        let (mut new, mut moved) = (0, 0);
        let distinct: HashSet<&Tag> = wanted.iter().collect();
        for tag in &distinct {
            let upsert = "INSERT INTO tag (registry, repository, name, image, tagged_at, operation) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (registry, repository, name) DO UPDATE \
                SET image = excluded.image, tagged_at = excluded.tagged_at, operation = excluded.operation, archived = 0, origin_at = NULL";
            tx.execute(upsert, &params![registry, repository, tag, id, self.at, self.op]).await?;
            let now = current.iter().find(|now| now.tag == **tag);
            match now {
                Some(now) => {
                    tag_history::displace(tx, self.repository, now.image, self.at).await?;
                    moved += 1;
                }
                None => new += 1,
            }
            let moved = (*tag, &self.digest, now.map(|now| &now.digest));
            tag_history::record(tx, self.repository, moved, (&self.moved_by, self.at)).await?;
        }
        if distinct.is_empty() {
            return Ok(());
        }
        if new > 0 {
            count_repository(tx, self.repository, 0, new).await?;
        }
        if moved > 0 || was_untagged {
            count_departures(tx, self.repository, moved + i64::from(was_untagged)).await?;
        }
        let update = "UPDATE image SET tag_count = tag_count + ?4, tagged = 1, last_tagged_at = ?5 \
                      WHERE registry = ?1 AND repository = ?2 AND id = ?3";
        tx.execute(update, &params![registry, repository, id, distinct.len() as u64, self.at]).await?;
        Ok(())
    }
}
