//! Generates the storage folder of docker-registry: images, indexes and what refers to them, without a server.

use std::fs;
use std::path::PathBuf;

use oci::digest::{Algorithm, Digest};
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A storage folder.
pub(crate) struct StorageFolder {
    pub(crate) root: PathBuf,
    v2: PathBuf,
}

impl StorageFolder {
    pub(crate) fn new(root: PathBuf) -> Self {
        let v2 = root.join("docker/registry/v2");
        fs::create_dir_all(v2.join("blobs")).unwrap();
        fs::create_dir_all(v2.join("repositories")).unwrap();
        Self { root, v2 }
    }

    fn link(&self, repository: &str, below: &str, digest: &Digest) {
        let folder = self.v2.join("repositories").join(repository).join(below);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("link"), digest.to_string()).unwrap();
    }

    /// Where the bytes of a blob are.
    pub(crate) fn data(&self, digest: &Digest) -> PathBuf {
        let hash = digest.to_string().replace("sha256:", "");
        self.v2.join("blobs/sha256").join(&hash[..2]).join(hash).join("data")
    }

    fn store(&self, content: &[u8]) -> Digest {
        let digest = Digest::of(Algorithm::Sha256, content);
        let path = self.data(&digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        digest
    }

    fn blob(&self, repository: &str, media_type: &str, content: &[u8]) -> Value {
        let digest = self.store(content);
        let hash = digest.to_string().replace("sha256:", "");
        self.link(repository, &format!("_layers/sha256/{hash}"), &digest);
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    fn manifest(&self, repository: &str, document: &Value) -> Value {
        let content = document.to_string();
        let digest = self.store(content.as_bytes());
        let hash = digest.to_string().replace("sha256:", "");
        self.link(repository, &format!("_manifests/revisions/sha256/{hash}"), &digest);
        json!({"mediaType": document["mediaType"], "digest": digest, "size": content.len()})
    }

    /// An image with two layers: one that all images with the same `shared` have, and its own. Returns its descriptor.
    pub(crate) fn image(&self, repository: &str, shared: &str, own: &str, subject: Option<&Value>) -> Value {
        let layers = [shared, own].map(|text| self.blob(repository, LAYER, text.repeat(100).as_bytes()));
        let config = self.blob(repository, CONFIG, format!(r#"{{"made":"{own}"}}"#).as_bytes());
        let mut document =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        if let Some(subject) = subject {
            document["subject"] = subject.clone();
            document["artifactType"] = "application/vnd.test.signature".into();
        }
        self.manifest(repository, &document)
    }

    pub(crate) fn index(&self, repository: &str, images: &[Value]) -> Value {
        self.manifest(repository, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}))
    }

    /// Points a tag to an image.
    pub(crate) fn tag(&self, repository: &str, tag: &str, image: &Value) {
        let digest = digest_of(image);
        self.link(repository, &format!("_manifests/tags/{tag}/current"), &digest);
        let hash = digest.to_string().replace("sha256:", "");
        self.link(repository, &format!("_manifests/tags/{tag}/index/sha256/{hash}"), &digest);
    }
}

pub(crate) fn digest_of(image: &Value) -> Digest {
    image["digest"].as_str().unwrap().parse().unwrap()
}
