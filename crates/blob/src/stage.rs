//! What an upload needs between its chunks: its offset, the state of its hash, and the store's own data.
//!
//! The saved form is one opaque value in the upload's row. Only this crate reads and writes it:
//!
//! ```text
//! format (1 byte, 2) · store (1 byte) · length of the hash state (4 bytes, big endian) · hash state · the store's own
//! ```
//!
//! Rows of older versions contain the hash state alone. It starts with format 1 and is read as a stage of the disk
//! store, so such an upload continues.

use std::io;

use oci::digest::{Algorithm, Digest, Hasher};

use crate::s3::Progress;

/// The format that this code writes.
const FORMAT: u8 = 2;
/// The first byte of a hash state alone: rows had that before stages existed.
const FORMAT_OF_HASH_ALONE: u8 = 1;
/// Format, store, length of the hash state.
const HEADER_BYTES: usize = 6;

/// The maximum size of a saved stage. The largest layer in parts needs less; see `s3::progress`.
pub const MAX_STAGE_BYTES: usize = 1024 * 1024;

/// The progress of an upload. The store creates it, and needs it for the next chunk.
#[derive(Clone)]
pub struct Stage {
    /// The hash of exactly the upload's bytes: its length is the upload's offset.
    hasher: Hasher,
    own: Own,
}

/// The store's own data between two chunks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Own {
    /// The file contains everything.
    Disk,
    /// What is in the bucket.
    S3(Box<Progress>),
}

/// A saved stage that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidStage {
    /// It is longer than [`MAX_STAGE_BYTES`].
    #[error("the stage of an upload has {0} bytes, more than the maximum")]
    TooLong(usize),
    /// It was written by another version of this program, by another store or by something else.
    #[error("the stage of an upload cannot be read")]
    Unreadable,
    /// Its offset or algorithm is not the one in the row.
    #[error("the stage of an upload does not belong to the offset and algorithm in its row")]
    Mismatch,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("offset", &self.offset())
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

impl Own {
    const fn code(&self) -> u8 {
        match self {
            Self::Disk => 1,
            Self::S3(_) => 2,
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        match self {
            Self::Disk => Some(Vec::new()),
            Self::S3(progress) => progress.save(),
        }
    }

    fn read(code: u8, saved: &[u8]) -> Option<Self> {
        match (code, saved) {
            (1, []) => Some(Self::Disk),
            (2, saved) => Some(Self::S3(Box::new(Progress::read(saved)?))),
            _ => None,
        }
    }

    /// What is in the bucket, of an upload to one.
    pub(crate) fn s3(self) -> io::Result<Progress> {
        match self {
            Self::S3(progress) => Ok(*progress),
            Self::Disk => Err(io::Error::other("the stage is of another store")),
        }
    }
}

impl Stage {
    pub(crate) fn new(own: Own, hasher: Hasher) -> Self {
        Self { hasher, own }
    }

    pub(crate) fn into_parts(self) -> (Own, Hasher) {
        (self.own, self.hasher)
    }

    pub(crate) const fn own(&self) -> &Own {
        &self.own
    }

    /// The number of bytes of the upload.
    pub const fn offset(&self) -> u64 {
        self.hasher.length()
    }

    /// The digest of these bytes, with the upload's algorithm.
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// The stage as one value for the upload's row.
    pub fn save(&self) -> Result<Vec<u8>, InvalidStage> {
        let hash = self.hasher.save().ok_or(InvalidStage::Unreadable)?;
        let hash_len = u32::try_from(hash.len()).map_err(|_| InvalidStage::TooLong(hash.len()))?;
        let own = self.own.save().ok_or(InvalidStage::Unreadable)?;
        let mut saved = vec![FORMAT, self.own.code()];
        saved.extend_from_slice(&hash_len.to_be_bytes());
        saved.extend_from_slice(&hash);
        saved.extend_from_slice(&own);
        if saved.len() > MAX_STAGE_BYTES { Err(InvalidStage::TooLong(saved.len())) } else { Ok(saved) }
    }

    /// Reads the stage that was saved for an upload with this algorithm and offset.
    pub fn restore(saved: &[u8], algorithm: Algorithm, offset: u64) -> Result<Self, InvalidStage> {
        if saved.len() > MAX_STAGE_BYTES {
            return Err(InvalidStage::TooLong(saved.len()));
        }
        let stage = Self::read(saved).ok_or(InvalidStage::Unreadable)?;
        if stage.offset() != offset || stage.hasher.algorithm() != algorithm {
            return Err(InvalidStage::Mismatch);
        }
        Ok(stage)
    }

    fn read(saved: &[u8]) -> Option<Self> {
        if saved.first() == Some(&FORMAT_OF_HASH_ALONE) {
            return Some(Self::new(Own::Disk, Hasher::restore(saved)?));
        }
        let (header, rest) = saved.split_at_checked(HEADER_BYTES)?;
        let (&[format, store], hash_len) = header.split_first_chunk::<2>()?;
        let hash_len = u32::from_be_bytes(hash_len.try_into().ok()?);
        let (hash, own) = rest.split_at_checked(usize::try_from(hash_len).ok()?)?;
        if format != FORMAT {
            return None;
        }
        Some(Self::new(Own::read(store, own)?, Hasher::restore(hash)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hasher(bytes: &[u8]) -> Hasher {
        let mut hasher = Hasher::new(Algorithm::Sha512);
        hasher.update(bytes);
        hasher
    }

    #[test]
    fn an_upload_from_before_stages_continues() {
        let saved = hasher(b"pushed before the upgrade").save().unwrap();
        let stage = Stage::restore(&saved, Algorithm::Sha512, 25).unwrap();
        assert_eq!(stage.digest(), Digest::of(Algorithm::Sha512, b"pushed before the upgrade"));
    }

    #[test]
    fn a_stage_of_another_offset_or_algorithm_is_refused() {
        let saved = Stage::new(Own::Disk, hasher(b"abc")).save().unwrap();
        assert_eq!(Stage::restore(&saved, Algorithm::Sha512, 3).unwrap().offset(), 3);
        assert_eq!(Stage::restore(&saved, Algorithm::Sha512, 4).unwrap_err(), InvalidStage::Mismatch);
        assert_eq!(Stage::restore(&saved, Algorithm::Sha256, 3).unwrap_err(), InvalidStage::Mismatch);
    }

    #[test]
    fn another_format_store_or_length_is_refused() {
        let good = Stage::new(Own::Disk, hasher(b"abc")).save().unwrap();
        for (at, value) in [(0, 3), (1, 2), (5, 0)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(
                Stage::restore(&bad, Algorithm::Sha512, 3).unwrap_err(),
                InvalidStage::Unreadable,
                "{at}"
            );
        }
        let longer = [good.as_slice(), b"x"].concat();
        assert_eq!(Stage::restore(&longer, Algorithm::Sha512, 3).unwrap_err(), InvalidStage::Unreadable);
        let huge = vec![FORMAT; MAX_STAGE_BYTES + 1];
        let error = Stage::restore(&huge, Algorithm::Sha512, 3).unwrap_err();
        assert_eq!(error, InvalidStage::TooLong(MAX_STAGE_BYTES + 1));
    }

    proptest! {
        #[test]
        fn what_is_saved_is_restored(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let stage = Stage::new(Own::Disk, hasher(&bytes));
            let again = Stage::restore(&stage.save().unwrap(), Algorithm::Sha512, bytes.len() as u64).unwrap();
            prop_assert_eq!(again.digest(), Digest::of(Algorithm::Sha512, &bytes));
            prop_assert_eq!(again.own(), &Own::Disk);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Stage::restore(&bytes, Algorithm::Sha256, 0).is_err());
        }
    }
}
