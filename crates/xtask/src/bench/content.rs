//! The content that is read and pushed: new bytes, and a fixed set of blobs and one image on every server.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::load;
use super::side::{Kind, Side};

/// The repository of the run, on both registries.
pub(crate) const REPOSITORY: &str = "bench/image";
/// A repository with a page of images, on Wharf only.
pub(crate) const MANY: &str = "bench/many";
/// The number of its images.
pub(crate) const PAGE: usize = 100;
/// The media type of the image's manifest.
pub(crate) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The sizes of the blobs in the set.
pub(crate) const SIZES: [u64; 4] = [KIB, MIB, 16 * MIB, LARGEST];
pub(crate) const LARGEST: u64 = 256 * MIB;
pub(crate) const KIB: u64 = 1024;
pub(crate) const MIB: u64 = 1024 * KIB;

pub(crate) const TAG: &str = "latest";

/// Bytes with their digest.
pub(crate) struct Blob {
    /// The content.
    pub(crate) bytes: Vec<u8>,
    /// `sha256:…` of the content.
    pub(crate) digest: String,
}

impl Blob {
    /// New content that does not compress and was never stored.
    pub(crate) fn random(size: u64) -> Result<Self> {
        let length = usize::try_from(size).context("a blob larger than this machine's memory")?;
        // Xorshift: fast, and random enough that neither disk nor file system finds a pattern.
        let mut state = RandomState::new().build_hasher().finish() | 1;
        let mut bytes = vec![0; length];
        for chunk in bytes.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(state.to_le_bytes().get(..chunk.len()).unwrap_or_default());
        }
        Ok(Self::of(bytes))
    }

    fn of(bytes: Vec<u8>) -> Self {
        let digest = sha256(&bytes);
        Self { bytes, digest }
    }
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The digests that every server has.
pub(crate) struct Shelf {
    digests: BTreeMap<u64, String>,
    manifest_length: u64,
}

impl Shelf {
    /// Stores one blob of each size and one image on every server, and reads each back once.
    pub(crate) fn fill(sides: &[Side], nginx_root: &Path) -> Result<Self> {
        let mut digests = BTreeMap::new();
        for size in SIZES {
            let blob = Blob::random(size)?;
            fs::write(nginx_root.join(&blob.digest), &blob.bytes)?;
            for side in sides {
                if side.kind == Kind::Registry {
                    load::push(&mut side.connect()?, side, &blob)?;
                }
                check(side, &blob_path(side, &blob.digest), &blob.digest)
                    .with_context(|| format!("{} does not give back what it was given", side.name))?;
            }
            digests.insert(size, blob.digest);
        }
        let manifest = Blob::of(manifest(&digests)?);
        for side in sides.iter().filter(|side| side.kind == Kind::Registry) {
            put_manifest(side, &manifest.bytes)?;
            check(side, &manifest_path(), &manifest.digest)?;
        }
        Ok(Self { digests, manifest_length: manifest.bytes.len() as u64 })
    }

    /// The path of the blob with one of [`SIZES`].
    pub(crate) fn blob(&self, side: &Side, size: u64) -> Result<String> {
        Ok(blob_path(side, self.digests.get(&size).context("no blob of this size on the shelf")?))
    }

    /// The length of the image's manifest.
    pub(crate) fn manifest_length(&self) -> u64 {
        self.manifest_length
    }
}

/// The path of the image by its tag.
pub(crate) fn manifest_path() -> String {
    format!("/v2/{REPOSITORY}/manifests/{TAG}")
}

/// The header without which docker-registry does not return an OCI manifest.
pub(crate) fn accept() -> String {
    format!("Accept: {MANIFEST_TYPE}\r\n")
}

/// The path of a blob on this server.
pub(crate) fn blob_path(side: &Side, digest: &str) -> String {
    match side.kind {
        Kind::Registry => format!("/v2/{REPOSITORY}/blobs/{digest}"),
        Kind::Files => format!("/{digest}"),
    }
}

/// Reads a path and compares the content with a digest.
pub(crate) fn check(side: &Side, path: &str, digest: &str) -> Result<()> {
    let mut hash = Sha256::new();
    let head = side.head("GET", path, &accept());
    let answer = side.connect()?.exchange(&head, &[], |piece| hash.update(piece))?;
    let found = format!("sha256:{}", hex::encode(hash.finalize()));
    if answer.status != 200 || found != digest {
        bail!("GET {path} on {}: status {}, {found} instead of {digest}", side.name, answer.status);
    }
    Ok(())
}

/// Pushes the images of [`MANY`].
pub(crate) fn fill_page(side: &Side) -> Result<()> {
    let mut connection = side.connect()?;
    let config = Blob::random(KIB)?;
    load::push_to(&mut connection, side, MANY, &config)?;
    for number in 0..PAGE {
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": KIB,
            },
            "layers": [],
            "annotations": { "number": number.to_string() },
        });
        put_to(side, &format!("/v2/{MANY}/manifests/v{number}"), &serde_json::to_vec(&manifest)?)?;
    }
    Ok(())
}

fn put_manifest(side: &Side, manifest: &[u8]) -> Result<()> {
    put_to(side, &manifest_path(), manifest)
}

fn put_to(side: &Side, path: &str, manifest: &[u8]) -> Result<()> {
    let extra = format!("Content-Type: {MANIFEST_TYPE}\r\nContent-Length: {}\r\n", manifest.len());
    let answer = side.connect()?.exchange(&side.head("PUT", path, &extra), manifest, |_| ())?;
    if answer.status != 201 {
        bail!("{} answers {} to the image's manifest", side.name, answer.status);
    }
    Ok(())
}

/// An image whose config is the smallest blob and whose layers are the others.
fn manifest(digests: &BTreeMap<u64, String>) -> Result<Vec<u8>> {
    let mut parts = digests.iter();
    let (config_size, config) = parts.next().context("the shelf is empty")?;
    let layers: Vec<_> = parts
        .map(|(size, digest)| {
            serde_json::json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": size,
            })
        })
        .collect();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size,
        },
        "layers": layers,
    });
    Ok(serde_json::to_vec(&manifest)?)
}
