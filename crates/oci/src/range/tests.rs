//! Valid and invalid ranges.

use super::*;

fn part(start: u64, end_inclusive: u64) -> RangeOutcome {
    RangeOutcome::Part(ByteRange { start, end_inclusive })
}

fn parts(ranges: &[(u64, u64)]) -> RangeOutcome {
    let range = |&(start, end_inclusive)| ByteRange { start, end_inclusive };
    RangeOutcome::Parts(ranges.iter().map(range).collect())
}

#[test]
fn several_ranges_are_served_in_order() {
    for (header, expected) in [
        ("bytes=0-1,4-5", parts(&[(0, 1), (4, 5)])),
        ("bytes=0-1, 2-3 ,, -2", parts(&[(0, 1), (2, 3), (8, 9)])),
        ("bytes=8-,0-1", parts(&[(8, 9), (0, 1)])),
        ("bytes=0-1,50-60", part(0, 1)),
        ("bytes=50-60,3-2", RangeOutcome::Unsatisfiable),
        ("bytes=0-5,5-6", RangeOutcome::Whole),
        ("bytes=0-,-1", RangeOutcome::Whole),
        ("bytes=0-1,x", RangeOutcome::Whole),
        ("bytes=0-1,4", RangeOutcome::Whole),
    ] {
        assert_eq!(parse_range(header, 10), expected, "{header}");
    }
}

#[test]
fn the_number_of_ranges_has_a_limit() {
    let ask = |count: u64| {
        let ranges: Vec<String> = (0..count).map(|at| format!("{}-{}", at * 2, at * 2)).collect();
        parse_range(&format!("bytes={}", ranges.join(",")), 1 << 20)
    };
    assert!(matches!(ask(1024), RangeOutcome::Parts(ranges) if ranges.len() == 1024));
    assert_eq!(ask(1025), RangeOutcome::Whole);
    assert_eq!(parse_range(&format!("bytes=0-1{}", ",".repeat(1024)), 10), RangeOutcome::Whole);
}

#[test]
fn one_range_of_bytes_is_served() {
    for (header, size, expected) in [
        ("bytes=0-0", 1, part(0, 0)),
        ("bytes=500-1499", 2048, part(500, 1499)),
        ("bytes=500-", 2048, part(500, 2047)),
        ("bytes=-500", 2048, part(1548, 2047)),
        ("bytes=2000-5000", 2048, part(2000, 2047)),
        ("bytes=-5000", 2048, part(0, 2047)),
        ("Bytes=1-2", 2048, part(1, 2)),
        ("bytes= 1-2 ", 2048, part(1, 2)),
        ("bytes=0-99999999999999999999999", 10, part(0, 9)),
        ("bytes=-99999999999999999999999", 10, part(0, 9)),
        ("bytes=0-18446744073709551615", u64::MAX, part(0, u64::MAX - 1)),
        ("bytes=0000000000000000000000001-2", 10, part(1, 2)),
    ] {
        assert_eq!(parse_range(header, size), expected, "{header} of {size}");
    }
}

#[test]
fn a_range_outside_the_content_is_unsatisfiable() {
    for (header, size) in [
        ("bytes=5000-10000", 2048),
        ("bytes=2048-", 2048),
        ("bytes=500-0", 2048),
        ("bytes=-0", 2048),
        ("bytes=0-0", 0),
        ("bytes=0-", 0),
        ("bytes=99999999999999999999999-", 2048),
        ("bytes=18446744073709551615-", u64::MAX),
    ] {
        assert_eq!(parse_range(header, size), RangeOutcome::Unsatisfiable, "{header} of {size}");
    }
}

#[test]
fn other_headers_are_ignored() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=a-b",
        "bytes=1-b",
        "bytes=a-1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=,",
        "lines=0-1",
        "bytes 0-1",
        "=0-1",
        "bytes=1 -2",
        "bytes=１-2",
        "bytes=0x1-2",
    ] {
        assert_eq!(parse_range(header, 2048), RangeOutcome::Whole, "{header}");
    }
    assert_eq!(parse_range("bytes=-5", 0), RangeOutcome::Whole, "all of nothing");
}

#[test]
fn both_forms_of_content_range_are_parsed() {
    for (header, start, end_inclusive, length) in [
        ("0-0", 0, 0, 1),
        ("0-1023", 0, 1023, 1024),
        ("1024-2047", 1024, 2047, 1024),
        (" 5-9 ", 5, 9, 5),
        ("bytes 0-1023/2048", 0, 1023, 1024),
        ("bytes 0-1023/*", 0, 1023, 1024),
        ("Bytes 0-1023", 0, 1023, 1024),
        ("0-1023/2048", 0, 1023, 1024),
        ("0-18446744073709551614", 0, u64::MAX - 1, u64::MAX),
    ] {
        let range = ContentRange::parse(header).unwrap_or_else(|| panic!("{header}"));
        assert_eq!(range, ContentRange { start, end_inclusive }, "{header}");
        assert_eq!(range.length(), length, "{header}");
    }
}

#[test]
fn any_other_content_range_is_invalid() {
    for header in [
        "",
        "-",
        "0",
        "0-",
        "-5",
        "5-4",
        "a-b",
        "0-b",
        "+0-1",
        "0 - 1",
        "0-1-2",
        "bytes",
        "bytes 0",
        "bytes=0-1",
        "bytes */5",
        "0-1/",
        "0-1/x",
        "0-1/+5",
        "0-1/-5",
        "0-1/2/3",
        "0-18446744073709551615",
        "0-99999999999999999999999",
        "99999999999999999999999-0",
        "0-1, 2-3",
        "bytés 0-1",
        "０-1",
    ] {
        assert_eq!(ContentRange::parse(header), None, "{header}");
    }
}
