//! The content that is read and pushed: new bytes, and a fixed set of blobs and one image on every server.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::load;
use super::side::{Kind, Side};

/// The repository of the run, on every registry.
pub(crate) const REPOSITORY: &str = "bench/image";
/// The manifest among nginx's files.
const FILE: &str = "manifest";
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

    /// This content.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
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
    manifest: String,
}

impl Shelf {
    /// Stores one blob of each size and one image on every server and, if there is one, in the folder of nginx's files,
    /// and reads each back once.
    pub(crate) fn fill(sides: &[&Side], files: Option<&Path>) -> Result<Self> {
        let mut digests = BTreeMap::new();
        for size in SIZES {
            let blob = Blob::random(size)?;
            write(files, &blob.digest, &blob)?;
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
        write(files, FILE, &manifest)?;
        for side in sides {
            if side.kind == Kind::Registry {
                put_to(side, &manifest_path(side), &manifest.bytes)?;
            }
            check(side, &manifest_path(side), &manifest.digest)?;
        }
        Ok(Self { digests, manifest_length: manifest.bytes.len() as u64, manifest: manifest.digest })
    }

    /// The path of the blob with one of [`SIZES`].
    pub(crate) fn blob(&self, side: &Side, size: u64) -> Result<String> {
        Ok(blob_path(side, self.digests.get(&size).context("no blob of this size on the shelf")?))
    }

    /// A manifest that no server has.
    pub(crate) fn new_manifest(&self) -> Result<Vec<u8>> {
        let number = Blob::random(KIB)?.digest;
        let mut manifest: serde_json::Value = serde_json::from_slice(&manifest(&self.digests)?)?;
        let members = manifest.as_object_mut().context("a manifest is an object")?;
        members.insert("annotations".to_owned(), serde_json::json!({ "number": number }));
        Ok(serde_json::to_vec(&manifest)?)
    }

    /// The length of the image's manifest.
    pub(crate) fn manifest_length(&self) -> u64 {
        self.manifest_length
    }

    /// The digest of the image's manifest.
    pub(crate) fn manifest(&self) -> &str {
        &self.manifest
    }
}

/// Writes a file for nginx, if it is measured.
fn write(files: Option<&Path>, name: &str, blob: &Blob) -> Result<()> {
    match files {
        Some(files) => Ok(fs::write(files.join(name), &blob.bytes)?),
        None => Ok(()),
    }
}

/// The path of the image's manifest on this server, by tag.
pub(crate) fn manifest_path(side: &Side) -> String {
    match side.kind {
        Kind::Registry => format!("/v2/{}/manifests/{TAG}", side.repository(REPOSITORY)),
        Kind::Files => format!("/{FILE}"),
    }
}

/// The header without which docker-registry does not return an OCI manifest.
pub(crate) fn accept() -> String {
    format!("Accept: {MANIFEST_TYPE}\r\n")
}

/// The path of a blob on this server.
pub(crate) fn blob_path(side: &Side, digest: &str) -> String {
    match side.kind {
        Kind::Registry => format!("/v2/{}/blobs/{digest}", side.repository(REPOSITORY)),
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

/// Pushes a manifest.
pub(super) fn put_to(side: &Side, path: &str, manifest: &[u8]) -> Result<()> {
    let extra = format!("Content-Type: {MANIFEST_TYPE}\r\nContent-Length: {}\r\n", manifest.len());
    let answer = side.connect()?.exchange(&side.head("PUT", path, &extra), manifest, |_| ())?;
    if answer.status != 201 {
        bail!("{} answers {} to a manifest", side.name, answer.status);
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
