//! Paths, names, digests, manifests and ranges. Each function panics when a parser breaks a promise.

use oci::digest::{Digest, Hasher};
use oci::manifest::Manifest;
use oci::name::{Reference, RepositoryName, Tag};
use oci::range::{ContentRange, MAX_RANGES, RangeOutcome, parse_range};
use std::str::from_utf8;

/// A path that is read is printed as a path that is read the same, and its name can be no file system's trick.
pub fn path(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(route) = oci::path::parse(text) else { return };
    let printed = route.to_string();
    assert_eq!(oci::path::parse(&printed).as_ref(), Ok(&route), "{text:?} is printed as {printed:?}");
    if let Some(name) = route.repository() {
        harmless(name.as_str());
    }
}

/// Names, tags and references are kept as they were written.
pub fn name(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert_eq!(name.as_str(), text);
        harmless(text);
    }
    if let Ok(tag) = text.parse::<Tag>() {
        assert_eq!(tag.to_string(), text);
        assert!(!text.contains(['/', ':', '@']), "{text:?} is no tag");
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text);
    }
}

/// A digest has one spelling and one stored form; a saved hash state is restored to one that can go on.
pub fn digest(data: &[u8]) {
    if let Some(digest) = Digest::from_stored(data) {
        assert_eq!(digest.to_stored(), data);
    }
    if let Some(mut hasher) = Hasher::restore(data) {
        hasher.update(b"more");
        let _ = hasher.finish();
    }
    let Ok(text) = from_utf8(data) else { return };
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        assert_eq!(Digest::from_stored(&digest.to_stored()), Some(digest));
    }
}

const CONTENT_TYPES: [Option<&str>; 4] = [
    None,
    Some("application/vnd.oci.image.manifest.v1+json"),
    Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
    Some("application/vnd.docker.distribution.manifest.v2+json"),
];

/// A manifest is read the same again under the type that it was found to have. The first byte chooses the header.
pub fn manifest(data: &[u8]) {
    let Some((&choice, body)) = data.split_first() else { return };
    let content_type = CONTENT_TYPES.get(usize::from(choice) % CONTENT_TYPES.len()).copied().flatten();
    match Manifest::parse(body, content_type) {
        Err(refusal) => assert!(refusal.to_string().len() < 4096, "the refusal repeats the body"),
        Ok(manifest) => {
            assert!(
                manifest.manifests.is_empty() || manifest.layers.is_empty(),
                "both an image and an index"
            );
            assert!(manifest.total_size() <= i64::MAX.unsigned_abs());
            assert!(manifest.blobs().count() <= body.len(), "more descriptors than bytes");
            assert_eq!(Manifest::parse(body, Some(&manifest.media_type)).as_ref(), Ok(&manifest));
        }
    }
}

/// A range lies within the content; a chunk's range has at least one byte. The first eight bytes are the size.
pub fn range(data: &[u8]) {
    let Some((size, text)) = data.split_first_chunk::<8>() else { return };
    let size = u64::from_be_bytes(*size);
    let Ok(text) = from_utf8(text) else { return };
    let ranges = match parse_range(text, size) {
        RangeOutcome::Part(range) => vec![range],
        RangeOutcome::Parts(ranges) => ranges,
        RangeOutcome::Whole | RangeOutcome::Unsatisfiable => Vec::new(),
    };
    for range in &ranges {
        assert!(range.start <= range.end_inclusive && range.end_inclusive < size, "{range:?} of {size}");
    }
    let total = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.length()));
    assert!(total <= size && ranges.len() <= MAX_RANGES, "bytes are sent twice");
    if let Some(range) = ContentRange::parse(text) {
        assert!(range.start <= range.end_inclusive);
        assert_eq!(range.start.checked_add(range.length() - 1), Some(range.end_inclusive));
        assert_eq!(ContentRange::parse(&format!("{}-{}", range.start, range.end_inclusive)), Some(range));
    }
}

fn harmless(name: &str) {
    assert!((2..=256).contains(&name.len()), "{name:?} is too long or too short");
    assert!(!name.starts_with('/') && !name.ends_with('/'), "{name:?} is cut by a slash");
    for part in name.split('/') {
        assert!(!matches!(part, "" | "." | ".."), "{name:?} has a part that walks");
    }
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte))
    );
}
