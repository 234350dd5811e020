//! Byte ranges: `Range` of a GET, `Content-Range` of a chunk.

/// What a `Range` header asks of content of a known size.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum RangeOutcome {
    /// Everything: the header is malformed, has an unknown unit, or asks for several ranges. RFC 9110 §14.2 lets a server
    /// ignore all of these, and wants the unknown unit ignored.
    Whole,
    /// These bytes, at least one.
    Part {
        /// The first byte.
        start: u64,
        /// The last byte.
        end_inclusive: u64,
    },
    /// Nothing that the content has: 416.
    Unsatisfiable,
}

/// Reads a `Range` header for content of `size` bytes (RFC 9110 §14.1).
///
/// ```
/// use oci::range::{RangeOutcome, parse_range};
///
/// assert_eq!(parse_range("bytes=500-", 1000), RangeOutcome::Part { start: 500, end_inclusive: 999 });
/// assert_eq!(parse_range("lines=1-2", 1000), RangeOutcome::Whole);
/// ```
pub fn parse_range(header: &str, size: u64) -> RangeOutcome {
    let Some((unit, set)) = header.split_once('=') else { return RangeOutcome::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return RangeOutcome::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return RangeOutcome::Whole };
    match (first, last) {
        ("", suffix) => suffix_range(suffix, size),
        (first, "") => match position(first) {
            Some(start) => within(start, u64::MAX, size),
            None => RangeOutcome::Whole,
        },
        (first, last) => match (position(first), position(last)) {
            (Some(start), Some(end)) => within(start, end, size),
            _ => RangeOutcome::Whole,
        },
    }
}

/// The last `suffix` bytes.
fn suffix_range(suffix: &str, size: u64) -> RangeOutcome {
    match position(suffix) {
        None => RangeOutcome::Whole,
        Some(0) => RangeOutcome::Unsatisfiable,
        // The last bytes of empty content are all of it, and no `Part` can say so.
        Some(_) if size == 0 => RangeOutcome::Whole,
        Some(length) => {
            RangeOutcome::Part { start: size.saturating_sub(length), end_inclusive: size.saturating_sub(1) }
        }
    }
}

/// From `start` to `end`, or to the last byte if that comes first.
fn within(start: u64, end: u64, size: u64) -> RangeOutcome {
    // RFC 9110 §14.2 leaves it to the server whether `500-0` is ignored or refused; the OCI conformance suite counts a
    // registry that ignores it as one without ranges.
    if end < start || start >= size {
        RangeOutcome::Unsatisfiable
    } else {
        RangeOutcome::Part { start, end_inclusive: end.min(size.saturating_sub(1)) }
    }
}

/// A position in decimal digits. One beyond all content is as good as the largest number.
fn position(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Where a chunk of an upload belongs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ContentRange {
    /// The first byte.
    pub start: u64,
    /// The last byte; never before `start`.
    pub end_inclusive: u64,
}

impl ContentRange {
    /// Reads `0-1023` (the distribution specification's form) or `bytes 0-1023/2048` (HTTP's; the total is not looked at).
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
        // `length` has to fit a number, too.
        (start <= end_inclusive && end_inclusive < u64::MAX).then_some(Self { start, end_inclusive })
    }

    /// How many bytes the chunk has; at least one.
    pub const fn length(&self) -> u64 {
        self.end_inclusive.saturating_sub(self.start).saturating_add(1)
    }
}

/// A position of a chunk. Unlike in a `Range`, one that no number can hold is an error.
fn chunk_position(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
