//! What is wrong with a policy, told before it is put anywhere: the grammar's refusals, and what works otherwise than it
//! looks.

use policy::{KnownActions, Severity, Use};

use crate::op::{Op, Resource};
use crate::shared_provider::lacking_claim;

/// What a policy is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeantFor {
    /// A user, group or role; a boundary; a session.
    Identity,
    /// A role: who may take it on.
    Trust,
    Repository,
    Registry,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// One sentence each, errors first.
    pub lines: Vec<String>,
    /// Whether the policy would be refused.
    pub is_refused: bool,
}

/// Permissions of ECR that are no operations (Service Authorization Reference, "Actions defined by Amazon ECR").
const PERMISSIONS_ALONE: [&str; 4] =
    ["ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus", "ecr:PullThroughCache", "ecr:ReplicateImage"];

/// Looks at a policy. Whether its principals exist is not known here.
pub fn lint(document: &str, meant_for: MeantFor) -> Findings {
    let of_ecr: Vec<String> = aws::ecr::OPERATIONS.iter().map(|name| format!("ecr:{name}")).collect();
    let all: Vec<&str> = of_ecr.iter().map(String::as_str).chain(PERMISSIONS_ALONE).collect();
    let on_account = Op::all().filter(|op| op.resource() == Resource::Account);
    let without_resource: Vec<&str> = on_account.map(Op::action).collect();
    let policy_use = match meant_for {
        MeantFor::Identity => Use::Identity,
        MeantFor::Trust => Use::RoleTrust,
        MeantFor::Repository => Use::Repository,
        MeantFor::Registry => Use::Registry,
    };
    let known = KnownActions { all: &all, without_resource: &without_resource };
    let found = policy::lint(document, policy_use, &known);
    let mut findings = Findings {
        is_refused: found.iter().any(|finding| finding.severity == Severity::Error),
        lines: found.iter().map(ToString::to_string).collect(),
    };
    if meant_for == MeantFor::Trust
        && let Some(lacking) = policy::Policy::parse(document).ok().and_then(|policy| lacking_claim(&policy))
    {
        findings.is_refused = true;
        findings.lines.insert(0, format!("error: {lacking}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_needs_is_known() {
        let policy = |action: &str| {
            format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":"{action}"}}}}"#
            )
        };
        let good = lint(&policy("ecr:BatchGetImage"), MeantFor::Repository);
        assert_eq!(good, Findings::default());
        let mistyped = lint(&policy("ecr:BatchGetImages"), MeantFor::Repository);
        assert!(!mistyped.is_refused && mistyped.lines.len() == 1, "{mistyped:?}");
        let refused = lint(&policy("s3:GetObject"), MeantFor::Repository);
        assert!(refused.is_refused, "{refused:?}");
    }

    #[test]
    fn a_shared_provider_without_its_claim_is_refused() {
        let trust = |issuer: &str, condition: &str| {
            let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
                "Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/ISSUER"},"Condition":CONDITION}}"#;
            lint(&text.replace("ISSUER", issuer).replace("CONDITION", condition), MeantFor::Trust)
        };
        for issuer in ["gitlab.com", "gitlab.com/"] {
            let refused = trust(issuer, "{}");
            assert!(refused.is_refused, "{refused:?}");
            assert!(refused.lines[0].contains(&format!("{issuer}:sub")), "{refused:?}");
            let asked = format!(r#"{{"StringLike":{{"{issuer}:sub":"project_path:mine/*"}}}}"#);
            assert!(!trust(issuer, &asked).is_refused, "{issuer}");
        }
        let other_spelling = r#"{"StringLike":{"gitlab.com:sub":"project_path:mine/*"}}"#;
        assert!(trust("gitlab.com/", other_spelling).is_refused, "no token has that key there");
    }
}
