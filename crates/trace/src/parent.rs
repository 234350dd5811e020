//! The header `traceparent` of W3C's Trace Context: the trace that a client began.

/// The trace that a request belongs to, and the span that called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace: [u8; 16],
    pub(crate) span: [u8; 8],
    /// Whether the client records its trace.
    pub(crate) is_sampled: bool,
}

impl Parent {
    /// Reads a header (Trace Context, "traceparent Header Field Values"). A header that is not valid is ignored.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace) = (bytes::<1>(parts.next()?)?, bytes::<16>(parts.next()?)?);
        let (span, flags) = (bytes::<8>(parts.next()?)?, bytes::<1>(parts.next()?)?);
        // Later versions may have more fields; version 255 is forbidden.
        let is_known = version != [0xff] && (version != [0] || parts.next().is_none());
        if !is_known || trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(Self { trace, span, is_sampled: flags[0] & 1 == 1 })
    }
}

/// Lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_parent_has_the_ids_of_the_header() {
        let parent = Parent::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!((parent.trace[..2].to_vec(), parent.span[7]), (vec![0x4b, 0xf9], 0xb7));
        assert!(parent.is_sampled);
        assert!(!Parent::parse(&format!("00-{TRACE}-{SPAN}-02")).unwrap().is_sampled);
        assert!(Parent::parse(&format!("01-{TRACE}-{SPAN}-01-more")).is_some(), "a later version");
    }

    #[test]
    fn what_is_not_a_traceparent_is_ignored() {
        let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
        for header in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{no_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{no_span}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-+1"),
        ] {
            assert_eq!(Parent::parse(&header), None, "{header}");
        }
    }
}
