//! Texts that are not patterns, with the reason.

use pattern::{MAX_BYTES, Pattern};

#[test]
fn what_is_not_a_pattern_is_refused() {
    for (text, reason) in [
        ("", "The pattern is not JSON"),
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects are not allowed"),
        (r#"{"a":{}}"#, "Empty objects are not allowed"),
        (r#"{"a":[]}"#, "Empty arrays are not allowed"),
        (r#"{"a":"b"}"#, "\"a\" must be an object or an array"),
        (r#"{"a":[["b"]]}"#, "Match value must be"),
        (r#"{"a":[{"like":"b"}]}"#, "Unrecognized match type like"),
        (r#"{"a":[{"prefix":"b","suffix":"c"}]}"#, "Only one key allowed"),
        (r#"{"a":[{}]}"#, "Only one key allowed"),
        (r#"{"a":[{"prefix":1}]}"#, "prefix match pattern must be a string"),
        (r#"{"a":[{"prefix":{"wildcard":"x"}}]}"#, "prefix match pattern must be a string"),
        (r#"{"a":[{"exists":"yes"}]}"#, "exists match pattern must be either true or false"),
        (r#"{"a":[{"numeric":[]}]}"#, "Value of numeric must be an array"),
        (r#"{"a":[{"numeric":[">"]}]}"#, "Invalid member in numeric match"),
        (r#"{"a":[{"numeric":["~",1]}]}"#, "Unrecognized numeric range operator: ~"),
        (r#"{"a":[{"numeric":[">",5,"<",5]}]}"#, "Bottom must be less than top"),
        (r#"{"a":[{"numeric":[">",1,">",2]}]}"#, "Too many terms"),
        (r#"{"a":[{"numeric":["=",1,"<",2]}]}"#, "Too many terms"),
        (r#"{"a":[{"numeric":["=",5000000001]}]}"#, "Value of numeric must be a number"),
        (r#"{"a":[{"cidr":"10.0.0.0"}]}"#, "Malformed CIDR"),
        (r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#, "Malformed CIDR"),
        (r#"{"a":[{"wildcard":"a**b"}]}"#, "Consecutive wildcard characters"),
        (r#"{"a":[{"wildcard":"a\\b"}]}"#, "Invalid escape character"),
        (r#"{"a":[{"anything-but":null}]}"#, "Value of anything-but"),
        (r#"{"a":[{"anything-but":[]}]}"#, "Empty arrays are not allowed"),
        (r#"{"a":[{"anything-but":[true]}]}"#, "Inside anything but list"),
        (r#"{"a":[{"anything-but":{"exists":true}}]}"#, "Unrecognized match type exists"),
    ] {
        let refused = Pattern::parse(text).unwrap_err().to_string();
        assert!(refused.contains(reason), "{text}: {refused}");
    }
}

#[test]
fn a_long_pattern_is_refused() {
    let pattern = |length: usize| format!(r#"{{"a":["{}"]}}"#, "x".repeat(length - 10));
    assert!(Pattern::parse(&pattern(MAX_BYTES)).is_ok());
    assert!(Pattern::parse(&pattern(MAX_BYTES + 1)).is_err());
}
