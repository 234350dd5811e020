//! What a client may expect after a crash: for each item, the states that the acknowledged and the unanswered requests
//! allow. Reading an item settles its state.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use testkit::{Client, sha256};

/// A value that was acknowledged, and possibly others that were requested and not answered.
#[derive(Clone, Debug)]
pub(crate) struct Fact<T>(Vec<T>);

impl<T: Clone + PartialEq + std::fmt::Debug> Fact<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(vec![value])
    }

    pub(crate) fn may_become(&mut self, value: T) {
        self.0.push(value);
    }

    fn settle(&mut self, seen: T, what: &str) -> Result<()> {
        ensure!(self.0.contains(&seen), "{what} is {seen:?}, which is none of {:?}", self.0);
        self.0 = vec![seen];
        Ok(())
    }

    /// Whether this value is the only possible one.
    pub(crate) fn is(&self, value: &T) -> bool {
        self.0.iter().all(|possible| possible == value)
    }

    pub(crate) fn become_known(&mut self, value: T) {
        self.0 = vec![value];
    }
}

/// One repository as the client knows it.
pub(crate) struct Repository {
    pub(crate) exists: Fact<bool>,
    pub(crate) blobs: BTreeMap<String, (Fact<bool>, Vec<u8>)>,
    pub(crate) manifests: BTreeMap<String, (Fact<bool>, Vec<u8>)>,
    /// None: the tag does not exist.
    pub(crate) tags: BTreeMap<String, Fact<Option<String>>>,
    pub(crate) uploads: Vec<Upload>,
}

/// An upload without a digest yet.
pub(crate) struct Upload {
    pub(crate) location: String,
    pub(crate) acknowledged: usize,
    pub(crate) sent: Vec<u8>,
    /// A PUT or DELETE was sent.
    pub(crate) may_be_over: bool,
}

/// All repositories, by name.
#[derive(Default)]
pub(crate) struct Model(pub(crate) BTreeMap<String, Repository>);

impl Repository {
    pub(crate) fn asked_for() -> Self {
        let mut exists = Fact::new(false);
        exists.may_become(true);
        Self {
            exists,
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            tags: BTreeMap::new(),
            uploads: Vec::new(),
        }
    }
}

impl Model {
    /// The collector may have ended each layer that no image needs. Layers of images are checked with their images.
    pub(crate) fn layers_may_end(&mut self) {
        for (fact, _) in self.0.values_mut().flat_map(|repository| repository.blobs.values_mut()) {
            fact.may_become(false);
        }
    }

    /// The database was killed: what it had of an upload may be older, or nothing.
    pub(crate) fn uploads_may_go_back(&mut self) {
        for upload in self.0.values_mut().flat_map(|repository| &mut repository.uploads) {
            upload.acknowledged = 0;
            upload.may_be_over = true;
        }
    }

    /// The bytes of all layers of all images, by digest.
    pub(crate) fn bytes_of_images(&self) -> BTreeMap<String, usize> {
        let mut bytes = BTreeMap::new();
        for repository in self.0.values() {
            for (_, body) in repository.manifests.values().filter(|(fact, _)| !fact.is(&false)) {
                let needed = |digest: &&String| String::from_utf8_lossy(body).contains(digest.as_str());
                for digest in repository.blobs.keys().filter(needed) {
                    let len = repository.blobs.get(digest).map_or(0, |blob| blob.1.len());
                    bytes.insert(digest.clone(), len);
                }
            }
        }
        bytes
    }

    /// Checks everything. Fails if no order of events explains a state.
    pub(crate) fn check(&mut self, client: &Client) -> Result<()> {
        for (name, repository) in &mut self.0 {
            let list = client.v2("GET", &format!("/v2/{name}/tags/list"), "", b"")?;
            ensure!([200, 404].contains(&list.status), "tags of {name}: {list:?}");
            repository.exists.settle(list.status == 200, name)?;
            if list.status == 404 {
                repository.check_nothing_left(client, name)?;
                continue;
            }
            let listed = list.json()?;
            let listed: Vec<&str> =
                listed["tags"].as_array().into_iter().flatten().filter_map(|t| t.as_str()).collect();
            repository.check_blobs(client, name)?;
            repository.check_manifests(client, name)?;
            repository.check_tags(client, name, &listed)?;
            repository.check_uploads(client)?;
        }
        self.0.retain(|_, repository| repository.exists.0 == [true]);
        Ok(())
    }
}

/// The body if it exists, after comparing it with the digest.
fn fetch(client: &Client, path: &str, digest: &str) -> Result<Option<Vec<u8>>> {
    let reply = client.v2("GET", path, "", b"")?;
    if reply.status == 404 {
        return Ok(None);
    }
    let reply = reply.expect(200).with_context(|| path.to_owned())?;
    ensure!(sha256(&reply.body) == digest, "{path} has another digest");
    Ok(Some(reply.body))
}

impl Repository {
    fn check_nothing_left(&self, client: &Client, name: &str) -> Result<()> {
        for digest in self.blobs.keys() {
            ensure!(
                fetch(client, &format!("/v2/{name}/blobs/{digest}"), digest)?.is_none(),
                "blob of a deleted {name}"
            );
        }
        for digest in self.manifests.keys() {
            let path = format!("/v2/{name}/manifests/{digest}");
            ensure!(fetch(client, &path, digest)?.is_none(), "manifest of a deleted {name}");
        }
        for upload in &self.uploads {
            let status = client.v2("GET", &upload.location, "", b"")?.status;
            ensure!(status == 404, "upload to a deleted {name}: {status}");
        }
        Ok(())
    }

    fn check_blobs(&mut self, client: &Client, name: &str) -> Result<()> {
        for (digest, (fact, bytes)) in &mut self.blobs {
            let path = format!("/v2/{name}/blobs/{digest}");
            let body = fetch(client, &path, digest)?;
            ensure!(body.as_ref().is_none_or(|body| body == bytes), "{path} has other bytes");
            fact.settle(body.is_some(), &path)?;
        }
        Ok(())
    }

    fn check_manifests(&mut self, client: &Client, name: &str) -> Result<()> {
        for (digest, (fact, bytes)) in &mut self.manifests {
            let path = format!("/v2/{name}/manifests/{digest}");
            let body = fetch(client, &path, digest)?;
            fact.settle(body.is_some(), &path)?;
            let Some(body) = body else { continue };
            ensure!(body == *bytes, "{path} has other bytes");
            // Nothing dangles: everything that a manifest refers to exists.
            let manifest: String = String::from_utf8(body)?;
            for part in manifest.split("sha256:").skip(1) {
                let blob = format!("sha256:{}", part.get(..64).context("a digest")?);
                let path = format!("/v2/{name}/blobs/{blob}");
                fetch(client, &path, &blob)?.with_context(|| format!("{path} is missing under {digest}"))?;
            }
        }
        Ok(())
    }

    fn check_tags(&mut self, client: &Client, name: &str, listed: &[&str]) -> Result<()> {
        for tag in listed {
            ensure!(self.tags.contains_key(*tag), "{name}:{tag} was never pushed");
        }
        for (tag, fact) in &mut self.tags {
            let path = format!("/v2/{name}/manifests/{tag}");
            let reply = client.v2("GET", &path, "", b"")?;
            ensure!([200, 404].contains(&reply.status), "{path}: {reply:?}");
            let seen = (reply.status == 200).then(|| sha256(&reply.body));
            ensure!(seen.is_some() == listed.contains(&tag.as_str()), "{path}: the list says otherwise");
            if let Some(digest) = &seen {
                let known = self.manifests.get(digest).context("a tag of something that was never pushed")?;
                ensure!(known.0.0 == [true], "{path} is a tag of an image that is not there");
            }
            fact.settle(seen, &path)?;
        }
        Ok(())
    }

    /// The acknowledged bytes are stored. The rest can be sent, and the upload completed.
    fn check_uploads(&mut self, client: &Client) -> Result<()> {
        for upload in std::mem::take(&mut self.uploads) {
            let status = client.v2("GET", &upload.location, "", b"")?;
            if status.status == 404 {
                ensure!(upload.may_be_over, "{} is gone", upload.location);
                continue;
            }
            let status = status.expect(204)?;
            let range = status.header("range").context("no range")?;
            let last: usize = range.trim_start_matches("0-").parse()?;
            let offset = if last == 0 { 0 } else { last + 1 };
            let (least, most) = (upload.acknowledged, upload.sent.len());
            ensure!(
                (least..=most).contains(&offset),
                "{}: {offset} not in {least}..={most}",
                upload.location
            );
            let digest = sha256(&upload.sent);
            let path = format!("{}?digest={digest}", upload.location);
            client.v2("PUT", &path, "application/octet-stream", &upload.sent[offset..])?.expect(201)?;
            self.blobs.insert(digest, (Fact::new(true), upload.sent));
        }
        Ok(())
    }
}
