//! Where a backup is: a folder or a bucket, encrypted or not.
//!
//! ```text
//! wharf-backup                  marks the place, and says whether it is encrypted
//! lock                          one command writes at a time; only in a folder
//! in-progress                   the ID of a backup that has not ended
//! objects/ab/ab…                bytes of layers, shared by all snapshots
//! archive/objects/ab/ab…        bytes of archived layers
//! snapshots/TIME/wharf.db       the rows
//! snapshots/TIME/objects.tsv    the objects that the rows name
//! snapshots/TIME/backup.json    written last: a snapshot without it does not count
//! ```
//!
//! All files but the mark, the lock and `in-progress` are encrypted, if the backup is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use blob::{ObjectKey, Vault};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};

use super::sealing::{self, BackupKey};
use super::target::Target;
use crate::files;

const MARK: &str = "wharf-backup";
const MARK_TEXT: &[u8] = b"wharf backup 1\n";
/// The mark of an encrypted backup: this line, and the same line encrypted, which shows whether a key is the right one.
const SEALED_MARK: &[u8] = b"wharf backup 1 encrypted\n";
const IN_PROGRESS: &str = "in-progress";

/// A place of backups. A folder is locked until this is dropped.
pub(crate) struct BackupPlace {
    pub(super) vault: Vault,
    key: Option<BackupKey>,
    pub(super) name: String,
    _lock: Option<File>,
}

impl BackupPlace {
    /// Opens the place to write to it; it is created, if it does not exist or is empty.
    pub(crate) async fn create(target: &Target) -> anyhow::Result<Self> {
        let vault = target.vault()?;
        if let Vault::Folder(path, _) = &vault {
            files::make_private_folder(path)?;
            check_own(path)?;
        }
        let marked = vault.read(MARK).await.with_context(|| format!("cannot read {}", target.name()))?;
        if marked.is_none() {
            let mark = match target.key()? {
                None => MARK_TEXT.to_vec(),
                Some(key) => {
                    let line = stream::iter([Ok(Bytes::from_static(SEALED_MARK))]);
                    let sealed = collect(sealing::seal(&key, MARK, line)?).await?;
                    [SEALED_MARK, &sealed].concat()
                }
            };
            put(&vault, MARK, mark).await?;
        }
        Self::open(target, true).await
    }

    /// Opens a place that exists.
    pub(crate) async fn open(target: &Target, to_write: bool) -> anyhow::Result<Self> {
        let (vault, name) = (target.vault()?, target.name());
        let mark = vault.read(MARK).await.with_context(|| format!("cannot read {name}"))?;
        let key = match (mark.as_deref(), target.key()?) {
            (Some(mark), None) if mark == MARK_TEXT => None,
            (Some(mark), Some(_)) if mark == MARK_TEXT => {
                bail!(
                    "the backup {name} is not encrypted: leave out --encryption-key-file, or name another place"
                )
            }
            (Some(mark), key) => {
                let Some(sealed) = mark.strip_prefix(SEALED_MARK) else {
                    bail!("{name} is not a backup that this version of wharf can read")
                };
                let key = key.with_context(|| {
                    format!("the backup {name} is encrypted: name its key with --encryption-key-file")
                })?;
                check_key(&key, sealed).await.with_context(|| {
                    format!("the key of --encryption-key-file is not the one of the backup {name}")
                })?;
                Some(key)
            }
            (None, _) => bail!("{name} is not a backup that this version of wharf can read"),
        };
        let lock = match &vault {
            Vault::Folder(path, _) => Some(lock(path, to_write)?),
            Vault::Bucket(..) => None,
        };
        Ok(Self { vault, key, name, _lock: lock })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The ID of a backup that has not ended.
    pub(crate) async fn in_progress(&self) -> anyhow::Result<Option<String>> {
        let id = self.vault.read(IN_PROGRESS).await?;
        Ok(id.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// Notes the ID of a backup that begins. Another one that is in progress does not count any more.
    pub(crate) async fn begin(&self, id: &str) -> anyhow::Result<()> {
        put(&self.vault, IN_PROGRESS, id.as_bytes().to_vec()).await
    }

    /// Refuses, if another backup has begun after this one: it removes the files of this one. Only a bucket has no lock.
    pub(crate) async fn check_in_progress(&self, id: &str) -> anyhow::Result<()> {
        if self.in_progress().await?.as_deref() != Some(id) {
            bail!("another command has begun a backup to {}: run one at a time", self.name);
        }
        Ok(())
    }

    /// Notes that the backup has ended, unless another one has begun.
    pub(crate) async fn end(&self, id: &str) -> anyhow::Result<()> {
        if self.in_progress().await?.as_deref() == Some(id) {
            self.vault.remove(IN_PROGRESS).await?;
        }
        Ok(())
    }

    /// Whether another command may be writing to the place. A folder is locked.
    pub(crate) async fn may_be_in_use(&self) -> anyhow::Result<bool> {
        Ok(matches!(self.vault, Vault::Bucket(..)) && self.in_progress().await?.is_some())
    }

    /// Writes a file.
    pub(crate) async fn write<S>(&self, name: &str, body: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    {
        match &self.key {
            Some(key) => self.vault.put(name, sealing::seal(key, name, body)?).await,
            None => self.vault.put(name, body).await,
        }
    }

    /// Writes a small file.
    pub(crate) async fn write_all(&self, name: &str, content: Vec<u8>) -> anyhow::Result<()> {
        let written = self.write(name, stream::iter([Ok(Bytes::from(content))])).await;
        written.with_context(|| format!("cannot write {name}"))
    }

    /// The content of a file, if it exists.
    pub(crate) async fn read(&self, name: &str) -> io::Result<Option<BoxStream<'static, io::Result<Bytes>>>> {
        match (self.vault.get(name).await?, &self.key) {
            (Some(body), Some(key)) => Ok(Some(sealing::open(key, name, body).await?)),
            (body, _) => Ok(body),
        }
    }

    /// A small file, if it exists.
    pub(crate) async fn read_all(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let content = match self.read(name).await {
            Ok(Some(body)) => collect(body).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        content.with_context(|| format!("cannot read {name} in {}", self.name))
    }

    /// Whether the place has an object of this size.
    pub(crate) async fn has(&self, key: &ObjectKey, size: u64) -> io::Result<bool> {
        self.has_file(&Vault::name_of(key), size).await
    }

    /// Whether the place has a file with a content of this length.
    pub(super) async fn has_file(&self, name: &str, size: u64) -> io::Result<bool> {
        let size = if self.key.is_some() { sealing::sealed_len(size) } else { size };
        Ok(self.vault.len(name).await? == Some(size))
    }

    /// Removes the objects that `is_kept` does not keep, and files that are not complete. Returns how many objects and bytes
    /// were removed.
    pub(crate) async fn remove_others(
        &self,
        is_kept: impl Fn(&ObjectKey) -> bool,
    ) -> anyhow::Result<(u64, u64)> {
        let (mut objects, mut bytes) = (0, 0);
        for folder in ["objects", "archive/objects"] {
            for (name, len) in self.vault.list(folder).await? {
                let Some(key) = Vault::key_of(&name) else { continue };
                let is_partial = Vault::is_partial(&name);
                if !is_partial && is_kept(&key) {
                    continue;
                }
                self.vault.remove(&name).await?;
                bytes += len;
                objects += u64::from(!is_partial);
            }
        }
        Ok((objects, bytes))
    }
}

async fn put(vault: &Vault, name: &str, content: Vec<u8>) -> anyhow::Result<()> {
    let written = vault.put(name, stream::iter([Ok(Bytes::from(content))])).await;
    written.with_context(|| format!("cannot write {name}"))
}

/// All bytes of a small file.
pub(crate) async fn collect(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    while let Some(bytes) = body.next().await {
        content.extend_from_slice(&bytes?);
    }
    Ok(content)
}

async fn check_key(key: &BackupKey, sealed: &[u8]) -> io::Result<()> {
    let sealed = stream::iter([Ok(Bytes::copy_from_slice(sealed))]);
    collect(sealing::open(key, MARK, sealed).await?).await.map(drop)
}

/// Refuses a folder with other things.
fn check_own(path: &Path) -> anyhow::Result<()> {
    if path.join(MARK).exists() {
        return Ok(());
    }
    let names = fs::read_dir(path)?.flatten().map(|entry| entry.file_name());
    let others =
        names.filter(|name| !["lost+found", "lock", "wharf-backup.partial"].iter().any(|own| name == own));
    if others.count() > 0 {
        bail!("{} holds other things: a backup needs a folder of its own", path.display());
    }
    Ok(())
}

fn lock(path: &Path, to_write: bool) -> anyhow::Result<File> {
    let lock_path = path.join("lock");
    let mut options = OpenOptions::new();
    let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
    let lock = lock.with_context(|| format!("cannot open {}", lock_path.display()))?;
    match if to_write { lock.try_lock() } else { lock.try_lock_shared() } {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("another command uses the backup {}", path.display()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
        }
    }
}
