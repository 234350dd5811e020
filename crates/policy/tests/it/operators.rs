//! Every condition operator: a value that matches, a value that does not, and a missing key.

use jiff::Timestamp;
use policy::{Context, Value};

use crate::request::holds;

/// Operator, wanted value as JSON, a value that matches, a value that does not.
const OPERATORS: [(&str, &str, &str, &str); 26] = [
    ("StringEquals", r#""Team""#, "Team", "team"),
    ("StringNotEquals", r#""Team""#, "team", "Team"),
    ("StringEqualsIgnoreCase", r#""Team""#, "tEAM", "teams"),
    ("StringNotEqualsIgnoreCase", r#""Team""#, "teams", "tEAM"),
    ("StringLike", r#""t?am*""#, "team-a", "Team-a"),
    ("StringNotLike", r#""t?am*""#, "Team-a", "team-a"),
    ("NumericEquals", "10", "10.0", "11"),
    ("NumericNotEquals", "10", "11", "1e1"),
    ("NumericLessThan", r#""10""#, "9.5", "10"),
    ("NumericLessThanEquals", "10", "10", "10.5"),
    ("NumericGreaterThan", "-2", "-1", "-2"),
    ("NumericGreaterThanEquals", "10", "10", "9"),
    ("DateEquals", r#""2026-08-01T12:00:00Z""#, "2026-08-01T14:00:00+02:00", "2026-08-01T12:00:01Z"),
    ("DateNotEquals", r#""2026-08-01T12:00:00Z""#, "2026-08-01T12:00:01Z", "1785585600"),
    ("DateLessThan", r#""2026-08-01""#, "2026-07-31T23:59:59Z", "2026-08-01T00:00:00Z"),
    ("DateLessThanEquals", r#""2026-08""#, "2026-08-01T00:00:00Z", "2026-08-01T00:00:01Z"),
    ("DateGreaterThan", "1785585600", "2026-08-01T12:00:01Z", "2026-08-01T12:00:00Z"),
    ("DateGreaterThanEquals", r#""2026-08-01T12:00:00Z""#, "1785585600", "1785585599"),
    ("Bool", "true", "True", "false"),
    ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ5", "qmluYXJ5"),
    ("IpAddress", r#""203.0.113.0/24""#, "203.0.113.255", "203.0.114.0"),
    ("NotIpAddress", r#""2001:db8::/32""#, "2001:db9::1", "2001:db8:ffff::1"),
    (
        "ArnEquals",
        r#""arn:aws:iam::*:role/a*""#,
        "arn:aws:iam::111122223333:role/a/b",
        "arn:aws:iam::1:user/a",
    ),
    ("ArnNotEquals", r#""arn:aws:iam::*:role/a*""#, "arn:aws:iam::1:user/a", "arn:aws:iam::1:role/a"),
    ("ArnLike", r#""arn:aws:sns:*:*:t""#, "arn:aws:sns:eu-1:1:t", "arn:aws:sns:eu-1:1:u:t"),
    ("ArnNotLike", r#""arn:aws:sns:*:*:t""#, "arn:aws:sns:eu-1:1:u", "arn:aws:sns:eu-1:1:t"),
];

fn with(value: &str) -> Context {
    Context::new().with("aws:key", value)
}

fn condition(operator: &str, wanted: &str) -> String {
    format!(r#"{{"{operator}":{{"aws:Key":{wanted}}}}}"#)
}

fn is_negated(operator: &str) -> bool {
    operator.contains("Not")
}

#[test]
fn each_operator_matches_only_matching_values() {
    for (operator, wanted, good, bad) in OPERATORS {
        let condition = condition(operator, wanted);
        assert!(holds(&condition, &with(good)), "{condition} {good}");
        assert!(!holds(&condition, &with(bad)), "{condition} {bad}");
    }
}

#[test]
fn a_missing_key_matches_only_negated_operators() {
    for (operator, wanted, ..) in OPERATORS {
        let held = holds(&condition(operator, wanted), &Context::new());
        assert_eq!(held, is_negated(operator), "{operator}");
    }
}

#[test]
fn if_exists_accepts_a_missing_key_and_no_wrong_value() {
    for (operator, wanted, good, bad) in OPERATORS {
        let condition = condition(&format!("{operator}IfExists"), wanted);
        assert!(holds(&condition, &Context::new()), "{condition}");
        assert!(holds(&condition, &with(good)), "{condition} {good}");
        assert!(!holds(&condition, &with(bad)), "{condition} {bad}");
    }
}

#[test]
fn for_all_values_requires_every_value_to_match() {
    for (operator, wanted, good, bad) in OPERATORS {
        let condition = condition(&format!("ForAllValues:{operator}"), wanted);
        let set = |values: &[&str]| Context::new().with_set("aws:key", values.iter().copied());
        assert!(holds(&condition, &set(&[good, good])), "{condition}");
        assert!(!holds(&condition, &set(&[good, bad])), "{condition}");
        // This is documented; AWS recommends an additional Null check.
        assert!(holds(&condition, &set(&[])), "{condition}");
        assert!(holds(&condition, &Context::new()), "{condition}");
    }
}

#[test]
fn for_any_value_requires_one_value_to_match() {
    for (operator, wanted, good, bad) in OPERATORS {
        let condition = condition(&format!("ForAnyValue:{operator}"), wanted);
        let set = |values: &[&str]| Context::new().with_set("aws:key", values.iter().copied());
        assert!(holds(&condition, &set(&[bad, good])), "{condition}");
        assert!(!holds(&condition, &set(&[bad, bad])), "{condition}");
        assert!(!holds(&condition, &set(&[])), "{condition}");
        assert!(!holds(&condition, &Context::new()), "{condition}");
    }
    assert!(holds(&condition("ForAnyValue:StringEqualsIfExists", r#""a""#), &Context::new()));
}

#[test]
fn more_values_never_make_a_plain_condition_easier_to_meet() {
    let set = Context::new().with_set("aws:key", ["a", "b"]);
    assert!(holds(&condition("StringEquals", r#""a""#), &set));
    assert!(!holds(&condition("StringNotEquals", r#""a""#), &set));
}

#[test]
fn null_tests_whether_a_key_exists() {
    for (wanted, there, absent) in
        [("true", false, true), ("false", true, false), (r#""false""#, true, false)]
    {
        let condition = condition("Null", wanted);
        assert_eq!(holds(&condition, &with("")), there, "{condition}");
        assert_eq!(holds(&condition, &Context::new()), absent, "{condition}");
        assert_eq!(holds(&condition, &Context::new().with_set("aws:key", Vec::<Value>::new())), absent);
    }
}

#[test]
fn one_of_several_values_must_match_and_none_if_negated() {
    assert!(holds(&condition("StringEquals", r#"["a","b"]"#), &with("b")));
    assert!(!holds(&condition("StringNotEquals", r#"["a","b"]"#), &with("b")));
    assert!(holds(&condition("StringNotEquals", r#"["a","b"]"#), &with("c")));
    assert!(!holds(&condition("StringEquals", "[]"), &with("a")));
}

#[test]
fn all_operators_and_all_keys_must_match() {
    let context = with("a").with("aws:other", "b");
    assert!(holds(r#"{"StringEquals":{"aws:key":"a","aws:other":"b"}}"#, &context));
    assert!(!holds(r#"{"StringEquals":{"aws:key":"a","aws:other":"x"}}"#, &context));
    assert!(!holds(r#"{"StringEquals":{"aws:key":"a"},"StringLike":{"aws:other":"x*"}}"#, &context));
}

#[test]
fn typed_values_are_compared_by_their_type() {
    let moment: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
    let v4: std::net::IpAddr = "203.0.113.9".parse().unwrap();
    let mapped: std::net::IpAddr = "::ffff:203.0.113.9".parse().unwrap();
    let context = |value: Value| Context::new().with("aws:key", value);
    for (operator, wanted, value, held) in [
        ("DateEquals", r#""2026-08-01T12:00:00Z""#, Value::from(moment), true),
        ("NumericLessThan", "5", Value::from(4), true),
        ("NumericLessThan", "5", Value::from("four"), false),
        ("NumericLessThan", "5", Value::from("NaN"), false),
        ("NumericNotEquals", "5", Value::from("four"), true),
        ("Bool", "false", Value::from(false), true),
        ("Bool", "false", Value::from("no"), false),
        ("IpAddress", r#""203.0.113.9""#, Value::from(v4), true),
        ("IpAddress", r#""203.0.113.0/24""#, Value::from(mapped), true),
        ("IpAddress", r#""0.0.0.0/0""#, Value::from(v4), true),
        ("IpAddress", r#""::/0""#, Value::from(v4), false),
        ("IpAddress", r#""203.0.113.9""#, Value::from("203.0.113.9, 10.0.0.1"), false),
        ("NotIpAddress", r#""203.0.113.9/32""#, Value::from(mapped), false),
        ("StringEquals", r#""true""#, Value::from(true), true),
        ("StringLike", r#""203.0.113.*""#, Value::from(v4), true),
        ("ArnLike", r#""*""#, Value::from("no ARN"), false),
    ] {
        let condition = condition(operator, wanted);
        assert_eq!(holds(&condition, &context(value.clone())), held, "{condition} {value:?}");
    }
}

#[test]
fn keys_are_found_in_any_letter_case() {
    assert!(holds(r#"{"StringEquals":{"AWS:SOURCEvpc":"v"}}"#, &Context::new().with("aws:SourceVpc", "v")));
}
