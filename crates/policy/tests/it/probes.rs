//! Mistakes that were found in published evaluators of the language (iam-rs 0.8.0, scratchstack-aspen 0.3.1), one test
//! for each.

use policy::{Context, Policy, PolicyError};

use crate::request::{APP, allows, holds, policy, statement};

fn with(value: &str) -> Context {
    Context::new().with("aws:key", value)
}

fn on_resource(resource: &str, context: &Context) -> bool {
    let policy = statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"{resource}""#));
    allows(&policy, "ecr:PutImage", APP, context)
}

#[test]
fn arn_equals_with_a_wildcard_is_the_same_as_arn_like() {
    let role = with("arn:aws:iam::111122223333:role/ci-main");
    for operator in ["ArnEquals", "ArnLike"] {
        let condition = format!(r#"{{"{operator}":{{"aws:key":"arn:aws:iam::*:role/ci-*"}}}}"#);
        assert!(holds(&condition, &role), "{operator}");
    }
}

#[test]
fn an_asterisk_of_arn_like_stays_inside_one_field() {
    let topic = with("arn:aws:sns:us-east-1:999999999999:x:111122223333:topic");
    assert!(!holds(r#"{"ArnLike":{"aws:key":"arn:aws:sns:*:111122223333:topic"}}"#, &topic));
}

#[test]
fn binary_equals_distinguishes_letter_case() {
    assert!(holds(r#"{"BinaryEquals":{"aws:key":"QmluYXJ5"}}"#, &with("QmluYXJ5")));
    assert!(!holds(r#"{"BinaryEquals":{"aws:key":"QmluYXJ5"}}"#, &with("qmluyxj5")));
}

#[test]
fn a_resource_with_a_variable_without_value_matches_nothing() {
    assert!(!on_resource("arn:aws:ecr:*:*:repository/${aws:username}team/app", &Context::new()));
    assert!(!on_resource("arn:aws:ecr:*:*:repository/${aws:username}*", &Context::new()));
}

#[test]
fn an_asterisk_in_a_tags_value_is_not_a_wildcard() {
    let tagged = |team: &str| Context::new().with("aws:PrincipalTag/team", team);
    let resource = "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/app";
    assert!(on_resource(resource, &tagged("team")));
    assert!(!on_resource(resource, &tagged("*")));
}

#[test]
fn variables_are_literal_under_the_older_version() {
    let text = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*",
        "Resource":"arn:aws:ecr:*:*:repository/${aws:username}/app"}}"#;
    let user = Context::new().with("aws:username", "team");
    assert!(!allows(&policy(text), "ecr:PutImage", APP, &user));
    assert!(allows(&policy(&text.replace("2008-10-17", "2012-10-17")), "ecr:PutImage", APP, &user));
}

#[test]
fn a_variable_in_a_condition_value_is_replaced() {
    let user = with("home/eve/x").with("aws:username", "eve");
    assert!(holds(r#"{"StringLike":{"aws:key":"home/${aws:username}/*"}}"#, &user));
    assert!(holds(r#"{"StringEquals":{"aws:key":"home/${aws:username}/x"}}"#, &user));
}

#[test]
fn actions_match_without_case() {
    let policy = statement(r#""Effect":"Allow","Action":"ECR:PUTIMAGE","Resource":"*""#);
    assert!(allows(&policy, "ecr:PutImage", APP, &Context::new()));
}

#[test]
fn for_any_value_operators_exist() {
    let tags = Context::new().with_set("aws:TagKeys", ["team", "stage"]);
    assert!(holds(r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["stage"]}}"#, &tags));
    assert!(!holds(r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["owner"]}}"#, &tags));
}

#[test]
fn a_negated_operator_matches_an_absent_key() {
    assert!(holds(r#"{"StringNotEquals":{"aws:key":"a"}}"#, &Context::new()));
}

#[test]
fn a_variable_can_have_a_default() {
    assert!(on_resource("arn:aws:ecr:*:*:repository/${aws:username, 'team'}/app", &Context::new()));
}

#[test]
fn a_single_dollar_sign_is_plain_text() {
    let text = "arn:aws:ecr:*:*:repository/a$b$";
    let policy = statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"{text}""#));
    let resource = "arn:aws:ecr:us-east-1:111122223333:repository/a$b$";
    assert!(allows(&policy, "ecr:PutImage", resource, &Context::new()));
}

#[test]
fn a_list_without_statements_is_refused() {
    let refused = Policy::parse(r#"{"Version":"2012-10-17","Statement":[]}"#);
    assert_eq!(refused.err(), Some(PolicyError::MissingStatement));
}

#[test]
fn bool_parses_only_boolean_texts() {
    let condition = r#"{"Bool":{"aws:key":"true"}}"#;
    assert!(holds(condition, &with("true")));
    for other in ["false", "", "1", "yes"] {
        assert!(!holds(condition, &with(other)), "{other:?}");
    }
}
