//! Another master key takes the place of the one in use. The next key lies beside it, in a file of its own, until it is
//! its turn; a crash after any step leaves a key in place that opens the store, and who comes next goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use fault::Fault;
use jiff::Timestamp;
use server::Deployment;

use crate::{files, master_key};

/// Where the next key waits.
pub(crate) fn next_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    path.with_file_name(name)
}

/// Begins: makes the next key. One that was begun before goes on with its own.
pub(crate) fn begin(path: &Path) -> anyhow::Result<()> {
    let next = next_path(path);
    if files::read_optional(&next)?.is_none() {
        master_key::load_or_make(&next)?;
    }
    fault::hit(Fault::MasterKeyWritten);
    Ok(())
}

/// Whether a rotation was begun whose key is not in place yet.
pub(crate) fn is_begun(path: &Path) -> bool {
    next_path(path).exists()
}

/// Puts the next key in its place, if one waits. From then on both open the store.
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
    moved().with_context(|| format!("cannot put {} in the place of {}", next.display(), path.display()))?;
    fault::hit(Fault::MasterKeyInPlace);
    Ok(())
}

/// Drops the old key: the one in place alone opens the store.
pub(crate) async fn finish(deployment: &Deployment, path: &Path) -> anyhow::Result<()> {
    if is_begun(path) {
        return Err(anyhow!("the next master key is not in its place yet: wharf keys rotate --master"));
    }
    let master = master_key::load(path)?;
    deployment.access.keep_one_master_key(&master, Timestamp::now()).await?;
    fault::hit(Fault::MasterKeyDropped);
    Ok(())
}

/// What a server does about it every few seconds. One that has the store alone goes through with what was begun; where
/// several share one, an operator says when each of them has the new file.
pub(crate) async fn follow(deployment: &Deployment, path: &Path, is_alone: bool) -> anyhow::Result<()> {
    if is_alone && let Err(error) = put_in_place(deployment, path).await {
        // One that was begun before is perhaps not finished: the key in place is good, and the next waits on.
        deployment.access.keep_one_master_key(&master_key::load(path)?, Timestamp::now()).await?;
        return Err(error);
    }
    deployment.access.refresh_keys(master_key::load(path)?, Timestamp::now()).await?;
    if is_alone && deployment.access.master_keys().await? > 1 {
        finish(deployment, path).await?;
        tracing::info!("the master key was rotated");
    }
    Ok(())
}
