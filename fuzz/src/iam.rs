//! Policy documents.

use policy::{Context, Document, MAX_POLICY_BYTES, Policy, Request, SourceName, Use, evaluate_identity};
use std::collections::HashMap;
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

/// A document's tree comes back from both of its texts as it was, and replacing its principals changes nothing else.
pub fn document(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(document) = Document::parse(text) else { return };
    assert!(text.len() <= MAX_POLICY_BYTES);
    let printed = document.to_json();
    assert!(printed.len() <= 8 * text.len(), "{} bytes of {}", printed.len(), text.len());
    if printed.len() <= MAX_POLICY_BYTES {
        let again = Document::parse(&printed);
        assert_eq!(again.as_ref(), Ok(&document), "{printed}");
        assert_eq!(again.map(|again| again.to_json()), Ok(printed.clone()));
    }
    let pretty = document.to_pretty_json();
    if pretty.len() <= MAX_POLICY_BYTES {
        assert_eq!(Document::parse(&pretty).as_ref(), Ok(&document), "{pretty}");
    }
    if let Ok(policy) = Policy::parse(text) {
        let Ok(of_printed) = Policy::parse(&printed) else { panic!("was a policy: {printed}") };
        assert_eq!(of_printed.named_principals(), policy.named_principals());
    }
    let names: Vec<String> = document.aws_principals().into_iter().map(str::to_owned).collect();
    let there = names
        .iter()
        .enumerate()
        .map(|(i, name)| (name.clone(), format!("\u{0}{i}")))
        .collect::<HashMap<_, _>>();
    let back = there.iter().map(|(name, other)| (other.clone(), name.clone())).collect();
    // Unless a name is there already that stands for another, the way there and back ends where it began.
    if names.iter().all(|name| !name.starts_with('\u{0}')) {
        let mut renamed = document.clone();
        renamed.replace_aws_principals(&there);
        assert_eq!(renamed.aws_principals().len(), names.len());
        renamed.replace_aws_principals(&back);
        assert_eq!(renamed, document);
    }
}
