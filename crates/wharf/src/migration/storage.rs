//! The storage folder of docker-registry, and of registries that use its code. Files named `link` hold digests
//! (distribution, `registry/storage/paths.go`).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use oci::digest::Digest;

use super::CopyError;
use super::folder::{Contents, read, read_manifest};

/// The folder of a repository with its manifests and tags.
pub(super) const MANIFESTS: &str = "_manifests";
const MAX_LINK_BYTES: u64 = 256;

/// The folder `v2` of a storage folder: the folder itself, or the one below it.
pub(super) fn root_in(path: &Path) -> Option<PathBuf> {
    ["", "v2", "registry/v2", "docker/registry/v2"]
        .into_iter()
        .map(|below| path.join(below))
        .find(|root| root.join("repositories").is_dir() && root.join("blobs").is_dir())
}

pub(super) fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    let text = digest.to_string();
    let (algorithm, hash) = text.split_once(':').unwrap_or_default();
    root.join("blobs").join(algorithm).join(hash.get(..2).unwrap_or_default()).join(hash).join("data")
}

/// The digest that a link names.
fn follow(link: &Path) -> Result<Digest, CopyError> {
    let text = String::from_utf8(read(link, MAX_LINK_BYTES)?).unwrap_or_default();
    text.trim().parse().map_err(|_| CopyError::content(link, "not a link to a digest"))
}

/// What a repository contains. Images without a tag are left out, as the registry's own clients see them, unless they
/// refer to a subject.
pub(super) fn contents(root: &Path, folder: &Path) -> Result<Contents, CopyError> {
    let mut contents = Contents::default();
    let manifests = folder.join(MANIFESTS);
    for (name, path) in folders(&manifests.join("tags"))? {
        let link = path.join("current/link");
        // A tag that was deleted can leave its folder.
        let digest = match follow(&link) {
            Err(error) if error.is_missing() => continue,
            digest => digest?,
        };
        let tag = name.parse().map_err(|_| CopyError::content(path, "not a tag"))?;
        contents.tags.insert(tag, digest);
    }
    for (_, algorithm) in folders(&manifests.join("revisions"))? {
        for (_, revision) in folders(&algorithm)? {
            let digest = match follow(&revision.join("link")) {
                Err(error) if error.is_missing() => continue,
                digest => digest?,
            };
            // What cannot be read is reported when it is copied, if a tag needs it.
            let subject = read_manifest(&blob_path(root, &digest), &digest, None).ok();
            if let Some(subject) = subject.and_then(|read| read.manifest.subject) {
                contents.referrers.entry(subject.digest).or_default().push(digest);
            }
        }
    }
    Ok(contents)
}

/// The folders in a folder, by name. A folder that does not exist has none.
fn folders(path: &Path) -> Result<Vec<(String, PathBuf)>, CopyError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(CopyError::file(path))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(CopyError::file(path))?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}
