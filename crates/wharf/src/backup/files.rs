//! Copies files durably, and computes their digests.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use oci::digest::{Algorithm, Digest, Hasher};

const CHUNK_BYTES: usize = 1 << 20;

/// Copies a file. The copy is new, private and durable. Returns its length and its digest.
pub(crate) fn copy_file(from: &Path, to: &Path) -> anyhow::Result<(u64, Digest)> {
    let mut source = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let copy = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let mut copy = copy.with_context(|| format!("cannot create {}", to.display()))?;
    let (mut hasher, mut buffer, mut len) = (Hasher::new(Algorithm::Sha256), vec![0; CHUNK_BYTES], 0);
    loop {
        let read = source.read(&mut buffer).with_context(|| format!("cannot read {}", from.display()))?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        hasher.update(chunk);
        copy.write_all(chunk).with_context(|| format!("cannot write {}", to.display()))?;
        len += read as u64;
    }
    copy.sync_all().with_context(|| format!("cannot write {}", to.display()))?;
    if let Some(folder) = to.parent() {
        sync_folder(folder)?;
    }
    Ok((len, hasher.finish()))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> anyhow::Result<()> {
    let synced = File::open(path).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("cannot sync {}", path.display()))
}

/// Refuses a folder that contains something. The root of a file system contains lost+found.
pub(crate) fn check_empty(path: &Path) -> anyhow::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| format!("cannot read {}", path.display()))?,
    };
    for entry in entries {
        if entry?.file_name() != "lost+found" {
            bail!("{} is not empty: a restore needs a new folder", path.display());
        }
    }
    Ok(())
}
