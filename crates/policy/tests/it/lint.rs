//! Findings of `lint` for policies that are refused, and for those that do not do what they seem to do.

use policy::{KnownActions, Severity, Use, lint};

const KNOWN: KnownActions<'_> = KnownActions {
    all: &["ecr:BatchGetImage", "ecr:GetAuthorizationToken", "ecr:PutImage", "sts:AssumeRole"],
    without_resource: &["ecr:GetAuthorizationToken"],
};

/// The findings on a document, as printed.
fn found(document: &str, policy_use: Use) -> Vec<String> {
    lint(document, policy_use, &KNOWN).iter().map(ToString::to_string).collect()
}

/// The findings on one statement of the newer version.
fn in_statement(members: &str, policy_use: Use) -> Vec<String> {
    found(&format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{members}}}}}"#), policy_use)
}

#[track_caller]
fn is_one(findings: &[String], start: &str) {
    assert!(matches!(findings, [only] if only.starts_with(start)), "{findings:#?}");
}

#[test]
fn a_correct_policy_has_no_findings() {
    let aws = r#""Principal":{"AWS":"111122223333"}"#;
    for (members, policy_use) in [
        (r#""Action":["ecr:*","ecr:batchget*","s3:GetObject"],"Resource":"*""#.to_owned(), Use::Identity),
        (r#""Action":"ecr:GetAuthorizationToken","Resource":["*"]"#.to_owned(), Use::Identity),
        (r#""Action":"*","Resource":"arn:aws:ecr:::repository/${aws:username}""#.to_owned(), Use::Identity),
        (format!(r#"{aws},"Action":"ecr:*""#), Use::Repository),
        (format!(r#"{aws},"Action":"ecr:PutImage","Resource":"*""#), Use::Registry),
        (format!(r#"{aws},"Action":"sts:AssumeRole""#), Use::RoleTrust),
        (
            r#""Principal":"*","Action":"ecr:PutImage","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#
                .to_owned(),
            Use::Repository,
        ),
    ] {
        assert_eq!(in_statement(&members, policy_use), Vec::<String>::new(), "{members}");
    }
    for managed in policy::managed::all() {
        let mut findings = lint(managed.document, Use::Identity, &KnownActions::default());
        // The removed statements of AWS's documents can be the reason for a warning.
        findings.retain(|finding| !managed.is_shortened || finding.severity == Severity::Error);
        assert!(findings.is_empty(), "{}: {findings:#?}", managed.name);
    }
}

#[test]
fn a_refusal_is_an_error_with_iams_text_and_the_reason() {
    is_one(&found("{", Use::Identity), "error: Syntax errors in policy. (the policy is not valid JSON: ");
    let unknown = in_statement(r#""Action":"ecr:*","Resource":"*","Conditions":{}"#, Use::Identity);
    is_one(&unknown, r#"error: Syntax errors in policy. (unknown element "Conditions")"#);
    let without = in_statement(r#""Action":"ecr:*""#, Use::Repository);
    is_one(&without, "error: Missing required field Principal (statement 1 has no Principal)");
    let trust = in_statement(r#""Principal":"*","Action":"sts:AssumeRole","Resource":"*""#, Use::RoleTrust);
    assert!(trust[0].starts_with("error: Has prohibited field Resource."), "{trust:#?}");
    assert!(trust[1].starts_with("warning: statement 1: Principal \"*\""), "warnings follow: {trust:#?}");
    let findings = lint("{}", Use::Identity, &KNOWN);
    assert_eq!(findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Error]);
}

#[test]
fn a_wildcard_in_a_principal_is_refused_with_advice() {
    let principal = r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/ci-*"},"Action":"ecr:*""#;
    let findings = in_statement(principal, Use::Repository);
    is_one(&findings, r#"error: Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:role/ci-*""#);
    assert!(findings[0].ends_with("with a condition ArnLike on aws:PrincipalArn"), "{findings:#?}");
}

#[test]
fn an_unknown_action_is_reported_with_the_nearest_name() {
    let actions = |list: &str| in_statement(&format!(r#""Action":{list},"Resource":"*""#), Use::Identity);
    let typo = "warning: statement 1: there is no action \"ecr:PutImages\": did you mean \"ecr:PutImage\"?";
    is_one(&actions(r#"["ecr:PutImages","ECR:putimage"]"#), typo);
    is_one(&actions(r#""ecr:Frobnicate""#), "warning: statement 1: there is no action \"ecr:Frobnicate\"");
    is_one(&actions(r#""ecr:Pull*""#), "warning: statement 1: no action matches \"ecr:Pull*\"");
    let negated = in_statement(r#""NotAction":"ecr:Putimagee","Resource":"*""#, Use::Identity);
    is_one(&negated, "warning: statement 1: there is no action \"ecr:Putimagee\": did you mean");
}

#[test]
fn an_action_without_resource_that_grants_nothing_is_reported() {
    let login = r#""Action":["ecr:getauthorizationtoken","ecr:PutImage"]"#;
    let repository =
        in_statement(&format!(r#""Principal":{{"AWS":"111122223333"}},{login}"#), Use::Repository);
    is_one(&repository, "warning: statement 1: ecr:getauthorizationtoken acts on no repository");
    let arn = "arn:aws:ecr:us-east-1:111122223333:repository/app";
    let identity = in_statement(&format!(r#"{login},"Resource":"{arn}""#), Use::Identity);
    is_one(&identity, "warning: statement 1: ecr:getauthorizationtoken acts on no single resource");
    let denied =
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny",{login},"Resource":"{arn}"}}}}"#);
    assert_eq!(found(&denied, Use::Identity), Vec::<String>::new());
}

#[test]
fn statements_that_allow_everybody_are_reported() {
    for principal in [r#""*""#, r#"{"AWS":"*"}"#, r#"{"AWS":["111122223333","*"]}"#] {
        let findings = in_statement(&format!(r#""Principal":{principal},"Action":"ecr:*""#), Use::Repository);
        is_one(&findings, "warning: statement 1: Principal \"*\" without a condition: every principal");
    }
    let all_but = r#""Sid":"x","NotPrincipal":{"AWS":"111122223333"},"Action":"ecr:*""#;
    is_one(&in_statement(all_but, Use::Repository), "error: Allow with NotPrincipal is not allowed.");
    let denied = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:*"}}"#;
    assert_eq!(found(denied, Use::Repository), Vec::<String>::new());
}

#[test]
fn the_older_version_with_variables_is_reported() {
    let statement = |resource: &str| {
        format!(r#""Statement":{{"Sid":"a","Effect":"Allow","Action":"*","Resource":"{resource}"}}"#)
    };
    let plain = statement("*");
    is_one(&found(&format!("{{{plain}}}"), Use::Identity), "warning: there is no Version");
    let old = |statement: &str| found(&format!(r#"{{"Version":"2008-10-17",{statement}}}"#), Use::Identity);
    assert_eq!(old(&plain), Vec::<String>::new());
    let literal = old(&statement("arn:aws:ecr:::repository/${aws:username}"));
    is_one(
        &literal,
        "warning: statement 1 (Sid \"a\"): ${…} is a policy variable only under Version 2012-10-17",
    );
    let condition = plain
        .replace(r#""Action""#, r#""Condition":{"StringLike":{"aws:a":["b","${aws:username}"]}},"Action""#);
    is_one(&old(&condition), "warning: statement 1 (Sid \"a\"): ${…} is a policy variable");
}

/// IAM User Guide, "Variables and tags": in the Resource element they stand after the fifth colon.
#[test]
fn variables_before_the_fifth_colon_are_reported() {
    for element in ["Resource", "NotResource"] {
        let on = |resource: &str| {
            in_statement(&format!(r#""Action":"*","{element}":["*","{resource}"]"#), Use::Identity)
        };
        let early = "arn:aws:ecr:us-east-1:${aws:PrincipalAccount}:repository/*";
        let warning = format!(
            "warning: statement 1: {early:?}: a policy variable can stand only after the fifth colon"
        );
        is_one(&on(early), &warning);
        is_one(&on("arn:aws:ecr:${aws:RequestedRegion, 'x:y'}"), "warning: statement 1: \"arn:aws:ecr:${");
        for sound in ["arn:aws:ecr:*:*:repository/${aws:username}/*", "arn:aws:ecr:${*}:*:repository/a"] {
            assert_eq!(on(sound), Vec::<String>::new());
        }
    }
}

#[test]
fn equal_sids_are_an_error_or_a_warning() {
    let twice = |members: &str| {
        let one = format!(r#"{{"Sid":"a","Effect":"Allow","Action":"ecr:*",{members}}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":[{one},{one}]}}"#)
    };
    let identity = found(&twice(r#""Resource":"*""#), Use::Identity);
    is_one(&identity, "error: Statement IDs (SID) in a single policy must be unique.");
    let repository = found(&twice(r#""Principal":{"AWS":"111122223333"}"#), Use::Repository);
    is_one(&repository, "warning: statement 2 (Sid \"a\"): another statement has the same Sid");
}
