//! The AWS-managed policies.

use iam::{Context, Decision, Policy, Request, SourceName, evaluate_identity};

#[test]
fn administrator_access_allows_everything() {
    let policy =
        Policy::parse(iam::managed::find("arn:aws:iam::aws:policy/AdministratorAccess").unwrap()).unwrap();
    let name = SourceName::new("AdministratorAccess");
    let context = Context::new();
    for (action, resource) in [
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:PutImage", "arn:aws:ecr:us-east-1:111122223333:repository/a/b"),
    ] {
        let decision =
            evaluate_identity(&[(&name, &policy)], &Request { action, resource, context: &context });
        assert!(matches!(decision, Decision::Allow(_)), "{action}: {decision:?}");
    }
}
