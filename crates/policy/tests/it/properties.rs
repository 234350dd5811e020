//! Properties of every policy and every request.

use policy::{Context, Decision, Policy};
use proptest::prelude::*;
use proptest::sample::select;

use crate::request::{APP, allows, decide, policy};

fn action() -> impl Strategy<Value = &'static str> {
    select(&["*", "ecr:*", "ecr:Put*", "ecr:PutImage", "ecr:?etImage", "ECR:putimage", "s3:*"][..])
}

fn resource() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "*",
            APP,
            "arn:aws:ecr:*:*:repository/*",
            "arn:aws:ecr:*:*:repository/${aws:username}/*",
            "arn:aws:s3:::*",
        ][..],
    )
}

fn condition() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "{}",
            r#"{"StringEquals":{"aws:username":"team"}}"#,
            r#"{"StringNotLike":{"aws:username":"t*"}}"#,
            r#"{"Null":{"aws:username":"true"}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}"#,
            r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}"#,
            r#"{"BoolIfExists":{"aws:SecureTransport":"true"}}"#,
        ][..],
    )
}

fn statement(effect: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    (effect, any::<bool>(), action(), any::<bool>(), resource(), condition()).prop_map(
        |(effect, not_action, action, not_resource, resource, condition)| {
            let (na, nr) = (if not_action { "Not" } else { "" }, if not_resource { "Not" } else { "" });
            format!(
                r#"{{"Effect":"{effect}","{na}Action":"{action}","{nr}Resource":"{resource}","Condition":{condition}}}"#
            )
        },
    )
}

fn statements() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(statement(select(&["Allow", "Deny"][..])), 1..6)
}

fn document(statements: &[String]) -> Policy {
    policy(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")))
}

fn context() -> impl Strategy<Value = Context> {
    let username = proptest::option::of(select(&["team", "other", "*"][..]));
    let tags = proptest::collection::vec(select(&["a", "b", ""][..]), 0..3);
    (username, tags, proptest::option::of(any::<bool>())).prop_map(|(username, tags, tls)| {
        let context = Context::new().with_set("aws:TagKeys", tags);
        let context = username.into_iter().fold(context, |context, name| context.with("aws:username", name));
        tls.into_iter().fold(context, |context, tls| context.with("aws:SecureTransport", tls))
    })
}

fn asked() -> impl Strategy<Value = (&'static str, &'static str)> {
    (select(&["ecr:PutImage", "ecr:GetImage", "s3:GetObject"][..]), select(&[APP, "*", "arn:aws:s3:::b"][..]))
}

/// The kind of a decision, without the position of the statement.
fn outcome(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allow",
        Decision::ExplicitDeny(_) => "deny",
        Decision::ImplicitDeny(_) => "nothing",
        Decision::Exceeded(_) => "exceeded",
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parser_never_panics(text: String) {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn the_order_of_statements_does_not_matter(
        order in statements().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        (action, resource) in asked(),
        context in context(),
    ) {
        let (first, second) = (document(&order.0), document(&order.1));
        let decisions = [&first, &second].map(|policy| decide(&[policy], action, resource, &context));
        prop_assert_eq!(outcome(&decisions[0]), outcome(&decisions[1]));
    }

    #[test]
    fn statements_in_one_policy_or_in_several_decide_the_same(
        list in statements(), (action, resource) in asked(), context in context(),
    ) {
        let together = document(&list);
        let apart: Vec<_> = list.iter().map(|one| document(std::slice::from_ref(one))).collect();
        let apart: Vec<_> = apart.iter().collect();
        let decisions =
            [decide(&[&together], action, resource, &context), decide(&apart, action, resource, &context)];
        prop_assert_eq!(outcome(&decisions[0]), outcome(&decisions[1]));
    }

    #[test]
    fn a_denial_wins_and_changes_no_other_request(
        list in statements(),
        deny in statement(Just("Deny")),
        (action, resource) in asked(),
        context in context(),
    ) {
        let speaks = allows(&document(&[deny.replace("Deny", "Allow")]), action, resource, &context);
        let before = decide(&[&document(&list)], action, resource, &context);
        let after = decide(&[&document(&list), &document(&[deny])], action, resource, &context);
        if speaks {
            prop_assert_eq!(outcome(&after), "deny");
        } else {
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn a_statement_or_its_negation_matches_a_request(
        pattern in action(), (action, resource) in asked(),
    ) {
        let nothing = Context::new();
        let speaks = ["Action", "NotAction"].map(|element| {
            let one = format!(r#"{{"Effect":"Allow","{element}":"{pattern}","Resource":"*"}}"#);
            allows(&document(&[one]), action, resource, &nothing)
        });
        prop_assert_ne!(speaks[0], speaks[1]);
    }

    #[test]
    fn wildcards_match_like_a_plain_matcher(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
        let condition = format!(r#"{{"StringLike":{{"aws:a":"{pattern}"}}}}"#);
        let held = crate::request::holds(&condition, &Context::new().with("aws:a", text.as_str()));
        prop_assert_eq!(held, plain_match(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn a_network_contains_addresses_with_its_first_bits(network: u32, flip in 0_u32..33, prefix in 0_u32..33) {
        // `flip` 32: the same address.
        let address = if flip == 32 { network } else { network ^ (1 << (31 - flip)) };
        let (network, address) = (std::net::Ipv4Addr::from(network), std::net::IpAddr::V4(address.into()));
        let condition = format!(r#"{{"IpAddress":{{"aws:SourceIp":"{network}/{prefix}"}}}}"#);
        let held = crate::request::holds(&condition, &Context::new().with("aws:SourceIp", address));
        prop_assert_eq!(held, flip >= prefix);
    }
}

/// The textbook's recursion: slow and simple.
fn plain_match(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', rest)), None) => plain_match(rest, text),
        (Some((b'*', rest)), Some((_, tail))) => plain_match(rest, text) || plain_match(pattern, tail),
        (Some((b'?', rest)), Some((_, tail))) => plain_match(rest, tail),
        (Some((wanted, rest)), Some((is, tail))) => wanted == is && plain_match(rest, tail),
        (Some(_), None) => false,
    }
}
