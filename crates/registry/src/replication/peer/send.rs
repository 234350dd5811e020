//! Sends an image to a peer: the peer says what it lacks, and only that is sent. A layer goes on where it was, also after
//! either side was stopped.

use std::collections::HashSet;
use std::time::Duration;

use access::authz::Permit;
use access::error::Error;
use access::store::{
    BlobRow, FindBlobs, FindReplicationSource, FindReplicationTag, ReplicationKey, RepositoryKey,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use oci::digest::Digest;
use oci::manifest::Manifest;
use oci::name::Tag;

use super::Run;
use super::ask::{Failure, Way};
use super::message::{Answer, Ask, LAYERS, digests};
use crate::Registry;
use crate::replication::{Authority, is_ruled};

/// The maximum number of images that one index can bring with it, at any depth.
const MOST_MEMBERS: usize = 10_000;
/// How often the sending of a layer fails without progress, and the first rest after that.
const MOST_FAILURES: u32 = 4;
const REST: Duration = Duration::from_millis(100);

impl Registry {
    /// Sends an image with its tag. None: the source does not have it any more, or no rule for it.
    pub(super) async fn send_image(
        &self,
        permit: &Permit<Authority>,
        (way, run): (&Way<'_>, &Run),
        key: &ReplicationKey,
    ) -> Result<Option<()>, Failure> {
        let mut waiting = vec![key.digest];
        let (mut tried, mut sent) = (HashSet::from([key.digest]), HashSet::new());
        let mut allows_missing = false;
        while let Some(digest) = waiting.last().copied() {
            // A slow peer can name ever more that it lacks.
            if run.is_over() {
                return Err(Failure::Paused);
            }
            if !is_ruled(permit, (key.source, key.destination), false).await? {
                return Ok(None);
            }
            let is_root = waiting.len() == 1;
            let tag = key.tag.as_ref().filter(|_| is_root);
            let ask = self.image(permit, key.source, (digest, tag), allows_missing).await?;
            let Some(ask) = ask else {
                if is_root {
                    return Ok(None);
                }
                // The destination decides whether it takes an index without it, as for a push.
                allows_missing = true;
                waiting.pop();
                continue;
            };
            let (layers, images) = match way.ask(&ask).await? {
                Answer::Lacks { layers, images } => (layers, images),
                Answer::Overtaken => return Err(overtaken()),
                Answer::Done | Answer::Applied { .. } | Answer::Upload { .. } => {
                    waiting.pop();
                    continue;
                }
            };
            let (layers, images) = listed(&ask, (digests(&layers), digests(&images)))?;
            let images: Vec<Digest> = images.into_iter().filter(|new| tried.insert(*new)).collect();
            let layers: Vec<Digest> = layers.into_iter().filter(|new| sent.insert(*new)).collect();
            if images.is_empty() && layers.is_empty() || tried.len() > MOST_MEMBERS {
                return Err(Failure::Refused("LayersNotFound".to_owned()));
            }
            for layer in layers {
                if run.is_over() {
                    return Err(Failure::Paused);
                }
                if !self.send_layer(permit, (way, run), key.source, layer).await? {
                    allows_missing = true;
                }
            }
            waiting.extend(images);
        }
        Ok(Some(()))
    }

    /// What puts an image. The time of its tag is read before the image. None: the source does not have it.
    async fn image(
        &self,
        permit: &Permit<Authority>,
        repository: RepositoryKey,
        (digest, tag): (Digest, Option<&Tag>),
        allows_missing: bool,
    ) -> Result<Option<Ask>, Failure> {
        let named = match tag {
            Some(tag) => permit.read(|()| FindReplicationTag { repository, tag: tag.clone() }).await?,
            None => None,
        };
        let tagged_at = named.filter(|(named, _)| *named == digest).map(|(_, at)| at.0);
        let tag = tag.filter(|_| tagged_at.is_some()).map(ToString::to_string);
        let source = permit.read(|()| FindReplicationSource { repository, digest }).await?;
        let Some(source) = source else { return Ok(None) };
        let manifest = String::from_utf8(source.body).map_err(Error::internal)?;
        let (digest, media_type) = (digest.to_string(), source.media_type);
        Ok(Some(Ask::PutImage { digest, media_type, manifest, tag, tagged_at, allows_missing }))
    }

    /// Sends a layer, unless the destination has it by now. False: the source does not have it. If there is no rule for it any
    /// more, the image waits for the next pass, which finds that out.
    async fn send_layer(
        &self,
        permit: &Permit<Authority>,
        (way, run): (&Way<'_>, &Run),
        repository: RepositoryKey,
        digest: Digest,
    ) -> Result<bool, Failure> {
        let turn = way.link.turn(way.route.destination.id, digest);
        let _turn = turn.lock().await;
        let found = permit.read(|()| FindBlobs { repository, digests: vec![digest] }).await?;
        let Some(row) = found.into_iter().find_map(|(_, row)| row) else { return Ok(false) };
        let of = (repository, way.route.destination.id);
        if !is_ruled(permit, of, false).await? {
            return Err(Failure::Paused);
        }
        let find = Ask::FindLayer { digest: digest.to_string() };
        let (mut answer, mut failures) = (way.ask(&find).await, 0);
        loop {
            answer = match answer {
                Ok(Answer::Upload { .. }) if !is_ruled(permit, of, false).await? => {
                    return Err(Failure::Paused);
                }
                Ok(Answer::Upload { id, offset }) => {
                    let sent = self.send_part(permit, (way, run), &row, (&id, offset)).await;
                    if sent.is_ok() {
                        failures = 0;
                    }
                    sent
                }
                Ok(_) => return Ok(true),
                Err(Failure::NotReached(_) | Failure::Moved)
                    if failures < MOST_FAILURES && !run.is_over() =>
                {
                    tokio::time::sleep(REST * (1 << failures)).await;
                    failures += 1;
                    way.ask(&find).await
                }
                Err(Failure::Moved) => return Err(Failure::Failed("its upload does not go on".to_owned())),
                Err(failure) => return Err(failure),
            };
        }
    }

    /// Sends the next part of a layer.
    async fn send_part(
        &self,
        permit: &Permit<Authority>,
        (way, run): (&Way<'_>, &Run),
        row: &BlobRow,
        (id, offset): (&str, u64),
    ) -> Result<Answer, Failure> {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let left = row.size.checked_sub(offset).filter(|_| is_id);
        let Some(left) = left else {
            return Err(Failure::Failed("the peer's upload is not valid".to_owned()));
        };
        let length = left.min(way.link.pace().part());
        let room = tokio::time::timeout_at(run.until.into(), way.link.room()).await;
        let Ok(Some(_room)) = room else { return Err(Failure::Paused) };
        if run.is_over() || !way.link.pace().wait(length, run.until).await {
            return Err(Failure::Paused);
        }
        let part = self.read_part(permit, row, offset, length).await?;
        let path = format!("{LAYERS}{id}?start={offset}&size={}&digest={}", row.size, row.digest);
        way.link.count_sent(length);
        way.send_part(&path, part).await
    }

    async fn read_part(
        &self,
        permit: &Permit<Authority>,
        row: &BlobRow,
        start: u64,
        length: u64,
    ) -> Result<Bytes, Failure> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let mut stream = self.bytes.open(permit, row, start, length).await?.into_stream();
        let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(Error::internal)?);
        }
        Ok(bytes.freeze())
    }

    /// Removes a tag or an image at a peer, unless the source has it again, or no rule that says so any more.
    pub(super) async fn send_deletion(
        &self,
        permit: &Permit<Authority>,
        way: &Way<'_>,
        key: &ReplicationKey,
    ) -> Result<Option<()>, Failure> {
        let (repository, digest) = (key.source, key.digest);
        if !is_ruled(permit, (repository, key.destination), true).await? {
            return Ok(None);
        }
        let is_there = match &key.tag {
            Some(tag) => {
                permit.read(|()| FindReplicationTag { repository, tag: tag.clone() }).await?.is_some()
            }
            None => permit.read(|()| FindReplicationSource { repository, digest }).await?.is_some(),
        };
        if is_there {
            return Ok(None);
        }
        let tag = key.tag.as_ref().map(ToString::to_string);
        match way.ask(&Ask::Delete { digest: digest.to_string(), tag }).await? {
            Answer::Overtaken => Err(overtaken()),
            _ => Ok(Some(())),
        }
    }
}

/// The layers and images that the peer lacks. The image must list all of them, because the peer gets nothing else of the
/// repository.
fn listed(
    ask: &Ask,
    (layers, images): (Vec<Digest>, Vec<Digest>),
) -> Result<(Vec<Digest>, Vec<Digest>), Failure> {
    let wrong = || Failure::Failed("the peer asks for what the image does not list".to_owned());
    let Ask::PutImage { manifest, media_type, .. } = ask else { return Err(wrong()) };
    let manifest = Manifest::parse(manifest.as_bytes(), Some(media_type)).map_err(Error::internal)?;
    let (blobs, children) = (manifest.blob_digests(), manifest.child_digests());
    let is_listed =
        |asked: &[Digest], of: &[Digest]| asked.iter().all(|digest| of.binary_search(digest).is_ok());
    if is_listed(&layers, &blobs) && is_listed(&images, &children) {
        Ok((layers, images))
    } else {
        Err(wrong())
    }
}

fn overtaken() -> Failure {
    Failure::Failed("a later request about the repository was carried out".to_owned())
}

#[cfg(test)]
mod tests {
    use oci::digest::Algorithm;
    use oci::media_type::{OCI_IMAGE_INDEX, OCI_IMAGE_MANIFEST};

    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(Algorithm::Sha256, name.as_bytes())
    }

    fn put(media_type: &str, manifest: &serde_json::Value) -> Ask {
        Ask::PutImage {
            digest: digest("image").to_string(),
            media_type: media_type.to_owned(),
            manifest: manifest.to_string(),
            tag: None,
            tagged_at: None,
            allows_missing: false,
        }
    }

    fn entry(name: &str, media_type: &str) -> serde_json::Value {
        serde_json::json!({"mediaType": media_type, "digest": digest(name).to_string(), "size": 1})
    }

    fn gets(ask: &Ask, layers: &[&str], images: &[&str]) -> bool {
        let of = |names: &[&str]| names.iter().map(|name| digest(name)).collect::<Vec<_>>();
        let lacks = (of(layers), of(images));
        match listed(ask, lacks.clone()) {
            Ok(listed) => listed == lacks,
            Err(failure) => {
                assert!(matches!(failure, Failure::Failed(_)));
                false
            }
        }
    }

    #[test]
    fn a_peer_gets_only_what_the_image_lists() {
        let image = put(
            OCI_IMAGE_MANIFEST,
            &serde_json::json!({"schemaVersion": 2,
                "config": entry("config", "application/vnd.oci.image.config.v1+json"),
                "layers": [entry("layer", "application/vnd.oci.image.layer.v1.tar+gzip")],
                "subject": entry("subject", OCI_IMAGE_MANIFEST)}),
        );
        assert!(gets(&image, &["layer", "config"], &[]));
        assert!(!gets(&image, &["layer", "other"], &[]));
        assert!(!gets(&image, &["subject"], &[]));
        assert!(!gets(&image, &[], &["subject"]));
        assert!(!gets(&image, &[], &["layer"]));
        let manifests = [entry("child", OCI_IMAGE_MANIFEST), entry("cache", "application/vnd.example.cache")];
        let index = put(OCI_IMAGE_INDEX, &serde_json::json!({"schemaVersion": 2, "manifests": manifests}));
        assert!(gets(&index, &["cache"], &["child"]));
        assert!(!gets(&index, &["child"], &[]));
        assert!(!gets(&index, &[], &["child", "other"]));
    }
}
