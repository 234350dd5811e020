//! The options of the commands of backups that say where a backup is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use blob::Vault;
use clap::Args;

use super::sealing::BackupKey;
use crate::config;

/// A folder or a bucket, and the key of an encrypted backup.
#[derive(Args, Clone)]
pub(crate) struct Target {
    /// The folder of the backup, or its bucket: s3://BUCKET/PREFIX.
    #[arg(value_name = "PLACE", required = true)]
    place: Option<String>,
    /// A configuration file whose [blobs.s3] says how the bucket is reached [default: WHARF__BLOBS__S3__ENDPOINT and so on].
    #[arg(long, value_name = "FILE")]
    s3_config: Option<PathBuf>,
    /// The key of an encrypted backup: a file with 32 bytes as hexadecimal digits. The first backup to a place decides
    /// whether it is encrypted.
    #[arg(long, value_name = "FILE")]
    encryption_key_file: Option<PathBuf>,
}

impl Target {
    #[cfg(test)]
    pub(crate) fn folder(path: &Path) -> Self {
        Self { place: Some(path.display().to_string()), s3_config: None, encryption_key_file: None }
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> String {
        self.place.clone().unwrap_or_default()
    }

    /// The folder or the bucket.
    pub(crate) fn vault(&self) -> anyhow::Result<Vault> {
        let place = self.place.as_deref().context("the place of the backup is missing")?;
        if !place.starts_with("s3://") {
            return Ok(Vault::folder(std::path::absolute(Path::new(place))?));
        }
        let bucket = config::bucket_at(place, self.s3_config.as_deref())?;
        Vault::bucket(&bucket.options()?).with_context(|| format!("cannot open the bucket {place}"))
    }

    /// The key, if there is one.
    pub(crate) fn key(&self) -> anyhow::Result<Option<BackupKey>> {
        self.encryption_key_file.as_deref().map(BackupKey::read).transpose()
    }
}
