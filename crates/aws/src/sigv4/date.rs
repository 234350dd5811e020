//! The signing time: `20240102T030405Z`, whole seconds of UTC.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

/// A moment as SigV4 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AmzDate(i64);

impl AmzDate {
    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.as_second())
    }

    /// Parses the one form of `X-Amz-Date`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 || text.get(8..9) != Some("T") || text.get(15..16) != Some("Z") {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i16> {
            let digits = text.get(from..to)?;
            // `parse` alone would take a sign.
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let small = |from: usize, to: usize| number(from, to).and_then(|number| i8::try_from(number).ok());
        let (year, month, day) = (number(0, 4)?, small(4, 6)?, small(6, 8)?);
        let (hour, minute, second) = (small(9, 11)?, small(11, 13)?, small(13, 15)?);
        let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
        TimeZone::UTC.to_timestamp(civil).ok().map(Self::of)
    }

    /// Parses a `Date` header: SigV4's own form or HTTP's.
    pub(super) fn parse_http(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| DateTimeParser::new().parse_timestamp(text).ok().map(Self::of))
    }

    pub(super) fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// `20240102`: the date of a credential scope.
    pub(super) fn day(self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(f, "{}", at.strftime("%Y%m%dT%H%M%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            "20240102",
            "20240102T030405",
            "20240102T030405z",
            "20240102t030405Z",
            "2024-01-02T03:04:05Z",
            "20240230T030405Z",
            "20241302T030405Z",
            "20240102T240405Z",
            "20240102T030460Z",
            "+2240102T030405Z",
            "20240102T+30405Z",
            "２0240102T030405Z",
            "20240102T030405Z ",
        ] {
            assert_eq!(AmzDate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_date_header_can_have_https_format() {
        let same = AmzDate::parse("20240102T030405Z");
        assert!(same.is_some());
        assert_eq!(AmzDate::parse_http("Tue, 02 Jan 2024 03:04:05 GMT"), same);
        assert_eq!(AmzDate::parse_http("20240102T030405Z"), same);
        assert_eq!(AmzDate::parse_http("Wed, 02 Jan 2024 03:04:05 GMT"), None, "that day was a Tuesday");
        assert_eq!(AmzDate::parse_http("yesterday"), None);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(seconds in 0_i64..253_402_300_799) {
            let date = AmzDate(seconds);
            prop_assert_eq!(AmzDate::parse(&date.to_string()), Some(date));
            prop_assert!(date.to_string().starts_with(&date.day()));
        }
    }
}
