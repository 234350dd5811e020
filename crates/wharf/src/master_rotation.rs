//! Replaces the master key. The next key waits in its own file. After a crash at any step the key in place opens the
//! store, and the next start continues.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use fault::Fault;
use jiff::Timestamp;
use server::Deployment;

use crate::{files, master_key};

/// The file of the next key.
pub(crate) fn next_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    path.with_file_name(name)
}

/// Begins a rotation: creates the next key. If a rotation was begun before, its key is used.
pub(crate) fn begin(path: &Path) -> anyhow::Result<()> {
    let next = next_path(path);
    if files::read_optional(&next)?.is_none() {
        master_key::load_or_make(&next)?;
    }
    fault::hit(Fault::MasterKeyWritten);
    Ok(())
}

/// Whether a rotation was begun and its key is not in place yet.
pub(crate) fn is_begun(path: &Path) -> bool {
    next_path(path).exists()
}

/// Puts the next key in place, if there is one. From then on both keys open the store.
pub(crate) async fn put_in_place(deployment: &Deployment, path: &Path) -> anyhow::Result<()> {
    let next = next_path(path);
    if files::read_optional(&next)?.is_none() {
        return Ok(());
    }
    deployment.access.add_master_key(&master_key::load_or_make(&next)?).await?;
    fault::hit(Fault::MasterKeyAdded);
    let moved = || -> io::Result<()> {
        fs::rename(&next, path)?;
        let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
        fs::File::open(folder)?.sync_all()
    };
    moved().with_context(|| format!("cannot replace {} with {}", path.display(), next.display()))?;
    fault::hit(Fault::MasterKeyInPlace);
    Ok(())
}

/// Disables the old key: only the key in place opens the store.
pub(crate) async fn finish(deployment: &Deployment, path: &Path) -> anyhow::Result<()> {
    if is_begun(path) {
        return Err(anyhow!("the next master key is not in place yet: run wharf keys rotate --master"));
    }
    let master = master_key::load(path)?;
    deployment.access.keep_one_master_key(&master, Timestamp::now()).await?;
    fault::hit(Fault::MasterKeyDropped);
    Ok(())
}

/// The part that a server does every few seconds. A server that has the store alone completes the rotation. If several
/// servers share the store, an operator says when each of them has the new file.
pub(crate) async fn follow(deployment: &Deployment, path: &Path, is_alone: bool) -> anyhow::Result<()> {
    if is_alone && let Err(error) = put_in_place(deployment, path).await {
        // An earlier rotation may not be finished: the key in place works, and the next key keeps waiting.
        deployment.access.keep_one_master_key(&master_key::load(path)?, Timestamp::now()).await?;
        return Err(error);
    }
    deployment.access.refresh_keys(master_key::load(path)?, Timestamp::now()).await?;
    if is_alone && deployment.access.listed_keys(Timestamp::now()).await?.master_keys > 1 {
        finish(deployment, path).await?;
        tracing::info!("the master key was rotated");
    }
    Ok(())
}
