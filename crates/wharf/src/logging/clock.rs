//! The time of a line, as text. The text of a second is kept: thousands of lines have it.

use std::cell::RefCell;
use std::fmt::{self, Write};

use jiff::Timestamp;

thread_local! {
    /// The last second with its text: `2026-11-27T07:48:30`.
    static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
}

/// Writes a time like `2026-11-27T07:48:30.012345Z`.
pub(super) fn write(out: &mut impl Write, at: Timestamp) -> fmt::Result {
    let micros = at.as_microsecond();
    let second = micros.div_euclid(1_000_000);
    SECOND.with_borrow_mut(|(kept, text)| {
        if *kept != second {
            let whole = Timestamp::from_second(second).unwrap_or_default();
            text.clear();
            write!(text, "{whole}")?;
            text.truncate(text.trim_end_matches('Z').len());
            *kept = second;
        }
        out.write_str(text)
    })?;
    write!(out, ".{:06}Z", micros.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_six_digits_after_the_point() {
        for text in
            ["2026-11-27T07:48:30.012345Z", "2026-11-27T07:48:30.999999Z", "2026-11-27T07:48:31.000000Z"]
        {
            let mut out = String::new();
            write(&mut out, text.parse().unwrap()).unwrap();
            assert_eq!(out, text);
        }
    }
}
