//! A folder of OCI layouts as the target: one layout for each repository, which other programs can read.
//!
//! A file of a blob is complete or absent, so what exists need not be written again. Repositories share the bytes of a
//! blob by a hard link.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use oci::digest::Digest;
use oci::media_type::OCI_IMAGE_INDEX;
use oci::name::{Reference, RepositoryName};
use tokio::io::AsyncWriteExt as _;
use upstream::RemoteManifest;

use super::CopyError;
use super::layout::{Entry, INDEX, Index, MARK, MARK_CONTENT, REF_NAME, blob_path, read_index};
use super::reader::Reader;
use super::target::{Moved, Place};

/// After this many images the list of a layout is written, so that an interrupted export keeps it.
const IMAGES_BETWEEN: u64 = 256;

/// What the other side has already, so that a partial export leaves it out.
pub(crate) enum Base {
    /// An earlier export.
    Folder(PathBuf),
    /// Digests of blobs.
    Digests(HashSet<Digest>),
}

/// A folder that is written.
pub(crate) struct LayoutWriter {
    root: PathBuf,
    base: Option<Base>,
    /// The lists of the repositories that are being written.
    lists: Mutex<HashMap<RepositoryName, Entries>>,
    next_partial: AtomicU64,
}

/// The entries of `index.json`: by tag, and without a tag.
#[derive(Default)]
struct Entries {
    tagged: HashMap<String, Entry>,
    untagged: HashMap<Digest, Entry>,
    added: u64,
}

impl LayoutWriter {
    pub(crate) fn new(root: PathBuf, base: Option<Base>) -> Self {
        Self { root, base, lists: Mutex::default(), next_partial: AtomicU64::new(0) }
    }

    fn folder_of(&self, name: &RepositoryName) -> PathBuf {
        self.root.join(name.as_str())
    }

    fn with<T>(&self, name: &RepositoryName, work: impl FnOnce(&mut Entries) -> T) -> T {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        work(lists.entry(name.clone()).or_default())
    }

    pub(super) fn begin(&self, name: &RepositoryName) -> Result<(), CopyError> {
        if name.as_str().split('/').any(|part| part == "blobs") {
            let why = "a repository with a part named \"blobs\" would be inside the layout of another one";
            return Err(CopyError::Other(format!("{name}: {why}")));
        }
        let folder = self.folder_of(name);
        for algorithm in oci::Algorithm::ALL {
            let blobs = folder.join("blobs").join(algorithm.name());
            fs::create_dir_all(&blobs).map_err(CopyError::file(&blobs))?;
        }
        let mark = folder.join(MARK);
        fs::write(&mark, MARK_CONTENT).map_err(CopyError::file(mark))?;
        let index = match read_index(&folder) {
            Err(error) if error.is_missing() => None,
            index => Some(index?),
        };
        self.with(name, |entries| {
            for entry in index.into_iter().flat_map(|index| index.manifests) {
                match entry.annotations.get(REF_NAME) {
                    Some(tag) => entries.tagged.insert(tag.clone(), entry),
                    None => entries.untagged.insert(entry.digest, entry),
                };
            }
        });
        Ok(())
    }

    pub(super) fn head(&self, name: &RepositoryName, reference: &Reference) -> Option<Digest> {
        match reference {
            Reference::Tag(tag) => self.with(name, |entries| Some(entries.tagged.get(tag.as_str())?.digest)),
            Reference::Digest(digest) => {
                blob_path(&self.folder_of(name), digest).is_file().then_some(*digest)
            }
        }
    }

    pub(super) fn has_blob(&self, name: &RepositoryName, digest: &Digest, size: u64) -> bool {
        let has = |folder: &Path| {
            fs::metadata(blob_path(folder, digest)).is_ok_and(|file| file.is_file() && file.len() == size)
        };
        has(&self.folder_of(name))
            || match &self.base {
                Some(Base::Folder(base)) => has(&base.join(name.as_str())),
                Some(Base::Digests(digests)) => digests.contains(digest),
                None => false,
            }
    }

    pub(super) async fn put_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
        open: impl AsyncFn() -> Result<Reader, CopyError>,
    ) -> Result<Moved, CopyError> {
        let path = blob_path(&self.folder_of(name), digest);
        if let Some(from) = from
            && fs::hard_link(blob_path(&self.folder_of(from), digest), &path).is_ok()
        {
            return Ok(Moved::Shared);
        }
        let mut reader = open().await?;
        self.write(&path, async || reader.chunk().await).await?;
        Ok(Moved::Sent)
    }

    pub(super) async fn put_manifest(
        &self,
        name: &RepositoryName,
        manifest: &RemoteManifest,
        place: &Place,
    ) -> Result<(), CopyError> {
        let path = blob_path(&self.folder_of(name), &manifest.digest);
        if !path.is_file() {
            let mut body = Some(manifest.body.clone());
            self.write(&path, async || Ok(body.take())).await?;
        }
        let mut entry = Entry {
            media_type: manifest.manifest.media_type.clone(),
            digest: manifest.digest,
            size: manifest.body.len() as u64,
            annotations: HashMap::new(),
        };
        let is_due = self.with(name, |entries| {
            match place {
                Place::Child => return false,
                Place::Untagged => entries.untagged.insert(entry.digest, entry),
                Place::Tag(tag) => {
                    entry.annotations.insert(REF_NAME.to_owned(), tag.to_string());
                    entries.tagged.insert(tag.to_string(), entry)
                }
            };
            entries.added += 1;
            entries.added % IMAGES_BETWEEN == 0
        });
        if is_due { self.write_index(name) } else { Ok(()) }
    }

    pub(super) fn finish(&self, name: &RepositoryName) -> Result<(), CopyError> {
        self.write_index(name)?;
        self.lists.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }

    fn write_index(&self, name: &RepositoryName) -> Result<(), CopyError> {
        let mut manifests: Vec<Entry> = self.with(name, |entries| {
            entries.tagged.values().chain(entries.untagged.values()).cloned().collect()
        });
        manifests.sort_by_key(|entry| (entry.annotations.get(REF_NAME).cloned(), entry.digest));
        let index = Index { schema_version: 2, media_type: OCI_IMAGE_INDEX.to_owned(), manifests };
        let path = self.folder_of(name).join(INDEX);
        let content =
            serde_json::to_vec(&index).map_err(|error| CopyError::content(&path, error.to_string()))?;
        let partial = path.with_extension("partial");
        let written = fs::write(&partial, content).and_then(|()| fs::rename(&partial, &path));
        written.map_err(CopyError::file(path))
    }

    /// Writes a file that appears when it is complete.
    async fn write(
        &self,
        path: &Path,
        mut next: impl AsyncFnMut() -> Result<Option<Bytes>, CopyError>,
    ) -> Result<(), CopyError> {
        let number = self.next_partial.fetch_add(1, Ordering::Relaxed);
        let partial = self.root.join(format!(".partial-{}-{number}", std::process::id()));
        let outcome = async {
            let mut file = tokio::fs::File::create(&partial).await.map_err(CopyError::file(&partial))?;
            while let Some(bytes) = next().await? {
                file.write_all(&bytes).await.map_err(CopyError::file(&partial))?;
            }
            file.sync_all().await.map_err(CopyError::file(&partial))?;
            tokio::fs::rename(&partial, path).await.map_err(CopyError::file(path))
        }
        .await;
        if outcome.is_err() {
            match tokio::fs::remove_file(&partial).await {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::debug!(path = %partial.display(), %error, "a partial file stays");
                }
                _ => {}
            }
        }
        outcome
    }
}
