//! Warnings that do not depend on a list of actions.
//!
//! Sources: IAM User Guide, "Version", "Principal" and "Variables and tags"; IAM Access Analyzer policy check
//! reference, which has the same warnings.

use std::collections::HashSet;

use super::{Finding, Severity};
use crate::check::Use;
use crate::document::Document;
use crate::policy::{Effect, Policy, Statement, Version};
use crate::principal::{Principal, Principals};

/// What to use instead of a wildcard in a principal (IAM User Guide, "Principal").
pub(super) const WILDCARD_IN_PRINCIPAL: &str = ". A wildcard cannot be a part of a principal's ARN: name the \
     principals or their account, or use \"AWS\": \"*\" with a condition ArnLike on aws:PrincipalArn";

/// Findings on the whole document.
pub(super) fn document(policy: &Policy, tree: &Document, policy_use: Use, findings: &mut Vec<Finding>) {
    let mut warn = |statement_index, sid, message: &str| {
        findings.push(Finding {
            severity: Severity::Warning,
            statement_index,
            sid,
            message: message.to_owned(),
        });
    };
    if !tree.has_version() {
        warn(
            None,
            None,
            "there is no Version, so that it is read as of 2008-10-17: write \"Version\": \"2012-10-17\"",
        );
    }
    if policy.version() == Version::V2008 {
        for index in tree.statements_with_variables() {
            let sid = policy.statements.get(index).and_then(sid_of);
            warn(
                Some(index),
                sid,
                "${…} is a policy variable only under Version 2012-10-17; here it is literal text",
            );
        }
    }
    // In an identity policy this is an error, which the check has found.
    if policy_use != Use::Identity {
        let mut seen = HashSet::new();
        for (index, statement) in policy.statements.iter().enumerate() {
            let sid = sid_of(statement).filter(|sid| !sid.is_empty());
            if sid.as_ref().is_some_and(|sid| !seen.insert(sid.clone())) {
                warn(Some(index), sid, "another statement has the same Sid");
            }
        }
    }
}

fn sid_of(statement: &Statement) -> Option<String> {
    statement.sid.as_deref().map(str::to_owned)
}

/// Findings on one statement.
pub(super) fn statement(statement: &Statement, policy_use: Use) -> Vec<String> {
    let mut messages = early_variables(statement);
    messages.extend(open_door(statement, policy_use));
    messages.extend(statement.conditions.iter().filter(|condition| !condition.key.contains(':')).map(
        |condition| {
            format!("no request has the condition key {:?}: keys have a prefix, such as aws:", condition.key)
        },
    ));
    messages
}

/// A variable must be in the resource part of an ARN (IAM User Guide, "Variables and tags"): AWS does not replace it
/// elsewhere.
fn early_variables(statement: &Statement) -> Vec<String> {
    let patterns = statement.resources.patterns().iter().zip(&statement.written.resources);
    let early = patterns.filter(|(pattern, _)| pattern.has_early_variable());
    early
        .map(|(_, text)| {
            format!(
                "{text:?}: a policy variable can stand only after the fifth colon, in the resource's part"
            )
        })
        .collect()
}

fn open_door(statement: &Statement, policy_use: Use) -> Option<String> {
    if statement.effect == Effect::Deny {
        return None;
    }
    match &statement.principals {
        Some(Principals::These(entries))
            if entries.contains(&Principal::Everyone) && statement.conditions.is_empty() =>
        {
            Some(open_to_everybody(policy_use).to_owned())
        }
        _ => None,
    }
}

fn open_to_everybody(policy_use: Use) -> &'static str {
    match policy_use {
        Use::RoleTrust => {
            "Principal \"*\" without a condition: whoever may call sts:AssumeRole in any account can assume the role"
        }
        _ => {
            "Principal \"*\" without a condition: every principal of every account is allowed, of this account even \
             without an identity policy; a condition on aws:PrincipalOrgID or aws:PrincipalAccount limits it"
        }
    }
}
