//! Patterns and events of the pages "Comparison operators for use in event patterns" and "Creating event patterns".

use pattern::Pattern;
use serde_json::{Value, json};

#[track_caller]
fn check(pattern: &Value, matching: &[Value], others: &[Value]) {
    let parsed = Pattern::parse(&pattern.to_string()).unwrap();
    for event in matching {
        assert!(parsed.matches(event).unwrap(), "{pattern} and {event}");
    }
    for event in others {
        assert!(!parsed.matches(event).unwrap(), "{pattern} and {event}");
    }
}

#[test]
fn values_are_compared_exactly() {
    check(
        &json!({ "source": ["aws.ec2"], "detail": { "state": ["terminated", "stopped"] } }),
        &[
            json!({ "source": "aws.ec2", "detail": { "state": "stopped", "other": 1 } }),
            json!({ "source": ["aws.s3", "aws.ec2"], "detail": { "state": ["terminated"] } }),
        ],
        &[
            json!({ "source": "aws.ec2", "detail": { "state": "running" } }),
            json!({ "source": "aws.ec2" }),
            json!({ "source": "AWS.EC2", "detail": { "state": "stopped" } }),
            json!({ "source": { "aws.ec2": "aws.ec2" }, "detail": { "state": "stopped" } }),
        ],
    );
    check(&json!({ "n": [null] }), &[json!({ "n": null })], &[json!({ "n": "" }), json!({})]);
    check(&json!({ "n": [""] }), &[json!({ "n": "" })], &[json!({ "n": null }), json!({})]);
    check(&json!({ "n": [3, true] }), &[json!({ "n": 3 }), json!({ "n": true })], &[json!({ "n": "3" })]);
    check(&json!({ "n": [{ "exactly": "a" }] }), &[json!({ "n": "a" })], &[json!({ "n": "ab" })]);
}

#[test]
fn prefixes_and_suffixes() {
    check(
        &json!({ "time": [{ "prefix": "2017-10-02" }] }),
        &[json!({ "time": "2017-10-02T18:43:48Z" })],
        &[json!({ "time": "2017-10-03" }), json!({ "time": 2017 })],
    );
    check(
        &json!({ "detail": { "service": [{ "prefix": { "equals-ignore-case": "EventB" } }] } }),
        &[
            json!({ "detail": { "service": "EVENTBRIDGE" } }),
            json!({ "detail": { "service": "eventbridge" } }),
        ],
        &[json!({ "detail": { "service": "event" } })],
    );
    check(
        &json!({ "FileName": [{ "suffix": ".png" }] }),
        &[json!({ "FileName": "a.png" })],
        &[json!({ "FileName": "a.PNG" }), json!({ "FileName": "png" })],
    );
    check(
        &json!({ "FileName": [{ "suffix": { "equals-ignore-case": ".png" } }] }),
        &[json!({ "FileName": "a.PNG" })],
        &[json!({ "FileName": "a.jpg" })],
    );
}

#[test]
fn anything_but_needs_the_member() {
    check(
        &json!({ "detail": { "state": [{ "anything-but": "initializing" }] } }),
        &[json!({ "detail": { "state": "running" } }), json!({ "detail": { "state": 3 } })],
        &[json!({ "detail": { "state": "initializing" } }), json!({ "detail": {} })],
    );
    check(
        &json!({ "x": [{ "anything-but": [100, 200, 300] }] }),
        &[json!({ "x": 400 })],
        &[json!({ "x": 100 })],
    );
    for (operator, taken, left) in [
        (json!({ "prefix": "init" }), "initial", "done"),
        (json!({ "prefix": ["init", "error"] }), "error: 1", "done"),
        (json!({ "suffix": ".txt" }), "a.txt", "a.rtf"),
        (json!({ "suffix": [".txt", ".rtf"] }), "a.rtf", "a.doc"),
        (json!({ "equals-ignore-case": ["initializing", "stopped"] }), "STOPPED", "running"),
        (json!({ "wildcard": "*/lib/*" }), "a/lib/b", "a/bin/b"),
        (json!({ "wildcard": ["*/lib/*", "*/bin/*"] }), "a/bin/b", "a/etc/b"),
    ] {
        let pattern = json!({ "x": [{ "anything-but": operator }] });
        check(&pattern, &[json!({ "x": left })], &[json!({ "x": taken }), json!({})]);
    }
}

#[test]
fn numbers_lie_in_ranges() {
    let pattern = json!({ "detail": {
        "c-count": [{ "numeric": [">", 0, "<=", 5] }],
        "d-count": [{ "numeric": ["<", 10] }],
        "x-limit": [{ "numeric": ["=", 3.018e2] }],
    } });
    let event = |c: f64, d: f64, x: f64| json!({ "detail": { "c-count": c, "d-count": d, "x-limit": x } });
    check(
        &pattern,
        &[event(5.0, 9.9, 301.8)],
        &[event(0.0, 1.0, 301.8), event(5.1, 1.0, 301.8), event(1.0, 10.0, 301.8), event(1.0, 1.0, 301.0)],
    );
    check(&json!({ "n": [{ "numeric": [">=", 1] }] }), &[json!({ "n": 1 })], &[json!({ "n": "1" })]);
}

#[test]
fn addresses_lie_in_networks() {
    check(
        &json!({ "ip": [{ "cidr": "10.0.0.0/24" }] }),
        &[json!({ "ip": "10.0.0.255" })],
        &[json!({ "ip": "10.0.1.0" }), json!({ "ip": "::ffff:10.0.0.1" }), json!({ "ip": "x" })],
    );
    check(
        &json!({ "ip": [{ "cidr": "2001:db8::/32" }, { "cidr": "0.0.0.0/0" }] }),
        &[json!({ "ip": "2001:db8::1" }), json!({ "ip": "8.8.8.8" })],
        &[json!({ "ip": "2001:db9::1" })],
    );
}

#[test]
fn members_exist_or_not() {
    check(
        &json!({ "detail": { "state": [{ "exists": true }] } }),
        &[json!({ "detail": { "state": null } }), json!({ "detail": { "state": ["a"] } })],
        &[json!({ "detail": {} }), json!({ "detail": { "state": { "a": 1 } } }), json!({})],
    );
    check(
        &json!({ "detail": { "data": { "id": [{ "exists": false }] } } }),
        &[json!({ "detail": {} }), json!({ "detail": { "data": { "x": 1 } } })],
        &[json!({ "detail": { "data": { "id": "a" } } })],
    );
}

#[test]
fn case_and_wildcards() {
    check(
        &json!({ "t": [{ "equals-ignore-case": "ec2 instance state-change notification" }] }),
        &[json!({ "t": "EC2 Instance State-change Notification" })],
        &[json!({ "t": "EC2 Instance" })],
    );
    for (wildcard, matching, others) in [
        ("dir/*.png", &["dir/a.png", "dir/.png", "dir/a/b.png"][..], &["dir/a.jpg", "x/a.png"][..]),
        ("*", &["", "a"][..], &[][..]),
        ("a*b*c", &["abc", "axbxc", "abbcc"][..], &["ac", "acb"][..]),
        ("ab*ba", &["abba", "abxba"][..], &["aba"][..]),
        (r"a\*b\\", &["a*b\\"][..], &["axb\\"][..]),
    ] {
        let events = |texts: &[&str]| texts.iter().map(|text| json!({ "x": text })).collect::<Vec<_>>();
        check(&json!({ "x": [{ "wildcard": wildcard }] }), &events(matching), &events(others));
    }
}

#[test]
fn one_alternative_is_enough() {
    let pattern = json!({ "detail": { "$or": [
        { "c-count": [{ "numeric": [">", 0, "<=", 5] }] },
        { "d-count": [{ "numeric": ["<", 10] }] },
        { "x-limit": [{ "numeric": ["=", 3.018e2] }] },
    ] } });
    check(
        &pattern,
        &[json!({ "detail": { "c-count": 3 } }), json!({ "detail": { "c-count": 9, "d-count": 9 } })],
        &[json!({ "detail": { "c-count": 9 } }), json!({ "detail": {} })],
    );
    check(
        &json!({ "source": ["aws.ecr"], "$or": [{ "a": ["1"] }, { "b": ["1"], "c": ["1"] }] }),
        &[json!({ "source": "aws.ecr", "b": "1", "c": "1" })],
        &[json!({ "source": "aws.ecr", "b": "1" }), json!({ "a": "1" })],
    );
    // A member that is called so.
    check(&json!({ "$or": ["x"] }), &[json!({ "$or": "x" })], &[json!({ "x": "x" })]);
}

#[test]
fn members_of_one_element_match_together() {
    let pattern = json!({ "items": { "name": ["a"], "state": ["on"] } });
    check(
        &pattern,
        &[json!({ "items": [{ "name": "b", "state": "on" }, { "name": "a", "state": "on" }] })],
        &[json!({ "items": [{ "name": "a", "state": "off" }, { "name": "b", "state": "on" }] })],
    );
}
