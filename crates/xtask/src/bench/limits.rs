//! What limits a push on this machine: SHA-256 in one thread, and writing to the disk with a sync.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use super::content::{Blob, MIB};

const SIZE: u64 = 256 * MIB;
const ROUNDS: usize = 3;

/// Bytes of [`SIZE`] in a second, the best of the rounds.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Of SHA-256.
    pub(crate) hash: f64,
    /// Of write and fsync.
    pub(crate) disk: f64,
}

impl Limits {
    /// Measures both; the file is in `folder`.
    pub(crate) fn measure(folder: &Path) -> Result<Self> {
        let blob = Blob::random(SIZE)?;
        let path = folder.join("limit");
        let mut limits = Self { hash: 0.0, disk: 0.0 };
        for _ in 0..ROUNDS {
            let start = Instant::now();
            std::hint::black_box(Sha256::digest(&blob.bytes));
            limits.hash = limits.hash.max(1.0 / start.elapsed().as_secs_f64());
            let start = Instant::now();
            let mut file = File::create(&path)?;
            file.write_all(&blob.bytes)?;
            file.sync_all()?;
            limits.disk = limits.disk.max(1.0 / start.elapsed().as_secs_f64());
            fs::remove_file(&path)?;
        }
        Ok(limits)
    }

    /// The rate of the slower one, for pushes of 256 MiB.
    pub(crate) fn slower(self) -> f64 {
        self.hash.min(self.disk)
    }
}
