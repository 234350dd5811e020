//! Times in policies: the W3C profile of ISO 8601, or seconds since 1970.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Parses a time. Digits alone are seconds since 1970, so the profile's year without a month is not supported. A date
/// without a zone is UTC.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if let Some((seconds, fraction)) = text.split_once('.')
        && [seconds, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if text.len() == 7 {
        return midnight(format!("{text}-01").parse().ok()?);
    }
    if text.len() == 10 {
        return midnight(text.parse().ok()?);
    }
    text.parse::<Timestamp>().ok().or_else(|| in_utc(text.parse().ok()?))
}

fn midnight(date: Date) -> Option<Timestamp> {
    in_utc(date.to_datetime(jiff::civil::Time::midnight()))
}

fn in_utc(moment: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(moment).ok()
}
