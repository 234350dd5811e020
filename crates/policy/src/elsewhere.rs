//! Policies of another deployment. Its accounts have other IDs: the same number can be another tenant's here. So a policy is
//! translated before it is used here, or refused if a part of it would mean something else.

use std::collections::HashMap;

use crate::document::Document;
use crate::error::PolicyError;
use crate::policy::{Policy, Statement};
use crate::principal::{AwsPrincipal, Principal, Principals};

/// The beginnings of condition keys whose values name accounts, organizations or principals.
const OF_ACCOUNTS: [&str; 11] = [
    "aws:FederatedProvider",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrg",
    "aws:ResourceAccount",
    "aws:ResourceOrg",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrg",
    "aws:SourceOwner",
    "aws:userid",
];

impl Document {
    /// Replaces the accounts of its principals by those that `here` has for them. An account without one, and what cannot be
    /// translated, is an error.
    pub fn translate_accounts(&mut self, here: impl Fn(&str) -> Option<String>) -> Result<(), PolicyError> {
        if let Some(text) = only_there(&self.policy()?) {
            return Err(PolicyError::MeansSomethingElse(text.to_owned()));
        }
        let mut names = HashMap::new();
        for name in self.aws_principals().into_iter().filter(|name| *name != "*") {
            let translated = account_of(name).and_then(|account| {
                // Nothing before the account has digits.
                Some(name.replacen(account, &here(account)?, 1))
            });
            let translated = translated.ok_or_else(|| PolicyError::MeansSomethingElse(name.to_owned()))?;
            names.insert(name.to_owned(), translated);
        }
        self.replace_aws_principals(&names);
        Ok(())
    }
}

/// The account of an AWS principal. A unique ID has none.
fn account_of(principal: &str) -> Option<&str> {
    match AwsPrincipal::parse(principal)? {
        AwsPrincipal::Account(account)
        | AwsPrincipal::Entity { account, .. }
        | AwsPrincipal::Session { account, .. } => Some(account),
        AwsPrincipal::FederatedUser => principal.split(':').nth(4),
        AwsPrincipal::UniqueId { .. } => None,
    }
}

/// The first part, except AWS principals, that names an account or a Region of the other deployment.
fn only_there(policy: &Policy) -> Option<&str> {
    let key = OF_ACCOUNTS.into_iter().find(|key| policy.mentions(key));
    key.or_else(|| policy.statements.iter().find_map(provider).or_else(|| resource(policy)))
}

/// An identity provider. It belongs to an account.
fn provider(statement: &Statement) -> Option<&str> {
    statement.principals.iter().flat_map(Principals::entries).find_map(|principal| match principal {
        Principal::Federated(name) => Some(&**name),
        _ => None,
    })
}

/// A resource that names a Region or an account. Without them it means the same in each registry.
fn resource(policy: &Policy) -> Option<&str> {
    let names_place = |text: &&str| {
        let mut place = text.split(':').skip(3).take(2);
        place.any(|field| field.bytes().any(|byte| !b"*?".contains(&byte)))
    };
    let written = policy.statements.iter().flat_map(|statement| statement.written.resources.iter());
    written.map(|text| &**text).find(names_place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "111122223333";

    fn translated(statement: &str) -> Result<String, PolicyError> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{{statement},"Action":"ecr:*"}}]}}"#);
        let mut document = Document::parse(&text).unwrap();
        document.translate_accounts(|account| (account == THEIRS).then(|| "444455556666".to_owned()))?;
        Ok(document.to_json())
    }

    #[test]
    fn principals_are_those_of_the_accounts_here() {
        for (theirs, here) in [
            ("*", "*"),
            (THEIRS, "444455556666"),
            ("arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"),
            (
                "arn:aws:iam::111122223333:user/111122223333/ann",
                "arn:aws:iam::444455556666:user/111122223333/ann",
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/ci/job",
                "arn:aws:sts::444455556666:assumed-role/ci/job",
            ),
            ("arn:aws:sts::111122223333:federated-user/ann", "arn:aws:sts::444455556666:federated-user/ann"),
        ] {
            for (effect, element) in [("Allow", "Principal"), ("Deny", "NotPrincipal")] {
                let of = |name: &str| format!(r#""Effect":"{effect}","{element}":{{"AWS":["{name}"]}}"#);
                let text = translated(&of(theirs)).unwrap();
                assert!(text.contains(&of(here)), "{text}");
            }
        }
    }

    #[test]
    fn what_would_mean_something_else_is_refused() {
        let everyone = r#""Effect":"Allow","Principal":"*""#;
        for statement in [
            r#""Effect":"Allow","Principal":{"AWS":["111122223333","444455556666"]}"#.to_owned(),
            r#""Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::999988887777:root"}"#.to_owned(),
            r#""Effect":"Allow","Principal":{"AWS":"arn:aws:sts::444455556666:federated-user/x"}"#.to_owned(),
            r#""Effect":"Allow","Principal":{"AWS":"AIDA0123456789ABCDEF"}"#.to_owned(),
            r#""Effect":"Deny","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/x"}"#
                .to_owned(),
            format!(r#"{everyone},"Condition":{{"StringEquals":{{"AWS:principalaccount":"111122223333"}}}}"#),
            format!(r#"{everyone},"Condition":{{"StringLike":{{"aws:PrincipalOrgPaths":"o-1/*"}}}}"#),
            format!(r#"{everyone},"Condition":{{"StringLike":{{"aws:UserAgent":"${{aws:userid}}"}}}}"#),
            format!(r#"{everyone},"Resource":"arn:aws:ecr:*:111122223333:repository/app""#),
            format!(r#"{everyone},"NotResource":"arn:aws:ecr:us-east-1:*:repository/app""#),
        ] {
            let error = translated(&statement).unwrap_err();
            assert!(matches!(error, PolicyError::MeansSomethingElse(_)), "{statement}: {error}");
        }
        for statement in [
            format!(r#"{everyone},"Resource":["*","arn:aws:ecr:*:*:repository/app"]"#),
            format!(r#"{everyone},"Condition":{{"IpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}"#),
            format!(r#"{everyone},"Condition":{{"StringEquals":{{"aws:PrincipalTag/team":"a"}}}}"#),
        ] {
            translated(&statement).unwrap();
        }
    }
}
