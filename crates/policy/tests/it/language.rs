//! Actions, resources and variables: what a statement applies to.

use policy::{Context, Decision, PolicyKind};

use crate::request::{APP, allows, decide, policy, statement};

fn nothing() -> Context {
    Context::new()
}

#[test]
fn actions_match_without_case_and_with_wildcards() {
    for (action, asked, expected) in [
        ("ecr:PutImage", "ecr:PutImage", true),
        ("ECR:putimage", "ecr:PutImage", true),
        ("ecr:*", "ecr:PutImage", true),
        ("ecr:Put*", "ecr:PutImage", true),
        ("ecr:*Image", "ecr:PutImageTagMutability", false),
        ("ecr:?utImage", "ecr:PutImage", true),
        ("ecr:PutImage?", "ecr:PutImage", false),
        ("*:PutImage", "ecr:PutImage", true),
        ("ec*:P*t*Im*ge", "ecr:PutImage", true),
        ("ecr-public:*", "ecr:PutImage", false),
        ("*", "ecr:PutImage", true),
    ] {
        let policy = statement(&format!(r#""Effect":"Allow","Action":["{action}"],"Resource":"*""#));
        assert_eq!(allows(&policy, asked, APP, &nothing()), expected, "{action} {asked}");
    }
}

#[test]
fn not_action_matches_all_other_actions() {
    let policy = statement(r#""Effect":"Allow","NotAction":["ecr:Delete*","iam:*"],"Resource":"*""#);
    assert!(allows(&policy, "ecr:PutImage", APP, &nothing()));
    assert!(!allows(&policy, "ecr:deleterepository", APP, &nothing()));
    assert!(!allows(&policy, "iam:CreateUser", "*", &nothing()));
}

#[test]
fn resources_match_by_segment_and_case() {
    for (pattern, resource, expected) in [
        ("*", "*", true),
        ("*", APP, true),
        (APP, APP, true),
        ("arn:aws:ecr:us-east-1:111122223333:repository/team/*", APP, true),
        ("arn:aws:ecr:us-east-1:111122223333:repository/TEAM/*", APP, false),
        ("arn:aws:ecr:*:*:repository/*", APP, true),
        ("arn:aws:ecr:us-east-1:111122223333:repository/team", APP, false),
        ("arn:aws:ecr:us-east-?:111122223333:repository/*", APP, true),
        ("arn:aws:ecr:us-*repository/*", APP, false),
        ("arn:aws:ecr:us-east-1:999999999999:repository/*", APP, false),
        ("arn:aws:ecr:*:*:repository/*", "*", false),
        ("arn:aws:ecr:*", APP, true),
        ("arn:aws:ecr:*", "*", false),
        ("arn:aws:ecr", APP, true),
        ("repository/team/app", APP, false),
    ] {
        let policy = statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"{pattern}""#));
        assert_eq!(allows(&policy, "ecr:PutImage", resource, &nothing()), expected, "{pattern} {resource}");
    }
}

#[test]
fn not_resource_matches_all_other_resources() {
    let policy =
        statement(r#""Effect":"Allow","Action":"*","NotResource":["arn:aws:ecr:*:*:repository/team/*"]"#);
    assert!(!allows(&policy, "ecr:PutImage", APP, &nothing()));
    assert!(allows(&policy, "ecr:PutImage", &APP.replace("team", "other"), &nothing()));
    assert!(allows(&policy, "ecr:GetAuthorizationToken", "*", &nothing()));
}

#[test]
fn variables_have_the_values_of_the_request() {
    let policy = statement(
        r#""Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*""#,
    );
    let tagged = |team: &str| Context::new().with("aws:PrincipalTag/team", team);
    assert!(allows(&policy, "ecr:PutImage", APP, &tagged("team")));
    assert!(!allows(&policy, "ecr:PutImage", APP, &tagged("other")));
    assert!(!allows(&policy, "ecr:PutImage", APP, &nothing()), "a variable without a value matches nothing");
    for wildcard in ["*", "t*", "????", "${*}", ""] {
        assert!(!allows(&policy, "ecr:PutImage", APP, &tagged(wildcard)), "{wildcard} became a wildcard");
    }
    let set = Context::new().with_set("aws:PrincipalTag/team", ["team"]);
    assert!(!allows(&policy, "ecr:PutImage", APP, &set), "a set has no single value");
}

#[test]
fn a_colon_in_a_variable_stays_in_its_field() {
    let policy = statement(r#""Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:${aws:x}:repository/*""#);
    let context = Context::new().with("aws:x", "us-east-1:111122223333");
    assert!(!allows(&policy, "ecr:PutImage", APP, &context));
}

#[test]
fn variables_can_have_defaults_and_escapes() {
    let like = |value: &str, name: Option<&str>, is: &str| {
        let condition = format!(r#"{{"StringLike":{{"aws:is":"{value}"}}}}"#);
        let context = Context::new().with("aws:is", is);
        let context = name.iter().fold(context, |context, name| context.with("aws:username", *name));
        crate::request::holds(&condition, &context)
    };
    assert!(like("home/${aws:username, 'nobody'}", None, "home/nobody"));
    assert!(like("home/${aws:username,'nobody'}", Some("eve"), "home/eve"));
    assert!(!like("home/${aws:username, 'no*'}", None, "home/nobody"), "a default is no pattern");
    assert!(like("a${*}b", None, "a*b"));
    assert!(!like("a${*}b", None, "axb"));
    assert!(like("a${?}${$}*", None, "a?$tail"));
}

#[test]
fn the_older_version_has_no_variables() {
    let text = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
        "Condition":{"StringEquals":{"aws:is":"${aws:username}"}}}}"#;
    let context = |is: &str| Context::new().with("aws:username", "eve").with("aws:is", is);
    for text in [text.to_owned(), text.replace(r#""Version":"2008-10-17","#, "")] {
        assert!(!allows(&policy(&text), "ecr:PutImage", APP, &context("eve")));
        assert!(allows(&policy(&text), "ecr:PutImage", APP, &context("${aws:username}")));
    }
}

#[test]
fn a_denial_names_its_statement_and_wins_at_any_position() {
    let allow = statement(r#""Effect":"Allow","Action":"*","Resource":"*""#);
    let deny = policy(
        r#"{"Statement":[{"Effect":"Allow","Action":"ecr:*","Resource":"*"},
            {"Sid":"Frozen","Effect":"Deny","Action":"ecr:Put*","Resource":"*"}]}"#,
    );
    for order in [[&allow, &deny], [&deny, &allow]] {
        let Decision::ExplicitDeny(by) = decide(&order, "ecr:PutImage", APP, &nothing()) else { panic!() };
        assert_eq!((by.statement_index, by.sid.as_deref()), (1, Some("Frozen")));
        assert!(decide(&order, "ecr:ListImages", APP, &nothing()).is_allowed());
    }
    let nothing_said = decide(&[], "ecr:PutImage", APP, &nothing());
    assert_eq!(nothing_said, Decision::ImplicitDeny(PolicyKind::Identity));
    let reason = "because no identity-based policy allows the ecr:PutImage action";
    assert_eq!(nothing_said.reason("ecr:PutImage").as_deref(), Some(reason));
}

#[test]
fn the_keys_of_a_policy_are_known_before_the_decision() {
    let policy = statement(
        r#""Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/t}",
           "Condition":{"StringEquals":{"ECR:resourcetag/team":"${aws:username}"}}"#,
    );
    for prefix in ["ecr:ResourceTag/", "aws:PrincipalTag/", "aws:UserName"] {
        assert!(policy.mentions(prefix), "{prefix}");
    }
    assert!(!policy.mentions("aws:ResourceTag/"));
}

#[test]
fn the_second_of_two_contexts_wins_for_a_key_in_both() {
    let first = Context::new().with("aws:a", "1").with("aws:b", "1");
    let both = first.and(Context::new().with("AWS:B", "2").with_set("aws:c", ["3"]));
    let expected = Context::new().with("aws:a", "1").with("aws:b", "2").with_set("aws:c", ["3"]);
    assert_eq!(both, expected);
}
