//! The receiving side: what a peer asks, in a session of the role of the account that its account acts as. Bytes arrive
//! by the ordinary path of layers, and become a layer only with their digest.

use std::collections::BTreeMap;
use std::time::Duration;

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::effects::authority;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::peer::PeerRequest;
use access::permit::Permit;
use access::rate::Rate;
use access::storage_quota::More;
use access::store::{
    DeletionSource, FindAbsence, Micros, MissingContents, OpError, PutImageRefusal, RecordAbsence,
    ReplicaSource, ReplicateImage, ReplicateImageRefusal, ReplicationPlaces, SameDigestSameTag, Setting,
    SettingKind, StoreResultExt as _, Target, store_error,
};
use fault::Fault;
use oci::digest::{Algorithm, Digest};
use oci::manifest::Manifest;
use oci::range::ContentRange;

use super::message::{Answer, Ask, SentSetting, texts};
use crate::Registry;
use crate::image::push::{ImagePush, put_image_error};
use crate::layer::upload::{Incoming, UploadStatus, create_upload_as};
use crate::replication::{remove, settings};

/// The most settings in a request: there are five kinds, and a newer peer can have more.
const MOST_SETTINGS: usize = 64;
/// How far the clock of a peer may be ahead, as for its signatures.
const AHEAD: Duration = Duration::from_mins(5);

/// What a peer asks for.
pub struct PeerAsk(Ask);

impl PeerAsk {
    /// Reads the body of a request.
    pub fn read(body: &[u8]) -> Result<Self> {
        serde_json::from_slice(body).map(Self).map_err(|_| malformed())
    }

    /// The rate that limits it: that of the operation with which a client does the same, or as much.
    pub fn rate(&self) -> Option<Rate> {
        match &self.0 {
            // Deletions and settings have no rate of their own. Each is a transaction with events, as an image is.
            Ask::PutImage { .. } | Ask::Delete { .. } | Ask::PutSettings { .. } => Some(Rate::PutImage),
            Ask::FindLayer { .. } => Some(Rate::InitiateLayerUpload),
        }
    }
}

/// A part of a layer.
pub struct LayerPart<'a> {
    /// The upload.
    pub upload: &'a str,
    /// The layer.
    pub digest: Digest,
    /// The position of the part in the layer.
    pub start: u64,
    /// The size of the layer.
    pub size: u64,
}

/// An image that a peer puts.
struct Arriving {
    digest: Digest,
    media_type: String,
    manifest: String,
    tag: Option<String>,
    tagged_at: Option<i64>,
    allows_missing: bool,
}

impl Registry {
    /// Carries out what a peer asks for. Returns the body of the answer.
    pub async fn receive_from_peer(&self, ctx: &Ctx, asked: &PeerRequest, ask: PeerAsk) -> Result<Vec<u8>> {
        let to = &asked.repository;
        let read = |text: &str| text.parse::<Digest>().map_err(|_| malformed());
        let answer = match ask.0 {
            Ask::PutImage { digest, media_type, manifest, tag, tagged_at, allows_missing } => {
                let digest = read(&digest)?;
                let image = Arriving { digest, media_type, manifest, tag, tagged_at, allows_missing };
                self.put_arriving(ctx, asked, image).await?
            }
            Ask::PutSettings { settings } => {
                let settings = arriving(settings, ctx.at())?;
                let refused = self.apply_settings(ctx, settings::Origin::Peer(asked), to, settings).await?;
                Answer::Applied { refused }
            }
            Ask::FindLayer { digest } => self.find_layer(ctx, to, read(&digest)?).await?,
            Ask::Delete { digest, tag } => {
                let tag = tag.map(|tag| tag.parse()).transpose().map_err(|_| malformed())?;
                let source = DeletionSource::Peer {
                    is_of_another_account: asked.source.0 != to.account_id,
                    order: asked.order.clone(),
                };
                let gate = self.access.gate(ctx, to, Target::None).await?;
                match gate.permit::<ecr::ReplicateImage>() {
                    Err(error) if error.code == Code::RepositoryNotFound => self.absent(asked, &gate).await?,
                    permit => {
                        let is_removed = remove(ctx, &permit?, (read(&digest)?, tag), source).await?;
                        if is_removed { Answer::Done } else { Answer::Overtaken }
                    }
                }
            }
        };
        serde_json::to_vec(&answer).map_err(Error::internal)
    }

    /// There is nothing to delete. It is remembered, so that an image which was sent before does not arrive. A registry
    /// that does not exist remembers nothing.
    async fn absent(&self, asked: &PeerRequest, gate: &Gate) -> Result<Answer> {
        let Some(registry) = gate.registry() else { return Ok(Answer::Done) };
        let (name, order) = (asked.repository.name.to_string(), asked.order.clone());
        let permit = Permit::for_service(authority::ReceiveFromPeers, &self.access);
        let record = permit.write(|()| RecordAbsence { registry, name, order }).await;
        Ok(if record.or_store_error()? { Answer::Done } else { Answer::Overtaken })
    }

    /// Whether an image whose repository does not exist was sent before a deletion that found none.
    async fn is_too_late(&self, asked: &PeerRequest, gate: &Gate) -> Result<bool> {
        let Some(registry) = gate.registry() else { return Ok(false) };
        let is_absent = matches!(gate.permit::<ecr::ReplicateImage>(),
            Err(error) if error.code == Code::RepositoryNotFound);
        let permit = Permit::for_service(authority::ReceiveFromPeers, &self.access);
        let order = asked.order.clone();
        Ok(is_absent && permit.read(|()| FindAbsence { registry, order }).await?)
    }

    async fn put_arriving(&self, ctx: &Ctx, asked: &PeerRequest, image: Arriving) -> Result<Answer> {
        let to = &asked.repository;
        let gate = self.access.gate(ctx, to, Target::None).await?;
        if self.is_too_late(asked, &gate).await? {
            return Ok(Answer::Overtaken);
        }
        let permit: Permit<ecr::ReplicateImage> =
            self.permit_or_create(ctx, (to, &gate), "REPLICATION").await?;
        let body = image.manifest.into_bytes();
        let size = body.len() as u64;
        ctx.hold(size * 3).await?;
        if Digest::of(image.digest.algorithm(), &body) != image.digest {
            return Err(Error::new(
                Code::DigestInvalid,
                "The manifest does not have the digest that was sent.",
            ));
        }
        let invalid = |text: String| Error::new(Code::ManifestInvalid, text);
        let manifest =
            Manifest::parse(&body, Some(&image.media_type)).map_err(|error| invalid(error.to_string()))?;
        let tag = image.tag.map(|tag| tag.parse()).transpose();
        let tag = tag.map_err(|_| Error::new(Code::TagInvalid, "The tag is not valid."))?;
        let held = self.hold_for_image(to, More::Stored(size)).await?;
        let push = ImagePush {
            digest: image.digest,
            manifest,
            body: body.into(),
            tags: tag.into_iter().collect(),
            same_image: SameDigestSameTag::Accept,
            missing: if image.allows_missing {
                MissingContents::AsTheRegistrySays
            } else {
                MissingContents::Refuse
            },
        };
        let replicate = ReplicateImage {
            put: self.new_image(ctx, &permit, push, held.is_err())?,
            source: ReplicaSource::Peer {
                tagged_at: image.tagged_at.map(|at| credible(Micros(at), ctx.at())),
                order: asked.order.clone(),
            },
            item: None,
            places: ReplicationPlaces {
                source: asked.source.clone(),
                destination: (to.account_id.clone(), to.region.clone()),
            },
        };
        fault::hit(Fault::BeforePutImage);
        let outcome = permit.write(|_repository| replicate).await;
        fault::hit(Fault::AfterPutImage);
        match outcome {
            Ok(_) | Err(OpError::Refused(ReplicateImageRefusal::SourceGone)) => Ok(Answer::Done),
            Err(OpError::Refused(ReplicateImageRefusal::Overtaken)) => Ok(Answer::Overtaken),
            Err(OpError::Refused(ReplicateImageRefusal::Refused(refusal))) => match (refusal, held) {
                (PutImageRefusal::LayersNotFound(layers), _) => {
                    Ok(Answer::Lacks { layers: texts(&layers), images: Vec::new() })
                }
                (PutImageRefusal::ReferencedImagesNotFound(images), _) => {
                    Ok(Answer::Lacks { layers: Vec::new(), images: texts(&images) })
                }
                (PutImageRefusal::OverStorageQuota, Err(exceeded)) => Err(exceeded),
                (refusal, _) => Err(put_image_error(refusal, &permit, self.access.quotas())),
            },
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }

    /// Links a layer that the peer has sent to another repository of the registry. Otherwise its upload goes on:
    /// the ID follows from the layer, so a peer that starts again finds what has arrived. Another peer that acts as the same
    /// account does not: it could end an upload whose bytes it never had.
    async fn find_layer(&self, ctx: &Ctx, to: &RepositoryRef, digest: Digest) -> Result<Answer> {
        if self.mount_blob(ctx, to, &digest, None).await? {
            return Ok(Answer::Done);
        }
        let gate = self.access.gate(ctx, to, Target::None).await?;
        let permit: Permit<ecr::InitiateLayerUpload> = gate.permit()?;
        let (key, owner) = (permit.repository(), permit.caller().upload_owner());
        let peer = ctx.of_peer.as_deref().unwrap_or_default();
        let text = format!("{owner} {} {} {digest} {peer}", key.registry.0, key.id);
        let hash = Digest::of(Algorithm::Sha256, text.as_bytes());
        let bytes = hash.as_bytes().first_chunk::<16>().copied().unwrap_or_default();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let status = match self.upload_status(ctx, to, &id.to_string()).await {
            Err(error) if error.code == Code::UploadNotFound => {
                create_upload_as(ctx, &permit, id, digest.algorithm()).await?;
                self.upload_status(ctx, to, &id.to_string()).await?
            }
            status => status?,
        };
        Ok(upload(status))
    }

    /// Appends a part of a layer. With the last one the layer is complete, if it has its digest.
    pub async fn receive_layer_part(
        &self,
        ctx: &Ctx,
        to: &RepositoryRef,
        part: LayerPart<'_>,
        incoming: Incoming,
    ) -> Result<Vec<u8>> {
        let length = incoming
            .length
            .ok_or_else(|| Error::new(Code::SizeInvalid, "The request does not say how long the part is."))?;
        let end = part.start.saturating_add(length);
        let range =
            (length > 0).then(|| ContentRange { start: part.start, end_inclusive: end.saturating_sub(1) });
        let incoming = Incoming { range, ..incoming };
        let answer = if end < part.size {
            upload(self.append_upload(ctx, to, part.upload, incoming).await?)
        } else {
            self.finish_upload(ctx, to, part.upload, &part.digest, incoming).await?;
            Answer::Done
        };
        serde_json::to_vec(&answer).map_err(Error::internal)
    }
}

/// The settings that are applied: the latest of each kind that is known here.
fn arriving(sent: Vec<SentSetting>, now: Micros) -> Result<Vec<Setting>> {
    if sent.len() > MOST_SETTINGS {
        return Err(malformed());
    }
    let mut latest: BTreeMap<SettingKind, Setting> = BTreeMap::new();
    for SentSetting { kind, changed_at, value } in sent {
        // A newer peer can have more kinds of settings.
        let Some(kind) = SettingKind::of_name(&kind) else { continue };
        let changed_at = credible(Micros(changed_at), now);
        if latest.get(&kind).is_none_or(|known| known.changed_at < changed_at) {
            latest.insert(kind, Setting { kind, changed_at, value });
        }
    }
    Ok(latest.into_values().collect())
}

fn malformed() -> Error {
    Error::new(Code::InvalidParameter, "The peer's request cannot be read.")
}

/// When a peer changed something. A time in the future would win against every later change for as long.
fn credible(changed_at: Micros, now: Micros) -> Micros {
    changed_at.min(now.plus(AHEAD))
}

fn upload(status: UploadStatus) -> Answer {
    Answer::Upload { id: status.id, offset: status.offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_asks_for_has_the_rate_of_a_client() {
        let rate = |body: &str| PeerAsk::read(body.as_bytes()).unwrap().rate();
        let put = r#"{"operation": "putImage", "digest": "", "mediaType": "", "manifest": "",
            "tag": null, "taggedAt": null, "allowsMissing": false}"#;
        assert_eq!(rate(put), Some(Rate::PutImage));
        assert_eq!(rate(r#"{"operation": "findLayer", "digest": ""}"#), Some(Rate::InitiateLayerUpload));
        assert_eq!(rate(r#"{"operation": "delete", "digest": "", "tag": null}"#), Some(Rate::PutImage));
        assert_eq!(rate(r#"{"operation": "putSettings", "settings": []}"#), Some(Rate::PutImage));
        assert!(PeerAsk::read(b"{}").is_err());
    }

    fn sent(kind: &str, changed_at: i64) -> SentSetting {
        SentSetting { kind: kind.to_owned(), changed_at, value: Some(changed_at.to_string()) }
    }

    #[test]
    fn only_the_latest_setting_of_each_kind_arrives() {
        let now = Micros(1_000_000_000_000);
        let many =
            vec![sent("policy", 1), sent("tags", 5), sent("policy", 3), sent("news", 9), sent("policy", 2)];
        let arrived = arriving(many, now).unwrap();
        let arrived: Vec<_> =
            arrived.into_iter().map(|one| (one.kind, one.changed_at.0, one.value.unwrap())).collect();
        let expected = [(SettingKind::Policy, 3, "3".to_owned()), (SettingKind::Tags, 5, "5".to_owned())];
        assert_eq!(arrived, expected);
        let future = arriving(vec![sent("policy", i64::MAX)], now).unwrap();
        assert_eq!(future[0].changed_at, now.plus(AHEAD));
        let of = |count| (0..count).map(|at| sent("policy", at)).collect::<Vec<_>>();
        assert_eq!(arriving(of(64), now).unwrap().len(), 1);
        assert_eq!(arriving(of(65), now).unwrap_err().code, Code::InvalidParameter);
    }

    #[test]
    fn a_change_is_not_in_the_future() {
        let now = Micros(1_000_000_000_000);
        let soon = now.plus(AHEAD);
        assert_eq!(credible(Micros(7), now), Micros(7));
        assert_eq!(credible(soon, now), soon);
        assert_eq!(credible(soon.plus(Duration::from_secs(1)), now), soon);
        assert_eq!(credible(Micros(i64::MAX), now), soon);
    }
}
