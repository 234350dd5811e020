//! OCI image layouts (image specification, "Image Layout"): `oci-layout`, `index.json` and `blobs/ALGORITHM/HASH`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use oci::digest::Digest;
use oci::name::Tag;
use serde::{Deserialize, Serialize};

use super::CopyError;
use super::folder::{Contents, read, read_manifest};

/// The file that every layout has.
pub(super) const MARK: &str = "oci-layout";
/// Its content.
pub(super) const MARK_CONTENT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// The list of images.
pub(super) const INDEX: &str = "index.json";
/// The annotation with the tag of an entry.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The longest index that is read: a million entries.
const MAX_INDEX_BYTES: u64 = 512 * 1024 * 1024;

/// `index.json`. It is an index without the limits of one: it is never stored in a registry.
#[derive(Deserialize, Serialize)]
pub(super) struct Index {
    #[serde(rename = "schemaVersion")]
    pub(super) schema_version: u32,
    #[serde(rename = "mediaType", default)]
    pub(super) media_type: String,
    pub(super) manifests: Vec<Entry>,
}

/// A descriptor in `index.json`.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Entry {
    #[serde(rename = "mediaType")]
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub(super) annotations: HashMap<String, String>,
}

impl Entry {
    /// The tag. Some programs write the whole name of the image: the tag is then after the last colon.
    pub(super) fn tag(&self) -> Option<Tag> {
        let name = self.annotations.get(REF_NAME)?;
        name.parse().ok().or_else(|| name.rsplit_once(':')?.1.parse().ok())
    }
}

pub(super) fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    let text = digest.to_string();
    let (algorithm, hash) = text.split_once(':').unwrap_or_default();
    folder.join("blobs").join(algorithm).join(hash)
}

/// The list of a layout.
pub(super) fn read_index(folder: &Path) -> Result<Index, CopyError> {
    let path = folder.join(INDEX);
    let content = read(&path, MAX_INDEX_BYTES)?;
    serde_json::from_slice(&content).map_err(|error| CopyError::content(path, error.to_string()))
}

/// What a layout contains. Manifests are read for their subjects; one that is left out of a partial export has none here.
pub(super) fn contents(folder: &Path) -> Result<Contents, CopyError> {
    let mut contents = Contents::default();
    let mut untagged = Vec::new();
    for entry in read_index(folder)?.manifests {
        contents.media_types.insert(entry.digest, entry.media_type.clone());
        match entry.tag() {
            Some(tag) => {
                contents.tags.insert(tag, entry.digest);
            }
            None => untagged.push(entry.digest),
        }
        let subject =
            match read_manifest(&blob_path(folder, &entry.digest), &entry.digest, Some(&entry.media_type)) {
                Ok(read) => read.manifest.subject.map(|subject| subject.digest),
                Err(error) if error.is_missing() => None,
                Err(error) => return Err(error),
            };
        if let Some(subject) = subject {
            let referrers = contents.referrers.entry(subject).or_default();
            if !referrers.contains(&entry.digest) {
                referrers.push(entry.digest);
            }
        }
    }
    contents.untagged = untagged;
    Ok(contents)
}
