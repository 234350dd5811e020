//! The steps of small histories, and what must be true after each.

use std::collections::{BTreeMap, BTreeSet};

use oci::digest::Digest;

use super::lifecycle::{Unclaimed, execution, item};
use super::world::{TAGS_LIMIT, digest, tag};
use crate::tx::Tx;
use crate::value::params;
use crate::*;

const REGISTRY: RegistryKey = RegistryKey(10);
const APP: RepositoryKey = RepositoryKey { registry: REGISTRY, id: 1 };
const OTHER: RepositoryKey = RepositoryKey { registry: REGISTRY, id: 2 };

/// One operation of an actor.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Create,
    Advance(u64),
    Cancel,
    Complete(&'static str),
    Head(&'static str),
    Mount(&'static str),
    Put {
        in_app: bool,
        image: &'static str,
        layers: &'static [&'static str],
        tag: &'static str,
    },
    DeleteTag(&'static str),
    Delete(&'static str),
    Archive(&'static str),
    Restore(&'static str),
    /// Reads all images, which a policy marks.
    Evaluate,
    Execute,
    ReadLinks,
    EndLinks,
    ReadObjects,
    EndObjects,
    ClaimBytes,
    /// The bytes of what was claimed are gone.
    ForgetBytes,
    /// The last three in one.
    EndAndSweep,
}

/// The steps of a collector. The short ones are for histories with three actors.
pub(super) const fn collector(short: bool) -> &'static [Step] {
    if short {
        return &[Step::ReadLinks, Step::EndLinks, Step::ReadObjects, Step::EndAndSweep];
    }
    &[
        Step::ReadLinks,
        Step::EndLinks,
        Step::ReadObjects,
        Step::EndObjects,
        Step::ClaimBytes,
        Step::ForgetBytes,
    ]
}

/// What the actors know, and what clients were told.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// The steps so far, for the message of a failure.
    trail: Vec<(usize, Step)>,
    /// Each operation has a later time than the one before.
    clock: i64,
    /// The collector reviews what is older: what was there when the history began.
    cutoff: i64,
    uploads: BTreeMap<usize, CreateUpload>,
    /// Layers that a client was told of since the cutoff.
    told: BTreeSet<(i64, &'static str)>,
    /// Images that exist, with their layers.
    images: BTreeMap<(i64, &'static str), &'static [&'static str]>,
    tags: BTreeMap<(i64, &'static str), &'static str>,
    links: Vec<LinkReview>,
    objects: Vec<ObjectReview>,
    claimed: Vec<String>,
    /// Keys whose bytes are gone.
    gone: BTreeSet<String>,
    items: Vec<LifecycleItem>,
    departures: i64,
    /// Images that were tagged, pushed or archived since the evaluation.
    changed: BTreeSet<&'static str>,
}

/// Runs an operation as a driver does: what was refused leaves nothing.
async fn run<O: Operation>(tx: &mut Tx<'_>, operation: O) -> Ruling<O> {
    tx.execute("SAVEPOINT operation", &[]).await.unwrap();
    let ruling = operation.run(tx).await.unwrap_or_else(|error| panic!("{}: {error:?}", O::NAME));
    if ruling.is_err() {
        tx.execute("ROLLBACK TO operation", &[]).await.unwrap();
    }
    tx.execute("RELEASE operation", &[]).await.unwrap();
    ruling
}

async fn done<O: Operation>(tx: &mut Tx<'_>, operation: O) -> O::Output {
    run(tx, operation).await.unwrap_or_else(|_| panic!("{} was refused", O::NAME))
}

impl State {
    /// Two repositories; one has an image with two layers and a tag, a layer that no image needs, and a lifecycle policy.
    pub(super) async fn begin(tx: &mut Tx<'_>) -> Self {
        let mut state = Self { clock: 1_000, ..Self::default() };
        for (key, name) in [(APP, "app"), (OTHER, "other")] {
            done(tx, state.repository(key, name)).await;
        }
        let put = PutLifecyclePolicy { repository: APP, document: "{}".into(), at: state.now() };
        done(tx, put).await;
        for layer in ["base", "own", "loose"] {
            state.take(tx, 0, Step::Create).await;
            state.take(tx, 0, Step::Complete(layer)).await;
        }
        let old = Step::Put { in_app: true, image: "old", layers: &["base", "own"], tag: "v1" };
        state.take(tx, 0, old).await;
        state.told.clear();
        state.trail.clear();
        state.cutoff = state.now().0;
        state
    }

    fn repository(&mut self, key: RepositoryKey, name: &str) -> CreateRepository {
        CreateRepository {
            registry: key.registry,
            id: key.id,
            name: name.into(),
            at: self.now(),
            op: self.op(),
            mutability: Mutability::Mutable,
            filters: Vec::new(),
            scan_on_push: false,
            encryption_type: "AES256".into(),
            kms_key: None,
            policy: None,
            lifecycle_policy: None,
            tags: Vec::new(),
            limit: i64::MAX,
        }
    }

    fn now(&mut self) -> Micros {
        self.clock += 1;
        Micros(self.clock)
    }

    fn op(&mut self) -> OperationId {
        OperationId(format!("op-{}", self.now().0).into())
    }

    /// Takes a step of an actor.
    pub(super) async fn take(&mut self, tx: &mut Tx<'_>, actor: usize, step: Step) {
        self.trail.push((actor, step));
        match step {
            Step::Create | Step::Advance(_) | Step::Cancel | Step::Complete(_) => {
                self.upload(tx, actor, step).await;
            }
            Step::Head(layer) => {
                let renew = RenewBlobs { repository: APP, digests: vec![digest(layer)], at: self.now() };
                if !done(tx, renew).await.is_empty() {
                    self.told.insert((APP.id, layer));
                }
            }
            Step::Mount(layer) => {
                let at = self.now();
                let mount = LinkBlob { repository: OTHER, from: APP, digest: digest(layer), peer: None, at };
                if run(tx, mount).await.is_ok() {
                    self.told.insert((OTHER.id, layer));
                }
            }
            Step::Put { in_app, image, layers, tag } => {
                let repository = if in_app { APP } else { OTHER };
                self.put(tx, repository, (image, layers, tag)).await;
            }
            Step::DeleteTag(name) => {
                let _ = run(tx, DeleteTag { repository: APP, tag: tag(name), at: Micros(9) }).await;
                if let Some(image) = self.tags.remove(&(APP.id, name)) {
                    self.changed.insert(image);
                }
            }
            Step::Delete(image) => {
                let delete = BatchDeleteImage { at: self.now(), ..super::world::delete_image(APP, image) };
                let outcome = done(tx, delete).await.remove(0);
                assert_eq!(matches!(outcome, DeleteOutcome::Removed(_)), self.end(image), "{self:?}");
            }
            Step::Archive(image) | Step::Restore(image) => {
                let to_archive = matches!(step, Step::Archive(_));
                self.move_image(tx, image, to_archive).await;
            }
            Step::Evaluate => self.evaluate(tx).await,
            Step::Execute => self.execute(tx).await,
            _ => self.collect(tx, step).await,
        }
    }

    async fn upload(&mut self, tx: &mut Tx<'_>, actor: usize, step: Step) {
        if matches!(step, Step::Create) {
            let id = self.now().0;
            let create = CreateUpload {
                repository: APP,
                id: format!("upload-{id}"),
                principal: "AIDA1".into(),
                object_key: format!("object-{id}"),
                algorithm: oci::digest::Algorithm::Sha256,
                version: 0,
                at: Micros(id),
            };
            done(tx, create.clone()).await;
            self.uploads.insert(actor, create);
            return;
        }
        let upload = self.uploads.get(&actor).unwrap().clone();
        match step {
            Step::Advance(bytes) => {
                let at = self.now().0;
                let advance = super::upload::advance(&upload, 0, bytes, at);
                done(tx, AdvanceUpload { last_part_size: bytes, ..advance }).await;
            }
            Step::Complete(layer) => {
                let complete = CompleteUpload {
                    repository: APP,
                    id: upload.id,
                    expected_version: 0,
                    digest: digest(layer),
                    size: layer.len() as u64,
                    peer: None,
                    object_id: self.now().0,
                    at: self.now(),
                    op: self.op(),
                };
                done(tx, complete).await;
                self.told.insert((APP.id, layer));
                self.uploads.remove(&actor);
            }
            _ => {
                let cancel = CancelUpload { repository: APP, id: upload.id, at: self.now() };
                done(tx, cancel).await;
                self.uploads.remove(&actor);
            }
        }
    }

    async fn put(
        &mut self,
        tx: &mut Tx<'_>,
        repository: RepositoryKey,
        (image, layers, name): (&'static str, &'static [&'static str], &'static str),
    ) {
        let put = PutImage {
            tags_limit: TAGS_LIMIT,
            images_limit: 100,
            is_over_storage_quota: false,
            moved_by: "arn:aws:iam::123456789012:user/ann".into(),
            repository,
            id: ImageId(self.now().0),
            digest: digest(image),
            media_type: "application/vnd.oci.image.manifest.v1+json".into(),
            artifact_type: None,
            config_media_type: None,
            body: image.as_bytes().to_vec(),
            image_size: 7,
            subject: None,
            annotations_json: None,
            blobs: layers.iter().map(|layer| digest(layer)).collect(),
            foreign: Vec::new(),
            children: Vec::new(),
            missing: MissingContents::Refuse,
            tags: vec![tag(name)],
            pushed_by: "AIDA1".into(),
            at: self.now(),
            op: self.op(),
            same_digest_same_tag: SameDigestSameTag::Accept,
        };
        let is_put = run(tx, put).await.is_ok();
        let is_needed = |layer: &str| {
            let of_repository = self.images.iter().filter(|((id, _), _)| *id == repository.id);
            of_repository.flat_map(|(_, layers)| layers.iter()).any(|needed| *needed == layer)
        };
        let must_be =
            layers.iter().all(|layer| self.told.contains(&(repository.id, layer)) || is_needed(layer));
        assert!(is_put || !must_be, "a client was told that the layers are there: {self:#?}");
        if is_put {
            self.images.insert((repository.id, image), layers);
            self.changed.insert(image);
            if let Some(before) = self.tags.insert((repository.id, name), image) {
                self.changed.insert(before);
            }
        }
    }

    /// Takes an image out of what is expected. Returns whether it was there.
    fn end(&mut self, image: &'static str) -> bool {
        self.tags.retain(|(repository, _), tagged| *repository != APP.id || *tagged != image);
        self.images.remove(&(APP.id, image)).is_some()
    }

    async fn move_image(&mut self, tx: &mut Tx<'_>, image: &'static str, to_archive: bool) {
        let at = self.now();
        let named = ImageRef { digest: Some(digest(image)), tag: None };
        let update =
            UpdateImageStorageClass { repository: APP, image: named, to_archive, restored_at: at, at };
        let moved = run(tx, update).await;
        assert_eq!(moved.is_ok(), self.images.contains_key(&(APP.id, image)), "{self:#?}");
        if moved.is_ok_and(|update| update.is_changed) {
            self.changed.insert(image);
        }
    }

    async fn evaluate(&mut self, tx: &mut Tx<'_>) {
        self.changed.clear();
        self.departures = done(tx, FindLifecycleRepository { repository: APP }).await.unwrap().departures;
        let list = ListLifecycleImages {
            repository: APP,
            archived: false,
            before: None,
            limit: 100,
            at: self.now(),
        };
        let images = done(tx, list).await;
        self.items = images.iter().map(|image| item(image, LifecycleAction::Expire)).collect();
    }

    async fn execute(&mut self, tx: &mut Tx<'_>) {
        let policy = done(tx, GetLifecyclePolicy { repository: APP }).await.unwrap();
        let (claim, items) = (done(tx, Unclaimed(APP)).await, self.items.clone());
        let execute = execution(APP, &claim, policy.version, self.departures, items);
        let outcomes = done(tx, ExecuteLifecyclePolicy { at: self.now(), ..execute }).await;
        for (item, outcome) in self.items.clone().iter().zip(outcomes) {
            let names: Vec<&'static str> = self.images.keys().map(|(_, image)| *image).collect();
            let named = names.into_iter().find(|image| digest(image) == item.digest);
            if outcome == LifecycleOutcome::Expired {
                let image = named.expect("an image that exists");
                assert!(!self.changed.contains(image), "{image} had changed: {self:#?}");
                assert!(self.end(image), "{self:#?}");
            }
        }
    }

    async fn collect(&mut self, tx: &mut Tx<'_>, step: Step) {
        let (cutoff, limit) = (Micros(self.cutoff), 100);
        match step {
            Step::ReadLinks => self.links = done(tx, DueLinkReviews { cutoff, limit }).await,
            Step::EndLinks => {
                let links = std::mem::take(&mut self.links);
                let (needed, others): (Vec<_>, Vec<_>) =
                    links.into_iter().partition(|review| review.is_needed);
                done(tx, KeepNeededLinks { reviews: needed }).await;
                for repository in [APP, OTHER] {
                    let of_one = |review: &&LinkReview| review.repository == repository;
                    let reviews = others.iter().filter(of_one).cloned().collect();
                    done(tx, CollectLinks { repository, reviews, cutoff }).await;
                }
            }
            Step::ReadObjects => self.objects = done(tx, DueObjectReviews { cutoff, limit }).await,
            Step::EndObjects => {
                let reviews = std::mem::take(&mut self.objects);
                done(tx, CollectObjects { reviews, at: self.now() }).await;
            }
            Step::ClaimBytes => {
                let (now, delay) = (self.now(), Micros(0));
                let lease_until = now.plus(std::time::Duration::from_mins(1));
                self.claimed = done(tx, ClaimDoomed { now, delay, lease_until, limit }).await;
            }
            Step::ForgetBytes => {
                let keys = std::mem::take(&mut self.claimed);
                self.gone.extend(keys.iter().cloned());
                done(tx, ForgetDoomed { keys }).await;
            }
            _ => {
                for step in [Step::EndObjects, Step::ClaimBytes, Step::ForgetBytes] {
                    Box::pin(self.collect(tx, step)).await;
                }
            }
        }
    }

    /// The rows agree with each other and with what clients were told.
    pub(super) async fn assert_consistent(&self, tx: &mut Tx<'_>) {
        for mut row in tx.rows("SELECT object_key FROM object", &[]).await.unwrap() {
            let key: String = row.take().unwrap();
            assert!(!self.gone.contains(&key), "a row without bytes: {key} {self:#?}");
        }
        let dangling = "SELECT b.digest FROM image_blob b LEFT JOIN blob_link l ON l.registry = b.registry \
            AND l.repository = b.repository AND l.digest = b.digest LEFT JOIN object o ON o.id = l.object \
            WHERE o.id IS NULL";
        assert!(tx.rows(dangling, &[]).await.unwrap().is_empty(), "an image without a layer: {self:#?}");
        let mut linked = BTreeSet::new();
        for mut row in tx.rows("SELECT repository, digest FROM blob_link", &[]).await.unwrap() {
            linked.insert((row.take::<i64>().unwrap(), row.take::<Digest>().unwrap()));
        }
        let is_linked = |(id, layer): &(i64, &str)| linked.contains(&(*id, digest(layer)));
        assert!(self.told.iter().all(is_linked), "a client was told of a layer: {self:#?}");
        self.assert_images(tx).await;
        assert_eq!(done(tx, MeasureUsage).await, [], "{self:#?}");
    }

    /// The images, tags and counts are what clients know.
    async fn assert_images(&self, tx: &mut Tx<'_>) {
        let select = "SELECT i.repository, i.digest FROM image i JOIN manifest_body m ON m.registry = i.registry \
            AND m.repository = i.repository AND m.image = i.id";
        let mut images = BTreeSet::new();
        for mut row in tx.rows(select, &[]).await.unwrap() {
            images.insert((row.take::<i64>().unwrap(), row.take::<Digest>().unwrap()));
        }
        let known: BTreeSet<_> = self.images.keys().map(|(id, image)| (*id, digest(image))).collect();
        assert_eq!(images, known, "{self:#?}");
        let select = "SELECT t.repository, t.name, i.digest FROM tag t LEFT JOIN image i ON i.registry = t.registry \
            AND i.repository = t.repository AND i.id = t.image";
        let mut tags = BTreeMap::new();
        for mut row in tx.rows(select, &[]).await.unwrap() {
            let key = (row.take::<i64>().unwrap(), row.take::<String>().unwrap());
            tags.insert(key, row.take::<Option<Digest>>().unwrap());
        }
        let known: BTreeMap<_, _> = self
            .tags
            .iter()
            .map(|((id, name), image)| ((*id, (*name).to_owned()), Some(digest(image))))
            .collect();
        assert_eq!(tags, known, "{self:#?}");
        for id in [APP.id, OTHER.id] {
            let count = "SELECT image_count, tag_count FROM repository WHERE registry = 10 AND id = ?1";
            let mut row = tx.row(count, &params![id]).await.unwrap().unwrap();
            let counted: (u64, u64) = (row.take().unwrap(), row.take().unwrap());
            let images = self.images.keys().filter(|(of, _)| *of == id).count() as u64;
            let tags = self.tags.keys().filter(|(of, _)| *of == id).count() as u64;
            assert_eq!(counted, (images, tags), "{self:#?}");
        }
    }

    /// When the grace of everything is over, only the layers of images are left.
    pub(super) async fn assert_nothing_is_left(&mut self, tx: &mut Tx<'_>) {
        self.told.clear();
        self.cutoff = self.clock + 100;
        for step in collector(false) {
            self.collect(tx, *step).await;
        }
        self.assert_consistent(tx).await;
        let mut stored = BTreeSet::new();
        for mut row in tx.rows("SELECT digest FROM object", &[]).await.unwrap() {
            stored.insert(row.take::<Digest>().unwrap());
        }
        let needed: BTreeSet<_> =
            self.images.values().flat_map(|layers| layers.iter()).map(|layer| digest(layer)).collect();
        assert_eq!(stored, needed, "{self:#?}");
    }
}
