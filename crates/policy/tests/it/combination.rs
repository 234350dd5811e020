//! Identity, boundary, session, resource and organization policies together (IAM User Guide, "Policy evaluation
//! logic").

use policy::{
    Access, Caller, CallerKind, Context, Decision, Policies, Policy, PolicyKind, Request, Source, SourceName,
    evaluate, matched_statements,
};

use crate::request::{APP, policy, statement};

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const USER_ARN: &str = "arn:aws:iam::111122223333:user/eve";
const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/ci";
const SESSION_ARN: &str = "arn:aws:sts::111122223333:assumed-role/ci/run-1";
const USER: CallerKind<'_> = CallerKind::User { arn: USER_ARN, unique_id: "AIDAEXAMPLE0000000000" };
const SESSION: CallerKind<'_> = CallerKind::RoleSession {
    session_arn: SESSION_ARN,
    role_arn: ROLE_ARN,
    role_id: "AROAEXAMPLE0000000000",
};

/// The policies of each kind; empty text for none.
#[derive(Clone, Copy)]
struct Case<'a> {
    account: &'a str,
    kind: CallerKind<'a>,
    identity: &'a str,
    boundary: &'a str,
    session: &'a str,
    resource: &'a str,
    service_control: &'a str,
    resource_control: &'a str,
    is_role_trust: bool,
}

const NOBODY: Case<'_> = Case {
    account: OWNER,
    kind: USER,
    identity: "",
    boundary: "",
    session: "",
    resource: "",
    service_control: "",
    resource_control: "",
    is_role_trust: false,
};
const ALLOW: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const DENY: &str = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
const NOTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;

fn grant(principal: &str) -> String {
    format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"ecr:*"}}}}"#)
}

fn aws(name: &str) -> String {
    grant(&format!(r#"{{"AWS":"{name}"}}"#))
}

fn sources<'a>(name: &'a SourceName, policies: &'a [Policy]) -> Vec<Source<'a>> {
    policies.iter().map(|policy| (name, policy)).collect()
}

fn ask(case: Case<'_>) -> Decision {
    let parsed = |text: &str| (!text.is_empty()).then(|| policy(text));
    let name = SourceName::new("policy");
    let list = |policy: &Option<Policy>| policy.clone().into_iter().collect::<Vec<_>>();
    let [identity, boundary, session, resource, scp, rcp] = [
        case.identity,
        case.boundary,
        case.session,
        case.resource,
        case.service_control,
        case.resource_control,
    ]
    .map(|text| list(&parsed(text)));
    let (identity, session_sources) = (sources(&name, &identity), sources(&name, &session));
    let (resource, scp, rcp) = (sources(&name, &resource), sources(&name, &scp), sources(&name, &rcp));
    let policies = Policies {
        identity: &identity,
        boundary: boundary.first().map(|policy| (&name, policy)),
        session: (!session.is_empty()).then_some(&session_sources[..]),
        resource: &resource,
        service_control: if scp.is_empty() { &[] } else { &[&scp] },
        resource_control: if rcp.is_empty() { &[] } else { &[&rcp] },
    };
    let caller = Caller { account: case.account, kind: case.kind };
    let access = Access { caller, resource_account: OWNER, is_role_trust: case.is_role_trust };
    let context = Context::new();
    let request = Request { action: "ecr:PutImage", resource: APP, context: &context };
    let decision = evaluate(&policies, &request, &access);
    // The explanation must not contradict the decision.
    let matched = matched_statements(&policies, &request, &access);
    match &decision {
        Decision::ExplicitDeny(by) => assert!(matched.iter().any(|m| m.by == *by)),
        Decision::Allow(by) if by.kind != PolicyKind::Root => assert!(matched.iter().any(|m| m.by == *by)),
        _ => {}
    }
    decision
}

fn missing(case: Case<'_>) -> PolicyKind {
    match ask(case) {
        Decision::ImplicitDeny(kind) => kind,
        other => panic!("{other:?}"),
    }
}

fn is_allowed(case: Case<'_>) -> bool {
    ask(case).is_allowed()
}

#[test]
fn without_a_policy_only_root_is_allowed() {
    assert_eq!(missing(NOBODY), PolicyKind::Identity);
    assert!(is_allowed(Case { kind: CallerKind::Root, ..NOBODY }));
    assert_eq!(missing(Case { kind: CallerKind::Root, account: OTHER, ..NOBODY }), PolicyKind::Resource);
}

#[test]
fn a_denial_in_any_policy_wins() {
    let denial = format!(r#"{{"Statement":[{},{}]}}"#, inner(ALLOW), inner(DENY));
    let resource = grant(r#""*""#).replace("Allow", "Deny");
    let all = Case { identity: ALLOW, ..NOBODY };
    for case in [
        Case { identity: &denial, ..all },
        Case { boundary: &denial, ..all },
        Case { session: &denial, ..all },
        Case { resource: &resource, ..all },
        Case { service_control: &denial, ..all },
        Case { resource_control: &denial, ..all },
    ] {
        assert!(matches!(ask(case), Decision::ExplicitDeny(_)), "{:?}", ask(case));
        assert!(matches!(ask(Case { kind: CallerKind::Root, ..case }), Decision::ExplicitDeny(_)));
    }
}

fn inner(policy: &str) -> &str {
    policy.strip_prefix(r#"{"Statement":"#).unwrap().strip_suffix('}').unwrap()
}

#[test]
fn boundary_session_and_organization_limit_identity_policies() {
    let all = Case { identity: ALLOW, ..NOBODY };
    assert!(is_allowed(Case { boundary: ALLOW, session: ALLOW, service_control: ALLOW, ..all }));
    assert_eq!(missing(Case { boundary: NOTHING, ..all }), PolicyKind::Boundary);
    assert_eq!(missing(Case { session: NOTHING, ..all }), PolicyKind::Session);
    assert_eq!(missing(Case { service_control: NOTHING, ..all }), PolicyKind::ServiceControl);
    assert_eq!(missing(Case { resource_control: NOTHING, ..all }), PolicyKind::ResourceControl);
    assert_eq!(
        missing(Case { boundary: ALLOW, ..NOBODY }),
        PolicyKind::Identity,
        "a boundary grants nothing"
    );
}

#[test]
fn the_form_of_a_principal_decides_what_limits_the_grant() {
    let limited = Case { boundary: NOTHING, session: NOTHING, ..NOBODY };
    let (user, session, role, account) = (aws(USER_ARN), aws(SESSION_ARN), aws(ROLE_ARN), aws(OWNER));
    assert!(is_allowed(Case { resource: &user, ..limited }), "the user itself: final");
    assert!(is_allowed(Case { resource: &session, kind: SESSION, ..limited }), "the session itself: final");
    let by_role = Case { resource: &role, kind: SESSION, ..limited };
    assert_eq!(missing(by_role), PolicyKind::Boundary, "the role: its limits stay");
    assert!(is_allowed(Case { boundary: "", session: "", ..by_role }));
    let by_account = Case { resource: &account, ..NOBODY };
    assert_eq!(missing(by_account), PolicyKind::Identity, "the account: nobody by itself");
    assert!(is_allowed(Case { identity: ALLOW, ..by_account }));
    for id in ["AIDAEXAMPLE0000000000", "arn:aws:iam::111122223333:root"] {
        let resource = aws(id);
        assert_eq!(is_allowed(Case { resource: &resource, ..NOBODY }), id.starts_with("AIDA"), "{id}");
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let arn = "arn:aws:iam::444455556666:user/bob";
    let stranger =
        Case { account: OTHER, kind: CallerKind::User { arn, unique_id: "AIDASTRANGER000000000" }, ..NOBODY };
    for resource in [aws(OTHER), aws(arn), grant(r#""*""#), grant(r#"{"AWS":"*"}"#)] {
        assert_eq!(missing(Case { resource: &resource, ..stranger }), PolicyKind::Identity, "{resource}");
        assert_eq!(
            missing(Case { resource: &resource, identity: NOTHING, ..stranger }),
            PolicyKind::Identity
        );
        assert!(is_allowed(Case { resource: &resource, identity: ALLOW, ..stranger }), "{resource}");
        let limited = Case { resource: &resource, identity: ALLOW, boundary: NOTHING, ..stranger };
        assert_eq!(missing(limited), PolicyKind::Boundary);
    }
    for resource in ["", &aws(OWNER), &aws(USER_ARN)] {
        assert_eq!(
            missing(Case { resource, identity: ALLOW, ..stranger }),
            PolicyKind::Resource,
            "{resource}"
        );
    }
}

#[test]
fn a_trust_policy_must_name_the_caller() {
    let all = Case { identity: ALLOW, is_role_trust: true, ..NOBODY };
    assert_eq!(missing(all), PolicyKind::RoleTrust);
    let (other, account, web) = (aws(OTHER), aws(OWNER), grant(r#"{"Federated":"idp.example"}"#));
    assert_eq!(missing(Case { resource: &other, ..all }), PolicyKind::RoleTrust);
    assert!(is_allowed(Case { resource: &account, ..all }));
    let kind = CallerKind::WebIdentity { provider: "idp.example" };
    assert!(is_allowed(Case { kind, account: "", resource: &web, ..all }));
    let everyone = grant(r#""*""#);
    let open = Case { kind, account: "", resource: &everyone, ..all };
    assert_eq!(missing(open), PolicyKind::RoleTrust, "`*` opens no role to every token of a provider");
}

#[test]
fn anonymous_callers_and_services_need_a_policy_that_names_them() {
    let everyone = grant(r#""*""#);
    let anonymous = Case { kind: CallerKind::Anonymous, account: "", resource: &everyone, ..NOBODY };
    assert!(!is_allowed(Case { identity: ALLOW, ..anonymous }));
    let codebuild = grant(r#"{"Service":"codebuild.amazonaws.com"}"#);
    let service =
        |name| Case { kind: CallerKind::Service { name }, account: "", resource: &codebuild, ..NOBODY };
    assert!(is_allowed(service("codebuild.amazonaws.com")));
    assert!(!is_allowed(service("lambda.amazonaws.com")));
}

#[test]
fn not_principal_exempts_only_callers_listed_at_every_level() {
    let spare = |names: &str| {
        format!(r#"{{"Statement":{{"Effect":"Deny","NotPrincipal":{{"AWS":[{names}]}},"Action":"ecr:*"}}}}"#)
    };
    let all = Case { identity: ALLOW, ..NOBODY };
    let (user, account) = (format!("{USER_ARN:?}"), format!("{OWNER:?}"));
    let both = spare(&format!("{user},{account}"));
    assert!(is_allowed(Case { resource: &both, ..all }));
    for names in [&user, &account] {
        let resource = spare(names);
        assert!(matches!(ask(Case { resource: &resource, ..all }), Decision::ExplicitDeny(_)), "{names}");
    }
    let bounded = ask(Case { resource: &both, boundary: ALLOW, ..all });
    assert!(matches!(bounded, Decision::ExplicitDeny(_)), "the documented trap of a boundary");
    let levels = spare(&format!("{account},{ROLE_ARN:?},{SESSION_ARN:?}"));
    assert!(is_allowed(Case { resource: &levels, kind: SESSION, ..all }));
}

#[test]
fn an_empty_session_policy_list_allows_nothing() {
    let name = SourceName::new("all");
    let allow = statement(r#""Effect":"Allow","Action":"*","Resource":"*""#);
    let sources = [(&name, &allow)];
    let policies = Policies { identity: &sources, session: Some(&[]), ..Policies::default() };
    let caller = Caller { account: OWNER, kind: USER };
    let access = Access { caller, resource_account: OWNER, is_role_trust: false };
    let context = Context::new();
    let request = Request { action: "ecr:PutImage", resource: APP, context: &context };
    assert_eq!(evaluate(&policies, &request, &access), Decision::ImplicitDeny(PolicyKind::Session));
}
