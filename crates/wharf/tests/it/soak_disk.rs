//! A small file system in memory, which a test can fill.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// More than a soak needs. What is left is filled.
const SIZE: &str = "size=512m";

/// A mounted file system. It ends when this is dropped.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Needs the permission to mount.
    pub(crate) fn mount() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("wharf-disk-").tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "wharf-test"]).arg(folder.path());
        let mounted = mount.output().context("mount")?;
        let said = String::from_utf8_lossy(&mounted.stderr);
        ensure!(
            mounted.status.success(),
            "this test fills a small file system, which root can mount: {said}"
        );
        Ok(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Leaves no byte free.
    pub(crate) fn fill(&self) -> Result<()> {
        let mut file = File::create(self.ballast())?;
        for size in [1 << 20, 4_096] {
            let bytes = vec![0; size];
            loop {
                match file.write_all(&bytes) {
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    written => written?,
                }
            }
        }
        Ok(())
    }

    /// Frees what [`Self::fill`] took.
    pub(crate) fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that ends may still use it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
