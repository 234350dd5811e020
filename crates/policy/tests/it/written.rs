//! What IAM refuses when a policy is written, with its texts, and what it accepts. Stored policies are not checked.

use policy::Use;

use crate::refusals::{refusal, refused_by};

/// Conditions that IAM accepts although they match no request or say nothing.
#[test]
fn conditions_without_meaning_are_accepted() {
    let nothing = policy::Context::new().with("aws:a", "b");
    for (condition, holds) in [
        (r#"{"StringEquals":{}}"#, true),
        (r#"{"Whatever":{}}"#, true),
        (r#"{"StringEquals":{"a":"b"}}"#, false),
        (r#"{"StringNotEquals":{"a":"b"}}"#, true),
        (r#"{"Null":{"a":"true"}}"#, true),
    ] {
        assert_eq!(crate::request::holds(condition, &nothing), holds, "{condition}");
    }
}

/// IAM's texts, from AWS's answers. A stored policy can still be read: only the check refuses it.
#[test]
fn the_arn_of_a_resource_is_checked_in_every_field() {
    let identity = |resource: &str| {
        let members = format!(r#""Effect":"Allow","Action":"s3:*","Resource":"{resource}""#);
        refused_by(Use::Identity, &members)
    };
    for resource in [
        "*",
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/${aws:username}/*",
        "arn:*:s3:::b",
        "arn:aws-cn:s3:::b",
        "arn:aws-eusc:s3:::b",
        "arn:aws:s3:us-east-1:111122223333:accesspoint/a",
        "arn:aws:s3::111122223333:accesspoint/a.mrap",
        "arn:aws:s3:us-east-1:111122223333:job/1",
        "arn:aws:s3:*:*:b",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:*",
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::111122223333:access-report/*",
        "arn:aws:route53:::hostedzone/Z1",
        "arn:aws:ecr:us-east-1:111122223333:repository/a",
    ] {
        assert_eq!(identity(resource), None, "{resource}");
    }
    let unqualified = "Resource vendor must be fully qualified and cannot contain regexes.";
    let path = "IAM resource path must either be \"*\", root, or start with user/, federated-user/, role/, group/, \
        instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, \
        access-report/.";
    for (resource, message) in [
        ("b", "Resource b must be in ARN format or \"*\"."),
        ("", "Resource  must be in ARN format or \"*\"."),
        ("arn:foo:s3:::b", "Partition \"foo\" is not valid for resource \"arn:foo:s3:::b\"."),
        ("a:b:c:d:e:f:g:h", "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."),
        ("a:b:cadfsdf", "Partition \"b\" is not valid for resource \"arn:b:cadfsdf:*:*:*\"."),
        ("a:bsd", "Partition \"bsd\" is not valid for resource \"arn:bsd:*:*:*:*\"."),
        ("aws:s3:::b", "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\"."),
        ("arn:aws*:s3:::b", "Partition \"aws*\" is not valid for resource \"arn:aws*:s3:::b\"."),
        ("arn::s3:::b", "Partition \"\" is not valid for resource \"arn::s3:::b\"."),
        ("arn:aws", unqualified),
        ("arn:aws::::b", unqualified),
        ("arn:aws:s*:::b", unqualified),
        ("arn:aws:s_3:::b", "Vendor s_3 is not valid"),
        ("arn:aws:s3:us-east-1::b", "Resource arn:aws:s3:us-east-1::b can not contain region information."),
        ("arn:aws:s3::111122223333:b", "Resource arn:aws:s3::111122223333:b cannot contain an account id."),
        (
            "arn:aws:iam:us-east-1::role/a",
            "IAM resource arn:aws:iam:us-east-1::role/a cannot contain region information.",
        ),
        ("arn:aws:iam::111122223333:b", path),
        ("arn:aws:iam::111122223333:role*", path),
        ("arn:aws:iam::111122223333:*/a", path),
        (
            "arn:aws:route53:us-east-1::hostedzone/a",
            "Resource arn:aws:route53:us-east-1::hostedzone/a can not contain region information.",
        ),
        (
            "arn:aws:route53::111122223333:hostedzone/a",
            "Resource arn:aws:route53::111122223333:hostedzone/a cannot contain an account id.",
        ),
        ("arn:aws:s3::b", "The policy failed legacy parsing"),
    ] {
        assert_eq!(identity(resource).as_deref(), Some(message), "{resource}");
    }
}

#[test]
fn a_resource_is_checked_before_an_action() {
    let refused = refused_by(Use::Identity, r#""Effect":"Allow","Action":"s:3:List","Resource":"x""#);
    assert_eq!(refused.as_deref(), Some("Resource x must be in ARN format or \"*\"."));
}

#[test]
fn a_principal_is_an_existing_service_and_no_saml_provider() {
    let saml = "arn:aws:iam::111122223333:saml-provider/corp";
    for (policy_use, action) in [(Use::RoleTrust, "sts:AssumeRole"), (Use::Repository, "ecr:ListImages")] {
        let named = |kind: &str, name: &str| {
            let members =
                format!(r#""Effect":"Allow","Principal":{{"{kind}":"{name}"}},"Action":"{action}""#);
            refused_by(policy_use, &members)
        };
        assert_eq!(named("Service", "ecs.us-east-1.amazonaws.com"), None);
        for name in ["foo", "amazonaws.com", "tagging.amazonaws.com"] {
            let expected = format!("Invalid principal in policy: \"SERVICE\":\"{name}\"");
            assert_eq!(named("Service", name), Some(expected));
        }
        let expected = format!("Invalid principal in policy: \"FEDERATED\":\"{saml}\"");
        assert_eq!(named("Federated", saml), Some(expected));
        assert_eq!(named("Federated", "arn:aws:iam::111122223333:oidc-provider/a.example"), None);
    }
}

#[test]
fn text_that_is_not_json_has_its_own_error_in_a_trust_policy() {
    for text in ["{", "", "x"] {
        assert_eq!(refusal(text).trust_message(), "This policy contains invalid Json");
        assert_eq!(refusal(text).iam_message(), "Syntax errors in policy.");
    }
    assert_eq!(refusal("{}").trust_message(), "Syntax errors in policy.");
}
