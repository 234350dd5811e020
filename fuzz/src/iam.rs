//! Policy documents.

use iam::{Context, Policy, Request, SourceName, Use, evaluate_identity};
use std::str::from_utf8;

/// A document is refused with a sentence, or it can be checked and evaluated; and beside one that denies everything
/// it allows nothing.
pub fn policy(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(refusal) => return assert!(!refusal.iam_message().is_empty()),
    };
    assert!(policy.statement_count() > 0);
    for policy_use in [Use::Identity, Use::RoleTrust, Use::Repository, Use::Registry] {
        let _ = policy.check(policy_use);
    }
    let _ = policy.named_principals();
    for key in policy.keys() {
        assert!(policy.mentions(key), "{key:?} is mentioned");
    }
    let deny = Policy::parse(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#);
    let Ok(deny) = deny else { return };
    let name = SourceName::new("policy");
    let context = Context::new()
        .with("aws:username", "alice")
        .with("aws:SourceIp", "203.0.113.9")
        .with("aws:CurrentTime", "2026-08-01T12:00:00Z")
        .with("aws:SecureTransport", true)
        .with("aws:EpochTime", 1_785_585_600)
        .with_set("aws:TagKeys", ["team", "*", ""]);
    for resource in ["*", "arn:aws:ecr:us-east-1:111122223333:repository/team/app", "no ARN at all"] {
        let request = Request { action: "ecr:PutImage", resource, context: &context };
        let alone = evaluate_identity(&[(&name, &policy)], &request);
        assert_eq!(alone, evaluate_identity(&[(&name, &policy)], &request));
        for both in [[(&name, &policy), (&name, &deny)], [(&name, &deny), (&name, &policy)]] {
            assert!(!evaluate_identity(&both, &request).is_allowed(), "a denial was overruled");
        }
    }
}
