//! The cost of parsing and matching is bounded, whatever the pattern and the event are.

use std::time::{Duration, Instant};

use pattern::{EventBudget, Pattern, TooComplex};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn an_expensive_match_ends() {
    let wildcard = "a*".repeat(2_000);
    let pattern = Pattern::parse(&json!({ "x": [{ "wildcard": wildcard }] }).to_string()).unwrap();
    let event = json!({ "x": vec!["a".repeat(1_900); 10_000] });
    let began = Instant::now();
    assert_eq!(pattern.matches(&event), Err(TooComplex));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn alternatives_of_alternatives_end() {
    let mut pattern = json!({ "x": ["y"] });
    while pattern.to_string().len() < 1_800 {
        pattern = json!({ "$or": [pattern.clone(), pattern] });
    }
    let pattern = Pattern::parse(&pattern.to_string()).unwrap();
    let event = json!({ "x": vec!["z"; 10_000] });
    assert_eq!(pattern.matches(&event), Err(TooComplex));
}

#[test]
fn expensive_patterns_of_one_event_share_their_steps() {
    let wildcard = "a*".repeat(2_000);
    let expensive = Pattern::parse(&json!({ "x": [{ "wildcard": wildcard }] }).to_string()).unwrap();
    let cheap = Pattern::parse(r#"{"y":["z"]}"#).unwrap();
    let event = json!({ "x": vec!["a".repeat(1_900); 10_000], "y": "z" });
    let mut budget = EventBudget::default();
    for _ in 0..9 {
        assert_eq!(expensive.matches_within(&event, &mut budget), Err(TooComplex));
        assert_eq!(cheap.matches_within(&event, &mut budget), Ok(true));
    }
    assert_eq!(expensive.matches_within(&event, &mut budget), Err(TooComplex));
    assert_eq!(cheap.matches_within(&event, &mut budget), Err(TooComplex));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof![Just("prefix"), Just("a*"), Just(">"), Just("10.0.0.0/8"), Just("")]
            .prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-c]",
        Just("$or".to_owned()),
        Just("prefix".to_owned()),
        Just("numeric".to_owned()),
        Just("anything-but".to_owned()),
        Just("wildcard".to_owned()),
        Just("exists".to_owned()),
        Just("cidr".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_pattern_and_event_have_an_answer(pattern in value(), event in value()) {
        if let Ok(pattern) = Pattern::parse(&pattern.to_string()) {
            prop_assert!(pattern.matches(&event).is_ok());
        }
    }
}
