//! Replicates one image: the images that an index lists first, then the index.

use std::collections::HashSet;

use access::authz::Permit;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::storage_quota::More;
use access::store::{
    FindReplicationSource, MissingContents, OpError, PutImageRefusal, ReplicaSource, ReplicateImage,
    ReplicateImageRefusal, ReplicationItem, ReplicationKey, RepositoryKey, SameDigestSameTag, Target,
    store_error,
};
use fault::Fault;
use oci::digest::Digest;
use oci::manifest::Manifest;
use oci::name::Tag;

use super::{Authority, Route, is_ruled};
use crate::Registry;
use crate::image::push::{ImagePush, put_image_error};

/// The maximum number of images that one index can bring with it, at any depth.
const MOST_MEMBERS: usize = 10_000;

/// What a replication is about.
pub(crate) struct Replica<'a> {
    pub(crate) route: &'a Route,
    pub(crate) ctx: &'a Ctx,
    pub(crate) to: &'a RepositoryRef,
    pub(crate) source: RepositoryKey,
}

/// What became of one image.
enum Put {
    Done,
    /// The source does not have it any more.
    Gone,
    /// The destination does not have these images, which it lists.
    Lacks(Vec<Digest>),
}

impl Registry {
    /// Replicates the image of an item with its tag. None: the source does not have it any more, or no rule for it.
    pub(super) async fn replicate_push(
        &self,
        permit: &Permit<Authority>,
        route: &Route,
        item: &ReplicationItem,
        name: &str,
    ) -> Result<Option<()>> {
        let (ctx, to) = (route.request()?, route.repository(name)?);
        let replica = Replica { route, ctx: &ctx, to: &to, source: item.key.source };
        self.replicate(permit, &replica, (&item.key, Some(item.version))).await
    }

    /// Replicates an image with its tag. `version` is that of its item, if it was queued. None: the source does not have
    /// the image any more, or no rule for it.
    pub(crate) async fn replicate(
        &self,
        permit: &Permit<Authority>,
        replica: &Replica<'_>,
        (key, version): (&ReplicationKey, Option<i64>),
    ) -> Result<Option<()>> {
        let gate = self.access.gate(replica.ctx, replica.to, Target::None).await?;
        let to: Permit<ecr::ReplicateImage> =
            self.permit_or_create(replica.ctx, (replica.to, &gate), "REPLICATION").await?;
        let mut waiting = vec![key.digest];
        let mut tried = HashSet::from([key.digest]);
        let mut allows_missing = false;
        while let Some(digest) = waiting.last() {
            if !is_ruled(permit, (key.source, key.destination), false).await? {
                return Ok(None);
            }
            let is_root = waiting.len() == 1;
            let item = is_root.then_some((key, version));
            let tag = key.tag.as_ref().filter(|_| is_root);
            match self.put_replica(permit, (replica, &to), (*digest, tag), item, allows_missing).await? {
                Put::Done => {
                    waiting.pop();
                }
                Put::Gone if is_root => return Ok(None),
                // The destination decides whether it takes an index without it, as for a push.
                Put::Gone => {
                    allows_missing = true;
                    waiting.pop();
                }
                Put::Lacks(members) => {
                    let new: Vec<Digest> =
                        members.iter().filter(|member| tried.insert(**member)).copied().collect();
                    if new.is_empty() || tried.len() > MOST_MEMBERS {
                        let refusal = PutImageRefusal::ReferencedImagesNotFound(members);
                        return Err(put_image_error(refusal, &to, self.access.quotas()));
                    }
                    waiting.extend(new);
                }
            }
        }
        Ok(Some(()))
    }

    /// Puts one image at the destination.
    async fn put_replica(
        &self,
        permit: &Permit<Authority>,
        (replica, to): (&Replica<'_>, &Permit<ecr::ReplicateImage>),
        (digest, tag): (Digest, Option<&Tag>),
        item: Option<(&ReplicationKey, Option<i64>)>,
        allows_missing: bool,
    ) -> Result<Put> {
        let find = FindReplicationSource { repository: replica.source, digest };
        let Some(source) = permit.read(|()| find).await? else { return Ok(Put::Gone) };
        let manifest = Manifest::parse(&source.body, Some(&source.media_type)).map_err(Error::internal)?;
        let size = source.body.len() as u64;
        // Nothing stays held: what is held for an image that is refused would refuse others of the same pass.
        let exceeded = match self.hold_for_image(replica.to, More::Stored(size)).await?.err() {
            None => {
                let more = More::Shared(manifest.total_size().saturating_add(size));
                self.hold_for_image(replica.to, more).await?.err()
            }
            exceeded => exceeded,
        };
        let push = ImagePush {
            digest,
            manifest,
            body: source.body.into(),
            tags: tag.into_iter().cloned().collect(),
            same_image: SameDigestSameTag::Accept,
            missing: if allows_missing {
                MissingContents::AsTheRegistrySays
            } else {
                MissingContents::Refuse
            },
        };
        let replicate = ReplicateImage {
            put: self.new_image(replica.ctx, to, push, exceeded.is_some())?,
            source: ReplicaSource::Here(replica.source),
            item: item.map(|(key, version)| (key.clone(), version)),
            places: replica.route.places(),
        };
        fault::hit(Fault::BeforePutImage);
        let outcome = to.write(|_repository| replicate).await;
        fault::hit(Fault::AfterPutImage);
        match outcome {
            Ok(_) => Ok(Put::Done),
            Err(OpError::Refused(ReplicateImageRefusal::SourceGone | ReplicateImageRefusal::Overtaken)) => {
                Ok(Put::Gone)
            }
            Err(OpError::Refused(ReplicateImageRefusal::Refused(refusal))) => match (refusal, exceeded) {
                (PutImageRefusal::ReferencedImagesNotFound(members), _) => Ok(Put::Lacks(members)),
                (PutImageRefusal::OverStorageQuota, Some(exceeded)) => Err(exceeded),
                (refusal, _) => Err(put_image_error(refusal, to, self.access.quotas())),
            },
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }
}

/// The code of a failure in the answers of the API: the name of the exception that a request would have.
pub fn failure_code(error: &Error) -> String {
    match error.code {
        Code::Aws(code) => code.name().to_owned(),
        code => format!("{code:?}"),
    }
}
