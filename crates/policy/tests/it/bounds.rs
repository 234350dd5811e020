//! The maximum cost of a decision: the worst policy of the allowed size, with the longest values of a request.

use std::time::{Duration, Instant};

use policy::{Context, Decision, Excess, MAX_VALUE_BYTES, Policy};
use proptest::prelude::*;

use crate::request::{APP, allows, decide, holds, policy, statement};

/// Far above the time of a limited decision in a test build, far below the time of an unlimited one.
const SOON: Duration = Duration::from_secs(2);

fn agents() -> Context {
    Context::new().with("aws:UserAgent", "a".repeat(4_000)).with_set("aws:TagKeys", vec!["a".repeat(128); 50])
}

/// A policy of about this many bytes: the same condition with as many values as possible.
fn filled(effect: &str, operator: &str, key: &str, value: &str, bytes: usize) -> Policy {
    let values = vec![format!("\"{value}\""); bytes / (value.len() + 3)].join(",");
    policy(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"*","Resource":"*",
        "Condition":{{"{operator}":{{"{key}":[{values}]}}}}}}}}"#
    ))
}

fn soon(policies: &[&Policy], what: &str) -> Decision {
    let begun = Instant::now();
    let decision = decide(policies, "ecr:PutImage", APP, &agents());
    assert!(begun.elapsed() < SOON, "{what} took {:?}", begun.elapsed());
    decision
}

#[test]
fn the_worst_policies_are_decided_quickly() {
    let questions = format!("*{}b*", "a?".repeat(1_500));
    let letters = format!("*{}b*", "a".repeat(3_000));
    let near = format!("{}b", "a".repeat(3_000));
    let deep = format!("*{}b", "a*".repeat(1_500));
    let agent = "${aws:UserAgent}".repeat(150);
    let agent_between = format!("*{}b*", "${aws:TagKeys, 'a'}?".repeat(100));
    for (operator, key, value) in [
        ("StringLike", "aws:UserAgent", questions.as_str()),
        ("StringLike", "aws:UserAgent", &letters),
        ("StringLike", "aws:UserAgent", &deep),
        ("StringLike", "aws:UserAgent", "*a?b*"),
        ("StringLike", "aws:UserAgent", "*${aws:UserAgent}?*"),
        ("StringLike", "aws:UserAgent", &agent_between),
        ("StringEquals", "aws:UserAgent", &near),
        ("StringEquals", "aws:UserAgent", &agent),
        ("StringEqualsIgnoreCase", "aws:UserAgent", &agent),
        ("Bool", "aws:UserAgent", &agent),
        ("ArnLike", "aws:UserAgent", &questions),
        ("NumericEquals", "aws:UserAgent", "1"),
        ("DateEquals", "aws:UserAgent", "1"),
        ("IpAddress", "aws:UserAgent", "10.0.0.0/8"),
        ("ForAllValues:StringLike", "aws:TagKeys", "*a?b*"),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", "x"),
    ] {
        let worst = filled("Allow", operator, key, value, 20_000);
        let is_allowed = soon(&[&worst; 30], &format!("{operator} of {key}")).is_allowed();
        assert_eq!(is_allowed, operator == "ForAnyValue:StringNotEquals", "{operator}");
    }
}

#[test]
fn the_worst_resources_are_decided_quickly() {
    let colons = format!("arn:{}", "*:".repeat(5));
    let pattern = format!("\"{colons}*{}b*\"", "a?".repeat(20));
    let patterns = vec![pattern; 300].join(",");
    let worst = policy(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","NotResource":[{patterns}]}}}}"#
    ));
    let resource = format!("arn:aws:ecr:{}", "a:".repeat(2_000));
    let begun = Instant::now();
    let decision = decide(&[&worst; 20], "ecr:PutImage", &resource, &Context::new());
    assert!(!decision.is_allowed() && begun.elapsed() < SOON, "{:?}: {decision:?}", begun.elapsed());
}

/// Whether a statement that denies everything under a condition does so.
fn denies(condition: &str, context: &Context) -> Decision {
    let all = statement(r#""Effect":"Allow","Action":"*","Resource":"*""#);
    let deny = statement(&format!(r#""Effect":"Deny","Action":"*","Resource":"*","Condition":{condition}"#));
    decide(&[&all, &deny], "ecr:PutImage", APP, context)
}

#[test]
fn a_deny_that_takes_too_many_steps_still_denies() {
    let agents = Context::new().with("aws:UserAgent", "a".repeat(4_000));
    let pattern = format!("*{}b*", "a?".repeat(1_000));
    for operator in ["StringLike", "StringNotLike", "ForAllValues:StringLike", "ForAnyValue:StringNotLike"] {
        let decision = denies(&format!(r#"{{"{operator}":{{"aws:UserAgent":"{pattern}"}}}}"#), &agents);
        assert_eq!(decision, Decision::Exceeded(Excess::Steps), "{operator}");
        assert!(!decision.is_allowed());
    }
    let reason = Decision::Exceeded(Excess::Steps).reason("ecr:PutImage").unwrap();
    assert_eq!(reason, "because the policies that concern it take too many steps to evaluate");
}

#[test]
fn a_value_that_is_too_long_denies_if_a_policy_tests_it() {
    let with = |length| Context::new().with("aws:UserAgent", "a".repeat(length));
    let (longest, longer) = (with(MAX_VALUE_BYTES), with(MAX_VALUE_BYTES + 1));
    for condition in [
        r#"{"StringLike":{"aws:UserAgent":"b*"}}"#,
        r#"{"StringNotLike":{"aws:UserAgent":"a*"}}"#,
        r#"{"StringEquals":{"aws:SourceIp":"${aws:UserAgent}"}}"#,
    ] {
        let address = |context: &Context| context.clone().with("aws:SourceIp", "10.0.0.1");
        assert!(denies(condition, &address(&longest)).is_allowed(), "{condition}");
        assert_eq!(denies(condition, &address(&longer)), Decision::Exceeded(Excess::Value), "{condition}");
    }
    assert!(denies(r#"{"StringEquals":{"aws:username":"eve"}}"#, &longer).is_allowed(), "nobody asked");
    let set = Context::new().with_set("aws:TagKeys", ["a".to_owned(), "b".repeat(MAX_VALUE_BYTES + 1)]);
    let any = denies(r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"c"}}"#, &set);
    assert_eq!(any, Decision::Exceeded(Excess::Value));
}

#[test]
fn a_resource_or_action_that_is_too_long_is_denied() {
    let all = statement(r#""Effect":"Allow","Action":"*","Resource":"*""#);
    let resource = format!("arn:aws:ecr:us-east-1:111122223333:repository/{}", "a".repeat(MAX_VALUE_BYTES));
    assert_eq!(
        decide(&[&all], "ecr:PutImage", &resource, &Context::new()),
        Decision::Exceeded(Excess::Value)
    );
    let action = format!("ecr:{}", "a".repeat(MAX_VALUE_BYTES));
    assert_eq!(decide(&[&all], &action, APP, &Context::new()), Decision::Exceeded(Excess::Value));
}

/// A user in ten groups, each with ten managed policies of 6,144 characters and 5,120 of its own.
#[test]
fn all_policies_that_the_quotas_allow_are_decided() {
    let full = |bytes: usize| {
        let actions: Vec<String> =
            (0..bytes / 26).map(|at| format!("\"ecr:DescribeImages{at:04}\"")).collect();
        statement(&format!(
            r#""Effect":"Allow","Action":[{}],"Resource":["arn:aws:ecr:*:*:repository/team/*"],
            "Condition":{{"StringLike":{{"aws:UserAgent":["docker/*","*containerd*","*go?"]}}}}"#,
            actions.join(",")
        ))
    };
    let (managed, inline) = (full(6_144), full(5_120));
    let mut all = vec![&managed; 110];
    all.extend([&inline; 10]);
    let last = statement(r#""Effect":"Allow","Action":"ecr:PutImage","Resource":"*""#);
    all.push(&last);
    let context = Context::new().with("aws:UserAgent", "containerd/2.1 ".repeat(10));
    assert!(decide(&all, "ecr:PutImage", APP, &context).is_allowed());
    assert!(matches!(decide(&all, "ecr:ListImages", APP, &context), Decision::ImplicitDeny(_)));
}

/// A pattern matched by the textbook's table of prefixes: row by row, without shortcuts.
fn table(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for letter in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let (before, above) = (at > 0 && next[at - 1], row[at]);
            let diagonal = at > 0 && row[at - 1];
            next[at] = match letter {
                '*' => above || before,
                '?' => diagonal,
                letter => diagonal && text[at - 1] == letter,
            };
        }
        row = next;
    }
    row[text.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_limited_matcher_agrees_with_a_plain_table(
        pattern in "[abé*?]{0,40}", text in "[abé]{0,60}", repeated in 1_usize..4,
    ) {
        let text = text.repeat(repeated);
        let context = Context::new().with("aws:a", text.as_str()).with("aws:all", text.as_str());
        let expected = table(&pattern, &text);
        prop_assert_eq!(holds(&format!(r#"{{"StringLike":{{"aws:a":"{pattern}"}}}}"#), &context), expected);
        prop_assert_eq!(holds(&format!(r#"{{"StringNotLike":{{"aws:a":"{pattern}"}}}}"#), &context), !expected);
        let resource = format!("arn:aws:ecr:us-east-1:111122223333:repository/{text}");
        let of_resource =
            statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/{pattern}""#));
        prop_assert_eq!(allows(&of_resource, "ecr:PutImage", &resource, &context), expected);
        for whole in [r#"{"StringLike":{"aws:a":"*${aws:all}*"}}"#, r#"{"StringEquals":{"aws:a":"${aws:all}"}}"#] {
            prop_assert!(holds(whole, &context), "{}", whole);
        }
    }

    #[test]
    fn comparison_without_case_equals_full_case_folding(
        a in "[aAéÉßſK\u{212a}]{0,6}", b in "[aAéÉßſK\u{212a}]{0,6}",
    ) {
        let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
        let context = Context::new().with("aws:a", a.as_str()).with("aws:b", b.as_str());
        for wanted in [b.as_str(), "${aws:b}"] {
            let condition = format!(r#"{{"StringEqualsIgnoreCase":{{"aws:a":"{wanted}"}}}}"#);
            prop_assert_eq!(holds(&condition, &context), fold(&a) == fold(&b), "{}", wanted);
        }
    }
}

#[test]
fn a_duplicate_tag_denies_by_either_value_and_allows_by_both() {
    let twice = |one: &str, other: &str| {
        let mut context = Context::new().with("aws:username", "red");
        context.set_tags("aws:ResourceTag/", [("team", one), ("Team", other)]);
        context
    };
    let is = r#"{"StringEquals":{"aws:ResourceTag/TEAM":"red"}}"#;
    let is_not = r#"{"StringNotEquals":{"aws:ResourceTag/TEAM":"red"}}"#;
    for (one, other) in [("red", "blue"), ("blue", "red")] {
        let both = twice(one, other);
        for condition in [is, is_not] {
            assert!(matches!(denies(condition, &both), Decision::ExplicitDeny(_)), "{condition}");
            assert!(!holds(condition, &both), "{condition}");
        }
        let variable = r#"{"StringEquals":{"aws:username":"${aws:ResourceTag/team}"}}"#;
        assert_eq!(denies(variable, &both), Decision::Exceeded(Excess::Ambiguity));
        assert!(!holds(r#"{"Null":{"aws:ResourceTag/team":"true"}}"#, &both), "it is there");
    }
    assert!(holds(is, &twice("red", "red")));
    let mut once = Context::new();
    once.set_tags("aws:ResourceTag/", [("team", "red"), ("other", "blue")]);
    assert!(holds(is, &once) && denies(is_not, &once).is_allowed());
}

#[test]
fn the_case_of_a_tag_key_is_ignored_in_any_script() {
    for (in_policy, in_request) in
        [("équipe", "Équipe"), ("οδος", "ΟΔΟΣ"), ("команда", "КОМАНДА"), ("key", "\u{212a}ey")]
    {
        let mut context = Context::new().with("aws:username", "red");
        context.set_tags("aws:RequestTag/", [(in_request, "red")]);
        let is = format!(r#"{{"StringEquals":{{"aws:RequestTag/{in_policy}":"red"}}}}"#);
        assert!(matches!(denies(&is, &context), Decision::ExplicitDeny(_)), "{in_policy} {in_request}");
        let variable = format!(r#"{{"StringEquals":{{"aws:username":"${{aws:RequestTag/{in_policy}}}"}}}}"#);
        assert!(holds(&variable, &context), "{in_policy} {in_request}");
        context.set_tags("aws:RequestTag/", [(in_request, "red"), (in_policy, "blue")]);
        assert!(matches!(denies(&is, &context), Decision::ExplicitDeny(_)), "{in_policy} {in_request}");
        assert!(!holds(&is, &context), "{in_policy} {in_request}");
    }
}

#[test]
fn long_tag_keys_in_any_script_are_found_quickly() {
    let key = |last: usize| format!("{}{last:02}", "É".repeat(126));
    let keys: Vec<String> = (0..50).map(key).collect();
    let mut context = Context::new();
    context.set_tags("aws:RequestTag/", keys.iter().map(|key| (key.as_str(), "v")));
    let variable = format!("${{aws:RequestTag/{}}}", key(50));
    let worst = filled("Deny", "StringEquals", &format!("aws:RequestTag/{}", key(49)), &variable, 20_000);
    let begun = Instant::now();
    let decision = decide(&[&worst; 30], "ecr:PutImage", APP, &context);
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    assert!(!decision.is_allowed());
}
