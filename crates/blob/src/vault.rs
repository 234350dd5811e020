//! Files with names, in a folder or in a bucket: where a backup is. A file is complete and durable under its name, or it has
//! another name.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fault::Fault;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _};
use object_store::aws::AmazonS3;
use object_store::path::Path as ObjectPath;
use object_store::{Error, MultipartUpload as _, ObjectStore as _, ObjectStoreExt as _, PutPayload};

use crate::disk::{Disk, FileStream, LocalDisk};
use crate::key::{ObjectKey, Place};
use crate::s3::{S3Options, error};
use crate::unavailable::unavailable;

/// Parts of a large file in a bucket. With it, the largest layer of ECR has fewer than 10,000 parts.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// The end of the name of a file that is not complete.
const PARTIAL: &str = ".partial";

/// A folder or a bucket. Cheap to clone.
#[derive(Clone)]
pub enum Vault {
    /// A folder on this machine, and its file system.
    Folder(PathBuf, Arc<dyn Disk>),
    /// A bucket, and the beginning of all names in it.
    Bucket(Arc<AmazonS3>, String),
}

impl Vault {
    /// A folder, which is created with its first file.
    pub fn folder(root: impl Into<PathBuf>) -> Self {
        Self::Folder(root.into(), Arc::new(LocalDisk))
    }

    /// A bucket. This sends nothing.
    pub fn bucket(options: &S3Options) -> io::Result<Self> {
        let client = options.client(options.endpoint.as_deref()).map_err(error::io)?;
        let prefix = &options.url.prefix;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self::Bucket(Arc::new(client), prefix))
    }

    /// The name of the file of an object.
    pub fn name_of(key: &ObjectKey) -> String {
        let folder = match key.place() {
            Place::Standard => "objects",
            Place::Archive => "archive/objects",
        };
        format!("{folder}/{:02x}/{}", key.folder(), key.file_name())
    }

    /// The key of the object with a file of this name, which can be incomplete.
    pub fn key_of(name: &str) -> Option<ObjectKey> {
        let (place, rest) = match name.strip_prefix("archive/") {
            Some(rest) => (Place::Archive, rest),
            None => (Place::Standard, name),
        };
        let rest = rest.strip_prefix("objects/")?;
        ObjectKey::of_file(place, rest.split_once('/')?.1.trim_end_matches(PARTIAL)).ok()
    }

    /// Whether the file with this name is not complete.
    pub fn is_partial(name: &str) -> bool {
        name.ends_with(PARTIAL)
    }

    /// A small file, if it exists.
    pub async fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(mut stream) = self.get(name).await? else { return Ok(None) };
        let mut content = Vec::new();
        while let Some(chunk) = stream.next().await {
            content.extend_from_slice(&chunk?);
        }
        Ok(Some(content))
    }

    /// The content of a file, if it exists.
    pub async fn get(&self, name: &str) -> io::Result<Option<BoxStream<'static, io::Result<Bytes>>>> {
        match self {
            Self::Folder(root, _) => {
                let path = root.join(name);
                let opened = tokio::task::spawn_blocking(move || {
                    let file = std::fs::File::open(path)?;
                    let len = file.metadata()?.len();
                    Ok::<_, io::Error>((file, len))
                });
                match opened.await.map_err(io::Error::other)? {
                    Ok((file, len)) => Ok(Some(FileStream::new(file, 0, len).boxed())),
                    Err(error) if is_missing(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Self::Bucket(client, prefix) => match client.get(&path_of(prefix, name)).await {
                Ok(found) => Ok(Some(found.into_stream().map(|chunk| chunk.map_err(error::io)).boxed())),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error::io(error)),
            },
        }
    }

    /// The length of a file, if it exists.
    pub async fn len(&self, name: &str) -> io::Result<Option<u64>> {
        match self {
            Self::Folder(root, _) => match tokio::fs::metadata(root.join(name)).await {
                Ok(file) => Ok(Some(file.len())),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            },
            Self::Bucket(client, prefix) => match client.head(&path_of(prefix, name)).await {
                Ok(found) => Ok(Some(found.size)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error::io(error)),
            },
        }
    }

    /// Writes a file. It has its name when all of it is durable. If `body` fails, there is no file.
    pub fn put<'a, S>(&'a self, name: &'a str, body: S) -> BoxFuture<'a, io::Result<()>>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'a,
    {
        self.put_stream(name, body.boxed())
    }

    /// For a body of any type, so it is compiled once.
    fn put_stream<'a>(
        &'a self,
        name: &'a str,
        body: BoxStream<'a, io::Result<Bytes>>,
    ) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            match self {
                Self::Folder(root, disk) => put_in_folder(disk, &root.join(name), name, body).await,
                Self::Bucket(client, prefix) => put_in_bucket(client, &path_of(prefix, name), body).await,
            }
        })
    }

    /// Removes a file, if it exists.
    pub async fn remove(&self, name: &str) -> io::Result<()> {
        match self {
            Self::Folder(root, disk) => {
                let (disk, path) = (Arc::clone(disk), root.join(name));
                match blocking(move || disk.remove(&path)).await {
                    Err(error) if !is_missing(&error) => Err(error),
                    _ => Ok(()),
                }
            }
            Self::Bucket(client, prefix) => match client.delete(&path_of(prefix, name)).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error::io(error)),
            },
        }
    }

    /// The names and lengths of all files in this folder and in the folders below, which ends without a slash.
    pub async fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        match self {
            Self::Folder(root, _) => {
                let (root, folder) = (root.clone(), folder.to_owned());
                let listed = tokio::task::spawn_blocking(move || {
                    let mut found = Vec::new();
                    list_folder(&root, &folder, &mut found).map(|()| found)
                });
                listed.await.map_err(io::Error::other)?
            }
            Self::Bucket(client, prefix) => {
                let mut listed = client.list(Some(&path_of(prefix, folder)));
                let mut found = Vec::new();
                while let Some(entry) = listed.next().await {
                    let entry = entry.map_err(error::io)?;
                    let name = entry.location.as_ref().strip_prefix(prefix.as_str()).unwrap_or_default();
                    found.push((name.to_owned(), entry.size));
                }
                Ok(found)
            }
        }
    }
}

fn path_of(prefix: &str, name: &str) -> ObjectPath {
    ObjectPath::from(format!("{prefix}{name}"))
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn list_folder(root: &Path, folder: &str, found: &mut Vec<(String, u64)>) -> io::Result<()> {
    let entries = match std::fs::read_dir(root.join(folder)) {
        Err(error) if is_missing(&error) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            list_folder(root, &name, found)?;
        } else {
            found.push((name, metadata.len()));
        }
    }
    Ok(())
}

async fn put_in_folder<S>(disk: &Arc<dyn Disk>, path: &Path, name: &str, mut body: S) -> io::Result<()>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
{
    let mut partial = path.as_os_str().to_owned();
    partial.push(PARTIAL);
    let partial = PathBuf::from(partial);
    let folder = path.parent().ok_or(ErrorKind::InvalidInput)?.to_owned();
    let (on, made, create) = (Arc::clone(disk), folder.clone(), partial.clone());
    let file = blocking(move || {
        make_folders(&*on, &made)?;
        on.create_private(&create)
    })
    .await?;
    let mut offset = 0;
    while let Some(chunk) = body.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                let disk = Arc::clone(disk);
                blocking(move || disk.remove(&partial)).await?;
                return Err(error);
            }
        };
        let (to, at) = (Arc::clone(&file), offset);
        offset += chunk.len() as u64;
        blocking(move || to.write_all_at(&chunk, at)).await?;
    }
    if Vault::key_of(name).is_some() {
        fault::hit(Fault::CopyWritten);
    }
    let (disk, path) = (Arc::clone(disk), path.to_owned());
    blocking(move || {
        file.sync()?;
        disk.rename(&partial, &path)?;
        disk.sync_folder(&folder)
    })
    .await
}

/// Creates a folder and its missing parents, each durable in its parent.
fn make_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent() else { return Ok(()) };
    make_folders(disk, parent)?;
    disk.make_folder(folder)?;
    disk.sync_folder(parent)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

async fn put_in_bucket<S>(client: &AmazonS3, path: &ObjectPath, mut body: S) -> io::Result<()>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
{
    let (mut buffer, mut len) = (BytesMut::new(), 0_u64);
    let mut upload = None;
    while let Some(chunk) = body.next().await {
        let chunk = match (chunk, &mut upload) {
            (Ok(chunk), _) => chunk,
            (Err(error), None) => return Err(error),
            (Err(error), Some(upload)) => {
                let upload: &mut Box<dyn object_store::MultipartUpload> = upload;
                // The error of the body is more useful than one of this.
                let _ = upload.abort().await;
                return Err(error);
            }
        };
        buffer.extend_from_slice(&chunk);
        len += chunk.len() as u64;
        while buffer.len() > PART_BYTES {
            let part = buffer.split_to(PART_BYTES).freeze();
            let begun = match upload.take() {
                Some(begun) => begun,
                None => client.put_multipart(path).await.map_err(error::io)?,
            };
            upload.insert(begun).put_part(part.into()).await.map_err(error::io)?;
        }
    }
    let rest = PutPayload::from(buffer.freeze());
    match upload {
        None => client.put(path, rest).await.map(drop).map_err(error::io),
        Some(mut upload) => {
            upload.put_part(rest).await.map_err(error::io)?;
            upload.complete().await.map_err(error::io)?;
            // Some servers say that they have completed an upload before they have.
            match client.head(path).await {
                Ok(found) if found.size == len => Ok(()),
                Ok(_) | Err(Error::NotFound { .. }) => {
                    Err(unavailable("the upload was completed, and the bucket does not have the file"))
                }
                Err(error) => Err(error::io(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[&'static [u8]]) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        futures::stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::folder(folder.path().join("vault"));
        let key = ObjectKey::from_bytes([7; 16]);
        let name = Vault::name_of(&key);
        assert_eq!(Vault::key_of(&name), Some(key));
        assert_eq!(Vault::key_of("objects/07/other"), None);
        assert!(vault.list("objects").await.unwrap().is_empty());
        vault.put(&name, body(&[b"by", b"tes"])).await.unwrap();
        assert_eq!(vault.read(&name).await.unwrap().unwrap(), b"bytes");
        assert_eq!(vault.len(&name).await.unwrap(), Some(5));

        let failing = body(&[b"other"]).chain(futures::stream::iter([Err(io::Error::other("no"))]));
        assert!(vault.put(&name, failing).await.is_err());
        assert_eq!(vault.list("objects").await.unwrap(), [(name.clone(), 5)], "nothing else is left");
        vault.remove(&name).await.unwrap();
        vault.remove(&name).await.unwrap();
        assert_eq!(vault.read(&name).await.unwrap(), None);
        let archived = ObjectKey::random_in(Place::Archive);
        let partial = format!("{}{PARTIAL}", Vault::name_of(&archived));
        assert!(Vault::is_partial(&partial) && partial.starts_with("archive/objects/"));
        assert_eq!(Vault::key_of(&partial), Some(archived));
    }
}
