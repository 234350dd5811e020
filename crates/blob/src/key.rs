//! The name of an object in the store: random, and never used twice.
//!
//! A key does not depend on the digest. An object has its key before its digest is known, and a late deletion can never
//! remove an object that was pushed again.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// An opaque name of 128 bits, written as 32 lower-case hexadecimal digits, and the place of the object. In the archive the
/// text begins with `archive-`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectKey {
    bytes: [u8; 16],
    place: Place,
}

/// Where an object is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// Where uploads are stored.
    #[default]
    Standard,
    /// The storage of archived layers.
    Archive,
}

/// The beginning of the text of a key in the archive.
pub const ARCHIVE_PREFIX: &str = "archive-";

/// The text is not a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an object key is 32 lower-case hexadecimal digits")]
pub struct InvalidObjectKey;

/// Keys that are created one after another share their first byte for this many keys; see [`ObjectKey::random`].
const KEYS_PER_FOLDER: u32 = 256;

impl ObjectKey {
    /// A new key: 120 random bits, and a first byte (the folder of the disk store) that changes every 256 keys.
    ///
    /// Concurrent uploads then create their files in the same folder and can share its sync, which costs as much as the
    /// sync of a small file. Over time the folders still fill evenly.
    pub fn random() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        static FOLDER: AtomicU32 = AtomicU32::new(0);
        let mut bytes = [0; 16];
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            // Without random numbers the new key could be one that exists, and an upload would overwrite its object.
            std::process::abort();
        }
        let [folder, ..] = &mut bytes;
        if MADE.fetch_add(1, Ordering::Relaxed).is_multiple_of(KEYS_PER_FOLDER) {
            FOLDER.store(u32::from(*folder), Ordering::Relaxed);
        } else {
            *folder = FOLDER.load(Ordering::Relaxed).to_le_bytes()[0];
        }
        Self::from_bytes(bytes)
    }

    /// A new key of an object in this place.
    pub fn random_in(place: Place) -> Self {
        Self { place, ..Self::random() }
    }

    /// A key from 16 bytes, for tests with their own random numbers.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self { bytes, place: Place::Standard }
    }

    /// Where the object is.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The key of a file with this name.
    pub(crate) fn of_file(place: Place, name: &str) -> Result<Self, InvalidObjectKey> {
        // `hex` also accepts upper case. A key must have one spelling, because it is a file name.
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidObjectKey);
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(name, &mut bytes).map_err(|_| InvalidObjectKey)?;
        Ok(Self { bytes, place })
    }

    /// The name of its file.
    pub(crate) fn file_name(&self) -> String {
        hex::encode(self.bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    pub(crate) const fn folder(&self) -> u8 {
        let [folder, ..] = self.bytes;
        folder
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place == Place::Archive {
            f.write_str(ARCHIVE_PREFIX)?;
        }
        f.write_str(&self.file_name())
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidObjectKey;

    fn from_str(text: &str) -> Result<Self, InvalidObjectKey> {
        match text.strip_prefix(ARCHIVE_PREFIX) {
            Some(name) => Self::of_file(Place::Archive, name),
            None => Self::of_file(Place::Standard, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_32_lower_case_hex_digits_are_a_key() {
        let good = "00112233445566778899aabbccddeeff";
        assert_eq!(good.parse::<ObjectKey>().unwrap().to_string(), good);
        for bad in [
            "",
            "..",
            "../../../../../../../etc/passwd0",
            "00112233445566778899aabbccddeef",
            "00112233445566778899aabbccddeeff0",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeef/",
            "00112233445566778899aabbccddee\0f",
            "0x112233445566778899aabbccddeeff",
            "archive-",
            "archive-archive-00112233445566778899aabbccddeeff",
            "００112233445566778899aabbccddee",
        ] {
            assert_eq!(bad.parse::<ObjectKey>(), Err(InvalidObjectKey), "{bad:?}");
        }
    }

    #[test]
    fn random_keys_differ_and_their_folders_vary() {
        let keys: std::collections::HashSet<_> = (0..20_000).map(|_| ObjectKey::random()).collect();
        assert_eq!(keys.len(), 20_000);
        let folders: std::collections::HashSet<_> = keys.iter().map(ObjectKey::folder).collect();
        assert!(folders.len() > 40, "{} folders", folders.len());
    }

    proptest! {
        #[test]
        fn text_and_back(bytes: [u8; 16]) {
            for place in [Place::Standard, Place::Archive] {
                let key = ObjectKey { place, ..ObjectKey::from_bytes(bytes) };
                prop_assert_eq!(key.to_string().parse::<ObjectKey>(), Ok(key));
            }
        }

        #[test]
        fn a_parsed_key_prints_the_same(text in "[0-9a-fA-F./]{30,34}") {
            if let Ok(key) = text.parse::<ObjectKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
