//! Random policies and requests from a small vocabulary: the evaluator and the naive one give the same decisions.

use std::collections::BTreeMap;

use policy::{Caller, CallerKind, Decision};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::naive;
use crate::request::APP;
use crate::scenario::{self, Held, Scenario, Typed};

type Words = &'static [&'static str];

const ACTIONS: Words = &[
    "*",
    "ecr:*",
    "ECR:put*",
    "ecr:PutImage",
    "ecr:?utImage",
    "ecr:Put",
    "ecr:*Image*",
    "s3:*",
    "*:PutImage",
];
const ASKED: Words = &["ecr:PutImage", "ecr:PutImageTagMutability", "s3:GetObject"];
const RESOURCES: Words = &[
    "*",
    APP,
    "arn:aws:ecr:*:*:repository/*",
    "arn:aws:ecr:us-east-?:111122223333:repository/team/*",
    "arn:aws:ecr:*:*:repository/TEAM/*",
    "arn:aws:ecr:us-*:repository/*",
    "arn:aws:ecr:*:*:repository/${aws:username}/*",
    "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team, 'team'}/a?p",
    "arn:aws:ecr:*:*:repository/${*}*",
    "arn:aws:ecr:*",
    "arn:aws:ecr",
    "arn:aws:ecr:us-east-1",
    "arn:aws:*:repository/team*",
    "arn:aws:ecr:us-*1:*:repository/*",
    "arn:aws:ecr:*:111122223333:*app*",
    "arn:aws:ecr:us-east-1:${aws:username}",
    "arn:aws:ecr:us-?ast-*app/x",
    "arn:*",
    "arn:aws:s3:::*",
];
const TARGETS: Words = &[
    APP,
    "*",
    "arn:aws:ecr:us-east-1:111122223333:repository/team:app/x",
    "arn:aws:ecr:us-east-1:111122223333:repository/${aws:username}/x",
    "arn:aws:s3:::bucket/key",
];
const PRINCIPALS: Words = &[
    r#""*""#,
    r#"{"AWS":"*"}"#,
    r#"{"AWS":"111122223333"}"#,
    r#"{"AWS":"arn:aws:iam::444455556666:root"}"#,
    r#"{"AWS":["arn:aws:iam::111122223333:user/eve","444455556666"]}"#,
    r#"{"AWS":["arn:aws:iam::111122223333:user/eve","111122223333"]}"#,
    r#"{"AWS":["arn:aws:iam::111122223333:role/ci","arn:aws:iam::444455556666:user/bob"]}"#,
    r#"{"AWS":["arn:aws:sts::111122223333:assumed-role/ci/run-1","arn:aws:iam::444455556666:role/pull"]}"#,
    r#"{"AWS":["arn:aws:sts::111122223333:assumed-role/ci/run-1","AROACIROLE00000000000","111122223333"]}"#,
    r#"{"AWS":["AROACIROLE00000000000","111122223333"]}"#,
    r#"{"AWS":["arn:aws:sts::111122223333:assumed-role/ci/run-1","arn:aws:iam::111122223333:root"]}"#,
    r#"{"AWS":["AROACIROLE00000000000:run-1","AIDABOB0000000000000"]}"#,
    r#"{"AWS":["arn:aws:sts::111122223333:federated-user/temp","111122223333"]}"#,
    r#"{"AWS":["444455556666","arn:aws:iam::444455556666:user/bob"],"Service":"lambda.amazonaws.com"}"#,
    r#"{"Service":["codebuild.amazonaws.com"],"Federated":"idp.example"}"#,
];
const KEYS: Words = &["aws:username", "AWS:UserName", "aws:TagKeys", "aws:PrincipalTag/team", "aws:x"];
const TEXTS: Words = &[
    "team",
    "Team",
    "",
    "t*",
    "te?m",
    "*",
    "${aws:username}",
    "${aws:x, 'team'}",
    "${aws:TagKeys}",
    "a${*}${$}",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam:*",
    "arn:aws:iam::111122223333:role/${aws:username}",
];
const HELD: Words = &[
    "team",
    "TEAM",
    "",
    "t*",
    "a*$",
    "${aws:username}",
    "arn:aws:iam::111122223333:role/team",
    "arn:aws:iam::1:2:role/team",
    "true",
    "False",
    "10",
    "9.5",
    "-1",
    "2026-08-01T12:00:00Z",
    "2026-08-01",
    "203.0.113.9",
    "::ffff:203.0.113.9",
    "2001:db8::1",
];

/// Operators without `Not`, with suitable values as JSON.
const OPERATORS: [(&str, Words); 19] = [
    ("StringEquals", TEXTS),
    ("StringEqualsIgnoreCase", TEXTS),
    ("StringLike", TEXTS),
    ("ArnEquals", TEXTS),
    ("ArnLike", TEXTS),
    ("Bool", &["true", "false", "False"]),
    ("BinaryEquals", &["team", "10"]),
    ("NumericEquals", &["10", "9.5"]),
    ("NumericLessThan", &["10", "0"]),
    ("NumericLessThanEquals", &["10", "9.5"]),
    ("NumericGreaterThan", &["9.5", "-1"]),
    ("NumericGreaterThanEquals", &["10", "-1"]),
    ("DateEquals", &["2026-08-01T14:00:00+02:00", "10"]),
    ("DateLessThan", &["2026-08-01T12:00:00Z", "2026-08-01"]),
    ("DateLessThanEquals", &["2026-08-01T12:00:00Z", "10"]),
    ("DateGreaterThan", &["2026-08-01T12:00:00Z", "2026-08-01", "-1"]),
    ("DateGreaterThanEquals", &["2026-08-01T12:00:00Z", "2026-08-01", "9"]),
    ("IpAddress", &["203.0.113.0/24", "203.0.113.8", "0.0.0.0/0", "2001:db8::/32", "::/0"]),
    ("Null", &["true", "false"]),
];

/// Values that are not texts.
fn typed() -> impl Strategy<Value = Typed> {
    let moment = select(&["2026-08-01T12:00:00Z", "1970-01-01T00:00:10Z"][..]);
    let address = select(&["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1"][..]);
    prop_oneof![
        any::<bool>().prop_map(Typed::Truth),
        select(&[10, -1, 0, 1_785_585_600_i64][..]).prop_map(Typed::Number),
        moment.prop_map(|text| Typed::Moment(text.parse().unwrap())),
        address.prop_map(|text| Typed::Address(text.parse().unwrap())),
    ]
}

/// The negation of an operator that has one.
fn negation(operator: &str) -> Option<String> {
    match operator {
        "IpAddress" => Some("NotIpAddress".to_owned()),
        "StringEqualsIgnoreCase" => Some("StringNotEqualsIgnoreCase".to_owned()),
        "Bool" | "BinaryEquals" | "Null" => None,
        _ if operator.contains("Than") => None,
        _ => {
            let at = operator.find("Equals").or_else(|| operator.find("Like"))?;
            Some(format!("{}Not{}", &operator[..at], &operator[at..]))
        }
    }
}

fn operator_with_values() -> impl Strategy<Value = (String, Vec<&'static str>)> {
    let parts = (
        select(&OPERATORS[..]),
        any::<bool>(),
        any::<bool>(),
        select(&["", "", "ForAllValues:", "ForAnyValue:"][..]),
    );
    parts.prop_flat_map(|((name, values), is_negated, if_exists, set)| {
        let name = negation(name).filter(|_| is_negated).unwrap_or_else(|| name.to_owned());
        let name = match (name.as_str(), if_exists) {
            ("Null", _) => name,
            (_, true) => format!("{set}{name}IfExists"),
            (_, false) => format!("{set}{name}"),
        };
        vec(select(values), 0..3).prop_map(move |values| (name.clone(), values))
    })
}

fn condition() -> impl Strategy<Value = String> {
    let one = (operator_with_values(), select(KEYS))
        .prop_map(|((operator, values), key)| (operator, format!("{{{key:?}:{values:?}}}")));
    // A map: an operator cannot occur twice in one object.
    vec(one, 0..3).prop_map(|operators| {
        let operators: BTreeMap<_, _> = operators.into_iter().collect();
        let members: Vec<_> =
            operators.into_iter().map(|(operator, keys)| format!("{operator:?}:{keys}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// An element with one or two texts, negated one time in five.
fn element(name: &'static str, words: Words) -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.2), vec(select(words), 1..3)).prop_map(move |(is_negated, texts)| {
        format!(r#""{}{name}":{texts:?}"#, if is_negated { "Not" } else { "" })
    })
}

fn statement(principal: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let resource = weighted(0.8, element("Resource", RESOURCES));
    let condition = weighted(0.5, condition().prop_map(|condition| format!(r#""Condition":{condition}"#)));
    (effect, principal, element("Action", ACTIONS), resource, condition).prop_map(
        |(effect, principal, action, resource, condition)| {
            let effect = format!(r#""Effect":"{effect}""#);
            let members = [Some(effect), principal, Some(action), resource, condition];
            format!("{{{}}}", members.into_iter().flatten().collect::<Vec<_>>().join(","))
        },
    )
}

fn document(principal: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = String> {
    let version = select(
        &[r#""Version":"2012-10-17","#, r#""Version":"2012-10-17","#, r#""Version":"2008-10-17","#, ""][..],
    );
    (version, vec(statement(principal), 1..4))
        .prop_map(|(version, statements)| format!(r#"{{{version}"Statement":[{}]}}"#, statements.join(",")))
}

fn unnamed() -> impl Strategy<Value = String> {
    document(Just(None))
}

fn naming() -> impl Strategy<Value = String> {
    let principal = (prop::bool::weighted(0.2), select(PRINCIPALS)).prop_map(|(is_negated, principal)| {
        Some(format!(r#""{}Principal":{principal}"#, if is_negated { "Not" } else { "" }))
    });
    document(principal)
}

fn context() -> impl Strategy<Value = Vec<(String, Held)>> {
    let value = || prop_oneof![2 => select(HELD).prop_map(|text| Typed::Text(text.to_owned())), 1 => typed()];
    let held = prop_oneof![
        3 => value().prop_map(Held::One),
        1 => vec(value(), 0..4).prop_map(Held::Set),
    ];
    vec((select(KEYS).prop_map(str::to_owned), held), 0..4)
}

fn caller() -> impl Strategy<Value = Caller<'static>> {
    let outsider = |kind| Caller { account: "", kind };
    select(vec![
        scenario::EVE,
        scenario::ROOT,
        scenario::SESSION,
        scenario::SESSION,
        scenario::FEDERATED,
        scenario::ROOTS_SESSION,
        scenario::BOBS_ROOTS_SESSION,
        scenario::BOB,
        scenario::BOBS_SESSION,
        scenario::BOBS_ROOT,
        outsider(CallerKind::Service { name: "codebuild.amazonaws.com" }),
        outsider(CallerKind::WebIdentity { provider: "idp.example" }),
        outsider(CallerKind::Anonymous),
    ])
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let request = (caller(), prop::bool::weighted(0.1), select(ASKED), select(TARGETS), context());
    let of_caller = (vec(unnamed(), 0..3), weighted(0.25, unnamed()), weighted(0.25, vec(unnamed(), 0..3)));
    let others =
        (vec(naming(), 0..3), weighted(0.1, vec(unnamed(), 1..3)), weighted(0.1, vec(naming(), 1..3)));
    (request, of_caller, others).prop_map(
        |((caller, is_role_trust, action, resource, context), of_caller, others)| Scenario {
            caller,
            is_role_trust,
            action: action.to_owned(),
            resource: resource.to_owned(),
            context,
            identity: of_caller.0,
            boundary: of_caller.1,
            session: of_caller.2,
            of_resource: others.0,
            service_control: others.1.unwrap_or_default(),
            resource_control: others.2.unwrap_or_default(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_naive_evaluator_decides_alike(scenario in scenarios()) {
        let (decision, verdict) = (scenario.decide(), naive::decide(&scenario));
        prop_assert!(verdict.agrees_with(&decision), "{decision:?}, naively {verdict:?}");
    }
}

/// The agreement means little if all scenarios have the same result.
#[test]
fn the_scenarios_have_every_result() {
    let mut runner = TestRunner::deterministic();
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..3_000 {
        let end = match scenarios().new_tree(&mut runner).unwrap().current().decide() {
            Decision::Allow(by) => format!("allow {:?}", by.kind),
            Decision::ExplicitDeny(by) => format!("deny {:?}", by.kind),
            Decision::ImplicitDeny(kind) => format!("nothing {kind:?}"),
            Decision::Exceeded(excess) => format!("exceeded {excess:?}"),
        };
        *ends.entry(end).or_default() += 1;
    }
    for end in [
        "allow Identity",
        "allow Resource",
        "allow RoleTrust",
        "allow Root",
        "nothing Boundary",
        "nothing Session",
    ] {
        assert!(ends.get(end).is_some_and(|count| *count >= 10), "{end} is too rare: {ends:?}");
    }
    assert!(ends.len() >= 17, "{ends:?}");
}
