//! A folder with repositories: OCI layouts, or the storage of a registry that uses distribution's format. Only the files
//! that the format names are read. What a manifest or a blob contains is verified by its digest.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use oci::digest::Digest;
use oci::manifest::{MAX_MANIFEST_BYTES, Manifest};
use oci::name::{Reference, RepositoryName, Tag};
use upstream::RemoteManifest;

use super::{CopyError, layout, storage};

/// How deep folders are searched for repositories: a name has at most 128 parts.
const MOST_DEPTH: usize = 128;

/// The format of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One OCI image layout for each repository.
    Layouts,
    /// The storage folder of docker-registry (`docker/registry/v2`).
    Storage,
}

/// A folder with repositories.
pub(crate) struct Folder {
    root: PathBuf,
    format: Format,
    /// The name of the repository, if the folder itself is a layout.
    single: Option<String>,
    /// Of the repository that was asked for last.
    read: Mutex<Option<(RepositoryName, Arc<Contents>)>>,
}

/// What a repository contains.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) tags: BTreeMap<Tag, Digest>,
    pub(crate) untagged: Vec<Digest>,
    /// By subject.
    pub(crate) referrers: HashMap<Digest, Vec<Digest>>,
    /// The media types that are not in the manifests themselves.
    pub(crate) media_types: HashMap<Digest, String>,
}

impl Folder {
    /// Recognizes the format of a folder. `name` is for a folder that is a single layout.
    pub(crate) fn open(path: &Path, name: Option<&str>) -> Result<Self, CopyError> {
        let of = |root: PathBuf, format, single| Self { root, format, single, read: Mutex::new(None) };
        if let Some(root) = storage::root_in(path) {
            return Ok(of(root, Format::Storage, None));
        }
        if path.join(layout::MARK).is_file() {
            let last = path.canonicalize().map_err(CopyError::file(path))?;
            let last = last.file_name().and_then(|last| last.to_str()).unwrap_or_default().to_owned();
            let name = name.map_or(last, str::to_owned);
            return Ok(of(path.to_owned(), Format::Layouts, Some(name)));
        }
        if path.is_dir() {
            return Ok(of(path.to_owned(), Format::Layouts, None));
        }
        Err(CopyError::content(path, "not a folder with an OCI layout or with the storage of a registry"))
    }

    fn folder_of(&self, name: &RepositoryName) -> PathBuf {
        match (&self.single, self.format) {
            (Some(_), _) => self.root.clone(),
            (None, Format::Layouts) => self.root.join(name.as_str()),
            (None, Format::Storage) => self.root.join("repositories").join(name.as_str()),
        }
    }

    /// Where a blob or a manifest is.
    pub(crate) fn blob_path(&self, name: &RepositoryName, digest: &Digest) -> PathBuf {
        match self.format {
            Format::Layouts => layout::blob_path(&self.folder_of(name), digest),
            Format::Storage => storage::blob_path(&self.root, digest),
        }
    }

    /// The names of all repositories.
    pub(crate) async fn repositories(&self) -> Result<Vec<String>, CopyError> {
        if let Some(name) = &self.single {
            return Ok(vec![name.clone()]);
        }
        let (root, is_repository, inner): (_, fn(&Path) -> bool, _) = match self.format {
            Format::Layouts => (self.root.clone(), |path| path.join(layout::MARK).is_file(), "blobs"),
            Format::Storage => (
                self.root.join("repositories"),
                |path| path.join(storage::MANIFESTS).is_dir(),
                storage::MANIFESTS,
            ),
        };
        blocking(move || {
            let mut found = Vec::new();
            search(&root, &root, is_repository, inner, MOST_DEPTH, &mut found)?;
            Ok(found)
        })
        .await
    }

    /// What a repository contains.
    pub(crate) async fn contents(&self, name: &RepositoryName) -> Result<Arc<Contents>, CopyError> {
        let kept = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, contents)) = kept().as_ref()
            && of == name
        {
            return Ok(Arc::clone(contents));
        }
        let (folder, root, format) = (self.folder_of(name), self.root.clone(), self.format);
        let contents = Arc::new(
            blocking(move || match format {
                Format::Layouts => layout::contents(&folder),
                Format::Storage => storage::contents(&root, &folder),
            })
            .await?,
        );
        *kept() = Some((name.clone(), Arc::clone(&contents)));
        Ok(contents)
    }

    /// A manifest, verified.
    pub(crate) async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<RemoteManifest, CopyError> {
        let contents = self.contents(name).await?;
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => contents.tags.get(tag).copied(),
        };
        let missing = || CopyError::file(self.folder_of(name))(std::io::ErrorKind::NotFound.into());
        let digest = digest.ok_or_else(missing)?;
        let path = self.blob_path(name, &digest);
        let media_type = contents.media_types.get(&digest).cloned();
        blocking(move || read_manifest(&path, &digest, media_type.as_deref())).await
    }
}

/// Reads and verifies a manifest.
pub(super) fn read_manifest(
    path: &Path,
    digest: &Digest,
    media_type: Option<&str>,
) -> Result<RemoteManifest, CopyError> {
    let body = read(path, MAX_MANIFEST_BYTES as u64)?;
    if Digest::of(digest.algorithm(), &body) != *digest {
        return Err(CopyError::content(path, format!("the bytes do not have the digest {digest}")));
    }
    let manifest =
        Manifest::parse(&body, media_type).map_err(|error| CopyError::content(path, error.to_string()))?;
    Ok(RemoteManifest { digest: *digest, manifest, body: Bytes::from(body) })
}

/// The content of a file, which must not be longer than `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Vec<u8>, CopyError> {
    let file = fs::File::open(path).map_err(CopyError::file(path))?;
    let mut content = Vec::new();
    file.take(most + 1).read_to_end(&mut content).map_err(CopyError::file(path))?;
    if content.len() as u64 > most {
        return Err(CopyError::content(path, "too long"));
    }
    Ok(content)
}

/// Adds the names of the repositories below a folder.
fn search(
    root: &Path,
    folder: &Path,
    is_repository: fn(&Path) -> bool,
    inner: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), CopyError> {
    let is_one = is_repository(folder);
    if let Some(name) =
        folder.strip_prefix(root).ok().and_then(Path::to_str).filter(|name| is_one && !name.is_empty())
    {
        found.push(name.to_owned());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(CopyError::file(folder))? {
        let entry = entry.map_err(CopyError::file(folder))?;
        let kind = entry.file_type().map_err(CopyError::file(entry.path()))?;
        // Links are not followed: they could lead around in circles. Names that start with `_` are the registry's own.
        let own = entry.file_name();
        let is_inner = is_one && (own == inner || own.to_string_lossy().starts_with('_'));
        if kind.is_dir() && !is_inner {
            search(root, &entry.path(), is_repository, inner, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Runs work on files where it may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CopyError::Other(error.to_string())))
}
