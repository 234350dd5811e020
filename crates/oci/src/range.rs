//! Byte ranges: `Range` of a GET, `Content-Range` of a chunk.

/// The maximum number of ranges in one request: podman requests up to this many. With more, everything is sent.
pub const MAX_RANGES: usize = 1024;

/// Bytes of content, at least one.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The last byte.
    pub end_inclusive: u64,
}

impl ByteRange {
    /// The number of bytes.
    pub const fn length(&self) -> u64 {
        self.end_inclusive.saturating_sub(self.start).saturating_add(1)
    }
}

/// What a `Range` header requests from content of a known size.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RangeOutcome {
    /// Everything: the header is malformed, has an unknown unit, has more than [`MAX_RANGES`] ranges, or requests a
    /// byte twice. RFC 9110 §14.2 allows a server to ignore all of these, and requires it to ignore an unknown unit.
    Whole,
    /// These bytes.
    Part(ByteRange),
    /// These bytes, in this order: at least two ranges that do not overlap.
    Parts(Vec<ByteRange>),
    /// Only bytes that the content does not have: 416.
    Unsatisfiable,
}

/// Parses a `Range` header for content of `size` bytes (RFC 9110 §14.1). Among several ranges, those outside the
/// content are ignored.
///
/// ```
/// use oci::range::{ByteRange, RangeOutcome, parse_range};
///
/// let part = ByteRange { start: 500, end_inclusive: 999 };
/// assert_eq!(parse_range("bytes=500-", 1000), RangeOutcome::Part(part));
/// assert_eq!(parse_range("lines=1-2", 1000), RangeOutcome::Whole);
/// ```
pub fn parse_range(header: &str, size: u64) -> RangeOutcome {
    let Some((unit, set)) = header.split_once('=') else { return RangeOutcome::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes")
        || set.bytes().filter(|byte| *byte == b',').count() >= MAX_RANGES
    {
        return RangeOutcome::Whole;
    }
    let mut ranges = Vec::new();
    let mut is_empty = true;
    // A list may have empty elements (RFC 9110 §5.6.1.2).
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        is_empty = false;
        match one_range(spec, size) {
            Spec::Malformed | Spec::All => return RangeOutcome::Whole,
            Spec::Unsatisfiable => {}
            Spec::Bytes(range) => ranges.push(range),
        }
    }
    match ranges.as_slice() {
        [] if is_empty => RangeOutcome::Whole,
        [] => RangeOutcome::Unsatisfiable,
        [range] => RangeOutcome::Part(*range),
        _ if overlap(&ranges) => RangeOutcome::Whole,
        _ => RangeOutcome::Parts(ranges),
    }
}

/// Whether two of the ranges overlap.
fn overlap(ranges: &[ByteRange]) -> bool {
    let mut sorted: Vec<&ByteRange> = ranges.iter().collect();
    sorted.sort_unstable_by_key(|range| range.start);
    sorted.iter().zip(sorted.iter().skip(1)).any(|(range, next)| next.start <= range.end_inclusive)
}

/// One range of a set, for some content.
enum Spec {
    Malformed,
    /// All of empty content, for which no [`ByteRange`] exists.
    All,
    Unsatisfiable,
    Bytes(ByteRange),
}

fn one_range(spec: &str, size: u64) -> Spec {
    let Some((first, last)) = spec.split_once('-') else { return Spec::Malformed };
    match (first, last) {
        ("", suffix) => suffix_range(suffix, size),
        (first, "") => match position(first) {
            Some(start) => within(start, u64::MAX, size),
            None => Spec::Malformed,
        },
        (first, last) => match (position(first), position(last)) {
            (Some(start), Some(end)) => within(start, end, size),
            _ => Spec::Malformed,
        },
    }
}

/// The last `suffix` bytes.
fn suffix_range(suffix: &str, size: u64) -> Spec {
    match position(suffix) {
        None => Spec::Malformed,
        Some(0) => Spec::Unsatisfiable,
        // The last bytes of empty content are all of it, and no range can express that.
        Some(_) if size == 0 => Spec::All,
        Some(length) => Spec::Bytes(ByteRange {
            start: size.saturating_sub(length),
            end_inclusive: size.saturating_sub(1),
        }),
    }
}

/// From `start` to `end`, or to the last byte if that comes first.
fn within(start: u64, end: u64, size: u64) -> Spec {
    // RFC 9110 §14.2 allows a server to ignore or refuse `500-0`. The OCI conformance suite treats a registry that
    // ignores it as one without ranges.
    if end < start || start >= size {
        Spec::Unsatisfiable
    } else {
        Spec::Bytes(ByteRange { start, end_inclusive: end.min(size.saturating_sub(1)) })
    }
}

/// A position in decimal digits. A position beyond all content counts as the largest number.
fn position(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// The position of a chunk in an upload.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ContentRange {
    /// The first byte.
    pub start: u64,
    /// The last byte; never before `start`.
    pub end_inclusive: u64,
}

impl ContentRange {
    /// Parses `0-1023` (the form of the distribution specification) or `bytes 0-1023/2048` (the form of HTTP; the total
    /// is ignored).
    pub fn parse(header: &str) -> Option<Self> {
        let header = header.trim();
        let is_http_form = header.get(..6).is_some_and(|unit| unit.eq_ignore_ascii_case("bytes "));
        let range = if is_http_form { header.get(6..)?.trim_start() } else { header };
        let range = match range.split_once('/') {
            Some((range, "*")) => range,
            Some((range, total)) => {
                chunk_position(total)?;
                range
            }
            None => range,
        };
        let (start, end) = range.split_once('-')?;
        let (start, end_inclusive) = (chunk_position(start)?, chunk_position(end)?);
        // `length` must also fit a number.
        (start <= end_inclusive && end_inclusive < u64::MAX).then_some(Self { start, end_inclusive })
    }

    /// The number of bytes in the chunk; at least one.
    pub const fn length(&self) -> u64 {
        self.end_inclusive.saturating_sub(self.start).saturating_add(1)
    }
}

/// A position of a chunk. Unlike in a `Range`, a position that does not fit a number is an error.
fn chunk_position(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
