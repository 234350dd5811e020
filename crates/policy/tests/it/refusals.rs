//! Documents that are not a policy, or not a valid one for their use.

use policy::{Policy, PolicyError, Use};

use crate::request::policy;

/// Whether a refusal is the expected one.
type Expected = fn(&PolicyError) -> bool;

pub(crate) fn refusal(text: &str) -> PolicyError {
    Policy::parse(text).err().unwrap_or_else(|| panic!("{text} was accepted"))
}

fn in_statement(members: &str) -> PolicyError {
    refusal(&format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#))
}

#[test]
fn text_that_is_not_a_document_is_refused() {
    for text in ["", "{", "nul", "{} {}", "{\"Statement\":\u{0}}", "\u{feff}{}"] {
        assert!(matches!(refusal(text), PolicyError::NotJson(_)), "{text:?}");
    }
    for text in ["null", "[]", "3", r#""text""#, r#"{"Statement":3}"#, r#"{"Statement":[[]]}"#] {
        assert!(matches!(refusal(text), PolicyError::WrongType { .. }), "{text}");
    }
    for text in ["{}", r#"{"Statement":[]}"#, r#"{"Version":"2012-10-17"}"#] {
        assert_eq!(refusal(text), PolicyError::MissingStatement, "{text}");
    }
    assert!(matches!(refusal(r#"{"Version":"2012-10-18","Statement":[]}"#), PolicyError::InvalidVersion(_)));
    assert!(matches!(refusal(r#"{"Version":2012,"Statement":[]}"#), PolicyError::WrongType { .. }));
    assert!(matches!(refusal(r#"{"version":"2012-10-17","Statement":[]}"#), PolicyError::UnknownElement(_)));
}

#[test]
fn a_duplicate_member_is_refused_at_any_depth() {
    let allow = r#""Effect":"Allow","Action":"*","Resource":"*""#;
    for (text, name) in [
        (format!(r#"{{"Statement":{{{allow}}},"Statement":{{{allow}}}}}"#), "Statement"),
        (format!(r#"{{"Statement":[{{{allow},"Effect":"Deny"}}]}}"#), "Effect"),
        (format!(r#"{{"Statement":{{{allow},"\u0045ffect":"Deny"}}}}"#), "Effect"),
        (
            format!(
                r#"{{"Statement":{{{allow},"Condition":{{"Bool":{{"aws:a":"true","aws:a":"false"}}}}}}}}"#
            ),
            "aws:a",
        ),
    ] {
        assert_eq!(refusal(&text), PolicyError::DuplicateElement(name.to_owned()), "{text}");
    }
}

#[test]
fn missing_or_misspelled_elements_of_a_statement_are_refused() {
    let cases: [(&str, Expected); 19] = [
        (r#""Action":"*","Resource":"*""#, |e| *e == PolicyError::MissingEffect(0)),
        (r#""Effect":"allow","Action":"*","Resource":"*""#, |e| matches!(e, PolicyError::InvalidEffect(_))),
        (r#""Effect":true,"Action":"*","Resource":"*""#, |e| matches!(e, PolicyError::WrongType { .. })),
        (r#""Effect":"Allow","Resource":"*""#, |e| *e == PolicyError::MissingAction(0)),
        (r#""Effect":"Allow","Action":[],"Resource":"*""#, |e| *e == PolicyError::MissingAction(0)),
        (r#""Effect":"Allow","Action":["ecr:*",3]"#, |e| matches!(e, PolicyError::WrongType { .. })),
        (r#""Effect":"Allow","Action":"PutImage""#, |e| matches!(e, PolicyError::InvalidAction(_))),
        (r#""Effect":"Allow","Action":"ecr:""#, |e| matches!(e, PolicyError::InvalidAction(_))),
        (r#""Effect":"Allow","Action":"*","NotAction":"*""#, |e| *e == PolicyError::Contradiction("Action")),
        (r#""Effect":"Allow","Action":"*","Resource":[]"#, |e| *e == PolicyError::MissingResource(0)),
        (r#""Effect":"Allow","Action":"*","Resource":"*","NotResource":"*""#, |e| {
            *e == PolicyError::Contradiction("Resource")
        }),
        (r#""Effect":"Allow","Action":"*","Principal":"someone""#, |e| {
            matches!(e, PolicyError::InvalidPrincipal { .. })
        }),
        (r#""Effect":"Allow","Action":"*","Principal":{}"#, |e| {
            matches!(e, PolicyError::InvalidPrincipal { .. })
        }),
        (r#""Effect":"Allow","Action":"*","Principal":{"GCP":"x"}"#, |e| {
            matches!(e, PolicyError::UnknownPrincipalType(_))
        }),
        (r#""Effect":"Allow","Action":"*","Principal":"*","NotPrincipal":"*""#, |e| {
            *e == PolicyError::Contradiction("Principal")
        }),
        (r#""Effect":"Allow","Action":"*","Conditions":{}"#, |e| matches!(e, PolicyError::UnknownElement(_))),
        (r#""Effect":"Allow","Action":"*","Condition":[]"#, |e| matches!(e, PolicyError::WrongType { .. })),
        (r#""Effect":"Allow","Action":"*","Resource":"${aws:username""#, |e| {
            matches!(e, PolicyError::InvalidVariable(_))
        }),
        (r#""Sid":1,"Effect":"Allow","Action":"*""#, |e| matches!(e, PolicyError::WrongType { .. })),
    ];
    for (members, expected) in cases {
        let error = in_statement(members);
        assert!(expected(&error), "{members}: {error:?}");
        assert!(!error.iam_message().is_empty());
    }
}

#[test]
fn conditions_that_could_not_be_decided_are_refused() {
    for condition in [
        r#"{"StringMatches":{"aws:a":"b"}}"#,
        r#"{"NullIfExists":{"aws:a":"true"}}"#,
        r#"{"ForAnyValue:Null":{"aws:a":"true"}}"#,
        r#"{"ForSomeValues:StringEquals":{"aws:a":"b"}}"#,
        r#"{"StringEquals":"aws:a"}"#,
        r#"{"StringEquals":{"aws:a":{}}}"#,
        r#"{"StringEquals":{"aws:a":null}}"#,
        r#"{"Bool":{"aws:a":"yes"}}"#,
        r#"{"Null":{"aws:a":"0"}}"#,
        r#"{"NumericEquals":{"aws:a":"ten"}}"#,
        r#"{"NumericEquals":{"aws:a":"inf"}}"#,
        r#"{"NumericEquals":{"aws:a":"1e999"}}"#,
        r#"{"DateEquals":{"aws:a":"2026-02-30"}}"#,
        r#"{"DateEquals":{"aws:a":"tomorrow"}}"#,
        r#"{"DateEquals":{"aws:a":"99999999999999999999"}}"#,
        r#"{"IpAddress":{"aws:a":"203.0.113.0/33"}}"#,
        r#"{"IpAddress":{"aws:a":"203.0.113.0/+8"}}"#,
        r#"{"IpAddress":{"aws:a":"2001:db8::/129"}}"#,
        r#"{"IpAddress":{"aws:a":"203.0.113"}}"#,
        r#"{"StringLike":{"aws:a":"${aws:b, unquoted}"}}"#,
    ] {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Condition":{condition}}}}}"#
        );
        assert!(Policy::parse(&text).is_err(), "{condition}");
    }
}

#[test]
fn impossible_principals_are_refused() {
    for principal in [
        r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:group/g"}"#,
        r#"{"AWS":"arn:aws:iam::11112222333:root"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/only-role"}"#,
        r#"{"AWS":"11112222333"}"#,
        r#"{"AWS":"arn:aws-cn:iam::111122223333:root"}"#,
        r#"{"AWS":"arn:aws-us-gov:iam::111122223333:user/eve"}"#,
        r#"{"AWS":"arn:aws-cn:sts::111122223333:assumed-role/ci/run-1"}"#,
        r#"{"AWS":"arn::iam::111122223333:user/eve"}"#,
        r#"{"AWS":""}"#,
        r#"{"AWS":"AIDAlowercase00000000"}"#,
        r#"{"Service":"*"}"#,
        r#"{"Federated":""}"#,
        r#"{"AWS":[]}"#,
    ] {
        let text =
            format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"ecr:*"}}}}"#);
        assert!(matches!(Policy::parse(&text), Err(PolicyError::InvalidPrincipal { .. })), "{principal}");
    }
}

#[test]
fn each_use_has_its_own_constraints() {
    let plain = r#""Effect":"Allow","Action":"*""#;
    let cases = [
        (r#""Resource":"*""#, [true, true, false, false, false]),
        (r#""Principal":"*""#, [false, false, true, true, false]),
        (r#""Principal":"*","Resource":"*""#, [false, false, false, true, true]),
        (r#""Resource":"*","Sid":"with space""#, [false, false, false, false, false]),
        (r#""Principal":"*","Sid":"with space""#, [false, false, true, true, false]),
    ];
    for (members, expected) in cases {
        let policy = policy(&format!(r#"{{"Statement":{{{plain},{members}}}}}"#));
        let uses = [Use::Identity, Use::Session, Use::RoleTrust, Use::Repository, Use::Registry];
        assert_eq!(uses.map(|policy_use| policy.check(policy_use).is_ok()), expected, "{members}");
    }
    let foreign = policy(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}"#);
    assert!(matches!(foreign.check(Use::Repository), Err(PolicyError::InvalidAction(_))));
    let same = r#"{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}"#;
    let twice = policy(&format!(r#"{{"Statement":[{same},{same}]}}"#));
    assert_eq!(twice.check(Use::Identity), Err(PolicyError::DuplicateSid("a".to_owned())));
    let with_id = policy(&format!(r#"{{"Id":"a","Statement":{same}}}"#));
    assert_eq!(with_id.check(Use::Identity), Err(PolicyError::ProhibitedElement("Id")));
}

/// IAM User Guide, "IAM ARNs": an incomplete ARN in an identity policy is completed with `*`; in the session policy of
/// an AssumeRole operation it is MalformedPolicyDocument. An ARN with an empty field is not completed.
#[test]
fn an_incomplete_arn_needs_an_identity_policy_or_an_asterisk() {
    let cases = [
        ("*", [true, true, true]),
        ("arn:aws:ecr:us-east-1:111122223333:repository/app", [true, true, true]),
        ("arn:aws:ecr:*:*:repository/*", [true, true, true]),
        ("arn:aws:s3:::${aws:username}", [true, true, true]),
        ("arn:aws:ecr:*", [true, false, true]),
        ("arn:aws:ecr:*:repository/*", [true, false, true]),
        ("arn:aws:sqs", [true, false, false]),
        ("arn:aws:ecr:us-east-1", [true, false, false]),
        ("arn:aws:ecr:*:repository/app", [true, false, false]),
        ("arn:aws:ecr:${aws:username}", [true, false, false]),
        ("arn:aws:s3::x", [false, false, false]),
        ("arn:aws:s3::*", [false, false, false]),
        ("arn:aws", [false, false, false]),
        ("arn", [false, false, false]),
        ("", [false, false, false]),
        ("repository/a", [false, false, false]),
        ("ar*", [false, false, false]),
    ];
    for (resource, expected) in cases {
        let found = ["Resource", "NotResource"].map(|element| {
            let members = format!(r#""Effect":"Deny","Action":"ecr:*","{element}":"{resource}""#);
            let own = crate::request::statement(&members);
            let of_resource = crate::request::statement(&format!(r#"{members},"Principal":"*""#));
            assert_eq!(of_resource.check(Use::Repository), of_resource.check(Use::Registry), "{resource}");
            [own.check(Use::Identity), own.check(Use::Session), of_resource.check(Use::Repository)]
        });
        assert_eq!(found[0], found[1], "{resource}");
        assert_eq!(found[0].clone().map(|checked| checked.is_ok()), expected, "{resource}");
    }
    let legacy = PolicyError::IncompleteResource("arn:aws:s3::x".to_owned());
    assert_eq!(legacy.iam_message(), "The policy failed legacy parsing");
}

/// The refusal of a statement for a use, with IAM's text; none if it is accepted.
pub(crate) fn refused_by(policy_use: Use, members: &str) -> Option<String> {
    let refused = crate::request::statement(members).check(policy_use).err();
    refused.map(|error| error.iam_message())
}

/// IAM User Guide, "NotPrincipal": it must be used with Deny, and cannot be used in a role trust policy.
#[test]
fn not_principal_is_only_for_denials_of_resources() {
    for effect in ["Allow", "Deny"] {
        let trust = format!(
            r#""Effect":"{effect}","NotPrincipal":{{"AWS":"111122223333"}},"Action":"sts:AssumeRole""#
        );
        let refused = refused_by(Use::RoleTrust, &trust);
        assert_eq!(refused.as_deref(), Some("Has prohibited field NotPrincipal."), "{effect}");
        let of_resource =
            trust.replace("sts:AssumeRole", "ecr:*").replace("\"Action", "\"Resource\":\"*\",\"Action");
        for policy_use in [Use::Repository, Use::Registry] {
            let refused = refused_by(policy_use, &of_resource);
            let expected = (effect == "Allow").then_some("Allow with NotPrincipal is not allowed.");
            assert_eq!(refused.as_deref(), expected, "{policy_use:?}");
        }
    }
}

/// IAM's answer to a trust policy with an action of another service.
#[test]
fn a_trust_policy_has_only_actions_of_sts() {
    let trust = |element: &str, actions: &str| {
        let members =
            format!(r#""Effect":"Allow","Principal":{{"AWS":"111122223333"}},"{element}":{actions}"#);
        refused_by(Use::RoleTrust, &members)
    };
    for actions in [r#""sts:AssumeRole""#, r#"["STS:assumerole","sts:TagSession"]"#, r#""sts:*""#, r#""*""#] {
        assert_eq!(trust("Action", actions), None, "{actions}");
    }
    for actions in [r#""ecr:GetAuthorizationToken""#, r#"["sts:AssumeRole","iam:PassRole"]"#] {
        for element in ["Action", "NotAction"] {
            let refused = trust(element, actions);
            let expected = "AssumeRole policy may only specify STS AssumeRole actions.";
            assert_eq!(refused.as_deref(), Some(expected), "{element} {actions}");
        }
    }
}

#[test]
fn an_action_has_one_service_and_one_name() {
    let identity = |action: &str| {
        refused_by(Use::Identity, &format!(r#""Effect":"Allow","Action":"{action}","Resource":"*""#))
    };
    for action in ["*", "*:*", "*:PutImage", "ecr:*", "ecr-public:Get*", "execute-api:Invoke?", "s3.s:Get*"] {
        assert_eq!(identity(action), None, "{action}");
    }
    for (action, message) in [
        ("ecr:Put:Image", "Actions/Condition can contain only one colon."),
        ("ecr::PutImage", "Actions/Condition can contain only one colon."),
        ("e*r:PutImage", "Vendor e*r is not valid"),
        ("ec r:PutImage", "Vendor ec r is not valid"),
        ("ecr_:PutImage", "Vendor ecr_ is not valid"),
        ("s3.s_:PutImage", "Vendor s3.s_ is not valid"),
        ("écr:PutImage", "Vendor écr is not valid"),
    ] {
        assert_eq!(identity(action).as_deref(), Some(message), "{action}");
    }
}

#[test]
fn named_principals_are_listed_once() {
    let policy = policy(
        r#"{"Statement":[{"Effect":"Allow","Action":"ecr:*","Principal":{"AWS":["111122223333",
            "arn:aws:iam::111122223333:user/eve","arn:aws:iam::111122223333:root"],"Service":"s.amazonaws.com"}},
            {"Effect":"Deny","Action":"ecr:*","NotPrincipal":{"AWS":"111122223333"}}]}"#,
    );
    assert_eq!(policy.named_principals(), ["111122223333", "arn:aws:iam::111122223333:user/eve"]);
}

#[test]
fn size_and_nesting_have_limits() {
    let padded = |length: usize| {
        let policy = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        format!("{policy}{}", " ".repeat(length - policy.len()))
    };
    assert!(Policy::parse(&padded(policy::MAX_POLICY_BYTES)).is_ok());
    let beyond = policy::MAX_POLICY_BYTES + 1;
    assert_eq!(refusal(&padded(beyond)), PolicyError::TooLong(beyond));
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(matches!(refusal(&deep), PolicyError::NotJson(_)));
    let deep = format!(r#"{{"Statement":{}"#, r#"{"Condition":"#.repeat(5_000));
    assert!(matches!(refusal(&deep), PolicyError::NotJson(_)));
}

#[test]
fn a_hostile_pattern_is_matched_in_limited_time() {
    let stars = "a*".repeat(20_000);
    let policy = crate::request::statement(&format!(
        r#""Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:::{stars}b""#
    ));
    let resource = format!("arn:aws:ecr:::{}", "a".repeat(2_000));
    let begun = std::time::Instant::now();
    assert!(!crate::request::allows(&policy, "ecr:PutImage", &resource, &policy::Context::new()));
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn asterisks_over_many_colons_are_matched_in_limited_time() {
    let resource = format!("arn:aws:ecr:{}x", ":a".repeat(100_000));
    let begun = std::time::Instant::now();
    for pattern in ["arn:*:*:*:*:b", "arn:*:*a:*:a*:*b", "arn:a*:b*:a*:b", "arn:*:a*:a*:a*:*a:*b"] {
        let policy =
            crate::request::statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"{pattern}""#));
        assert!(
            !crate::request::allows(&policy, "ecr:PutImage", &resource, &policy::Context::new()),
            "{pattern}"
        );
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}
