//! A repository whose lifecycle policy keeps the newest images, while the server can die at any moment: what a client may
//! expect of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testkit::{Client, noise, sha256};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const BYTES: &str = "application/octet-stream";
/// How many images the policy keeps.
const KEPT: usize = 3;

/// An image that a client has pushed, or tried to.
struct Pushed {
    tag: String,
    digest: String,
    /// Its layers and its config, with their sizes.
    layers: BTreeMap<String, u64>,
    is_acknowledged: bool,
}

/// One repository, used by one client.
pub(crate) struct Expiring {
    name: String,
    seed: u64,
    exists: bool,
    /// In the order of the pushes. Those that are known to be gone are left out.
    images: Vec<Pushed>,
    /// How many images were seen to be gone.
    pub(crate) expired: usize,
}

impl Expiring {
    pub(crate) fn new(client: u64) -> Self {
        Self {
            name: format!("life/{client}"),
            seed: client << 40,
            exists: false,
            images: Vec::new(),
            expired: 0,
        }
    }

    /// Pushes an image, and has the policy evaluated at once.
    pub(crate) fn push(&mut self, client: &Client) -> Result<()> {
        let name = self.name.clone();
        self.create(client)?;
        let base = noise(60_000, self.seed >> 40);
        self.seed += 1;
        let own = noise(20_000, self.seed | 1 << 60);
        let config = format!("{{\"seed\":{}}}", self.seed).into_bytes();
        let mut layers = BTreeMap::new();
        for bytes in [&base, &own, &config] {
            let digest = sha256(bytes);
            let path = format!("/v2/{name}/blobs/uploads/?digest={digest}");
            client.v2("POST", &path, BYTES, bytes)?.expect(201)?;
            layers.insert(digest, bytes.len() as u64);
        }
        let layer = |bytes: &[u8]| {
            let media_type = "application/vnd.oci.image.layer.v1.tar";
            json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
        };
        let media_type = "application/vnd.oci.image.config.v1+json";
        let body = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "layers": [layer(&base), layer(&own)],
            "config": {"mediaType": media_type, "digest": sha256(&config), "size": config.len()},
        })
        .to_string();
        let (tag, digest) = (format!("r{}", self.seed), sha256(body.as_bytes()));
        self.images.push(Pushed { tag: tag.clone(), digest, layers, is_acknowledged: false });
        let path = format!("/v2/{name}/manifests/{tag}");
        client.v2("PUT", &path, IMAGE, body.as_bytes())?.expect(201)?;
        if let Some(last) = self.images.last_mut() {
            last.is_acknowledged = true;
        }
        self.evaluate(client)
    }

    fn create(&mut self, client: &Client) -> Result<()> {
        if self.exists {
            return Ok(());
        }
        let name = &self.name;
        // An earlier request may have created it without an answer.
        let made = client.ecr("CreateRepository", &json!({"repositoryName": name}).to_string())?;
        ensure!([200, 400].contains(&made.status), "{made:?}");
        let selection = json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT});
        let rule = json!({"rulePriority": 1, "selection": selection, "action": {"type": "expire"}});
        let text = json!({"rules": [rule]}).to_string();
        let put = json!({"repositoryName": name, "lifecyclePolicyText": text}).to_string();
        client.ecr("PutLifecyclePolicy", &put)?.expect(200)?;
        self.exists = true;
        Ok(())
    }

    fn evaluate(&self, client: &Client) -> Result<()> {
        let run = json!({"repositoryName": self.name}).to_string();
        client.ecr("WharfRunLifecyclePolicy", &run)?.expect(200)?;
        Ok(())
    }

    /// Compares the server with what the client knows. An image may be gone if enough newer ones may be there. What is there
    /// can be pulled.
    pub(crate) fn check(&mut self, client: &Client) -> Result<()> {
        let count = self.images.len();
        let mut there = Vec::new();
        for (at, mut image) in std::mem::take(&mut self.images).into_iter().enumerate() {
            let path = format!("/v2/{}/manifests/{}", self.name, image.tag);
            let reply = client.v2("GET", &path, "", b"")?;
            ensure!([200, 404].contains(&reply.status), "{path}: {reply:?}");
            if reply.status == 404 {
                let may_be_gone = !image.is_acknowledged || count - at > KEPT;
                ensure!(may_be_gone, "{path} is gone, and only {} may be newer", count - at - 1);
                self.expired += usize::from(image.is_acknowledged);
                continue;
            }
            ensure!(sha256(&reply.body) == image.digest, "{path} is another image");
            if let Err(missing) = self.check_layers(client, &image) {
                // The policy may expire it just now.
                let is_gone = client.v2("GET", &path, "", b"")?.status == 404;
                ensure!(is_gone && (!image.is_acknowledged || count - at > KEPT), "{missing:#}");
                self.expired += usize::from(image.is_acknowledged);
                continue;
            }
            image.is_acknowledged = true;
            there.push(image);
        }
        self.images = there;
        Ok(())
    }

    fn check_layers(&self, client: &Client, image: &Pushed) -> Result<()> {
        for digest in image.layers.keys() {
            let path = format!("/v2/{}/blobs/{digest}", self.name);
            let body = client.v2("GET", &path, "", b"")?.expect(200).with_context(|| path.clone())?;
            ensure!(sha256(&body.body) == *digest, "{path} has other bytes");
        }
        Ok(())
    }

    /// Waits until the policy has expired all that it does not keep.
    pub(crate) fn settle(&mut self, client: &Client) -> Result<()> {
        if !self.exists {
            return Ok(());
        }
        self.evaluate(client)?;
        let begun = Instant::now();
        loop {
            let path = format!("/v2/{}/tags/list", self.name);
            let listed = client.v2("GET", &path, "", b"")?.expect(200)?.json()?;
            let count = listed["tags"].as_array().map_or(0, Vec::len);
            if count <= KEPT {
                self.check(client)?;
                ensure!(self.images.len() == count, "{count} tags, and {} images known", self.images.len());
                return Ok(());
            }
            ensure!(begun.elapsed() < Duration::from_mins(1), "{count} images of {} are left", self.name);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The bytes of the layers of its images.
    pub(crate) fn bytes_of_images(&self) -> BTreeMap<String, u64> {
        self.images.iter().flat_map(|image| image.layers.clone()).collect()
    }
}
