//! The stage of an upload to a bucket: what is stored of it, and where.
//!
//! ```text
//! size of a part (8 bytes) · ID of the multipart upload · number of parts (4 bytes) · parts
//! · place of the tail (1 byte) · its ETag · its SHA-256 (32 bytes)
//! ```
//!
//! Texts have their length before them (2 bytes). An upload without parts has an empty ID. An upload without a tail has
//! nothing after the parts.

use super::keys::TailPlace;

/// The maximum number of parts. S3's is 10,000; the stage of so many would be too long.
pub(super) const MAX_PARTS: usize = 9_000;

/// What is stored of an upload.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    pub(super) multipart: Option<Multipart>,
    /// The bytes after the last part. None before the first byte.
    pub(super) tail: Option<Tail>,
}

/// A multipart upload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Multipart {
    pub(super) id: String,
    /// The size of each part but the last. Some servers accept no other sizes.
    pub(super) part_bytes: u64,
    /// What the server answered for each part.
    pub(super) parts: Vec<String>,
}

/// The bytes after the last part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tail {
    pub(super) place: TailPlace,
    pub(super) etag: String,
    /// The sum of exactly these bytes. Another node with an outdated stage could have replaced them.
    pub(super) sha256: [u8; 32],
}

impl Multipart {
    /// The number of bytes in its parts.
    pub(super) fn in_parts(&self) -> u64 {
        self.part_bytes.saturating_mul(self.parts.len() as u64)
    }
}

impl Progress {
    /// The number of bytes in parts.
    pub(super) fn in_parts(&self) -> u64 {
        self.multipart.as_ref().map_or(0, Multipart::in_parts)
    }

    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        let mut saved = Vec::new();
        let none = Multipart { id: String::new(), part_bytes: 0, parts: Vec::new() };
        let multipart = self.multipart.as_ref().unwrap_or(&none);
        saved.extend_from_slice(&multipart.part_bytes.to_be_bytes());
        push_text(&mut saved, &multipart.id)?;
        saved.extend_from_slice(&u32::try_from(multipart.parts.len()).ok()?.to_be_bytes());
        for part in &multipart.parts {
            push_text(&mut saved, &short(part))?;
        }
        if let Some(tail) = &self.tail {
            saved.push(match tail.place {
                TailPlace::Object => 1,
                TailPlace::A => 2,
                TailPlace::B => 3,
            });
            push_text(&mut saved, &tail.etag)?;
            saved.extend_from_slice(&tail.sha256);
        }
        Some(saved)
    }

    pub(crate) fn read(saved: &[u8]) -> Option<Self> {
        let (part_bytes, rest) = saved.split_first_chunk::<8>()?;
        let (id, rest) = take_text(rest)?;
        let (count, mut rest) = rest.split_first_chunk::<4>()?;
        let mut parts = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (part, after) = take_text(rest)?;
            parts.push(long(&part));
            rest = after;
        }
        let part_bytes = u64::from_be_bytes(*part_bytes);
        let multipart = match (id.is_empty(), part_bytes, parts.is_empty()) {
            (true, 0, true) => None,
            (false, 1.., false) => Some(Multipart { id, part_bytes, parts }),
            _ => return None,
        };
        Some(Self { multipart, tail: if rest.is_empty() { None } else { Some(read_tail(rest)?) } })
    }
}

/// What `object_store` repeats in each part, and one control character for it, which its XML cannot contain. Otherwise
/// the stage of the largest layer would be too long.
const REPEATED: [(&str, &str); 4] = [
    ("<PartMetadata><e_tag>", "\u{1}"),
    ("</e_tag><checksum_sha256>", "\u{2}"),
    ("</checksum_sha256></PartMetadata>", "\u{3}"),
    ("&quot;", "\u{4}"),
];

fn short(part: &str) -> String {
    REPEATED.iter().fold(part.to_owned(), |part, (long, short)| part.replace(long, short))
}

fn long(part: &str) -> String {
    REPEATED.iter().fold(part.to_owned(), |part, (long, short)| part.replace(short, long))
}

fn read_tail(saved: &[u8]) -> Option<Tail> {
    let (place, rest) = saved.split_first()?;
    let (etag, rest) = take_text(rest)?;
    let place = match place {
        1 => TailPlace::Object,
        2 => TailPlace::A,
        3 => TailPlace::B,
        _ => return None,
    };
    Some(Tail { place, etag, sha256: rest.try_into().ok()? })
}

fn push_text(saved: &mut Vec<u8>, text: &str) -> Option<()> {
    saved.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
    saved.extend_from_slice(text.as_bytes());
    Some(())
}

fn take_text(saved: &[u8]) -> Option<(String, &[u8])> {
    let (len, rest) = saved.split_first_chunk::<2>()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_STAGE_BYTES;
    use proptest::prelude::*;

    fn progress(parts: usize, part: &str) -> Progress {
        let parts = vec![part.to_owned(); parts];
        let multipart = Multipart { id: "upload".repeat(40), part_bytes: 8 << 20, parts };
        let tail = Tail { place: TailPlace::B, etag: "\"e\"".to_owned(), sha256: [7; 32] };
        Progress { multipart: Some(multipart), tail: Some(tail) }
    }

    #[test]
    fn what_is_saved_is_read() {
        let small = Progress { multipart: None, ..progress(1, "") };
        let empty = Progress::default();
        for progress in [progress(1, "x"), progress(300, "\"etag\""), small, empty] {
            assert_eq!(Progress::read(&progress.save().unwrap()), Some(progress));
        }
    }

    /// The parts of the largest layer, each with its ETag and SHA-256 as `object_store` writes them.
    #[test]
    fn the_largest_layer_has_a_stage_that_can_be_saved() {
        let part = format!(
            "<PartMetadata><e_tag>&quot;{}&quot;</e_tag><checksum_sha256>{}</checksum_sha256></PartMetadata>",
            "e".repeat(32),
            "s".repeat(44)
        );
        let all = progress(MAX_PARTS, &part);
        let saved = all.save().unwrap();
        assert!(saved.len() + 1_000 < MAX_STAGE_BYTES, "{}", saved.len());
        assert_eq!(Progress::read(&saved), Some(all));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(progress) = Progress::read(&bytes) {
                prop_assert_eq!(Progress::read(&progress.save().unwrap()), Some(progress));
            }
        }

        #[test]
        fn a_cut_stage_is_not_read_as_the_whole(cut in 1_usize..90) {
            let whole = progress(3, "\"etag\"").save().unwrap();
            let cut = &whole[..whole.len() - cut.min(whole.len())];
            prop_assert_ne!(Progress::read(cut), Some(progress(3, "\"etag\"")));
        }
    }
}
