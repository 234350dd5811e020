//! Checks a policy before it is used: why it would be refused, and where its meaning probably differs from its author's
//! intention.
//!
//! A warning never changes a decision: the language allows everything that causes a warning.

mod actions;
mod rules;

use std::fmt;

use crate::check::Use;
use crate::document::Document;
use crate::error::PolicyError;
use crate::policy::Policy;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy is accepted, but may not do what its author intended.
    Warning,
    /// The policy is refused.
    Error,
}

/// One finding in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// The statement's position from 0; none for a finding on the whole document.
    pub statement_index: Option<usize>,
    /// The statement's ID, if it has one.
    pub sid: Option<String>,
    /// The message.
    pub message: String,
}

impl fmt::Display for Finding {
    /// `warning: statement 2 (Sid "Pull"): …`, counted from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        if let Some(index) = self.statement_index {
            write!(f, "statement {}", index + 1)?;
            if let Some(sid) = &self.sid {
                write!(f, " (Sid {sid:?})")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

/// The existing actions, because this crate knows no service. There are no findings on services without an action here.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownActions<'a> {
    /// Every action with its service: `ecr:PutImage`.
    pub all: &'a [&'a str],
    /// The actions without a resource, which only `"Resource": "*"` matches.
    pub without_resource: &'a [&'a str],
}

/// Checks a document as a policy for a use. Errors come first: they contain the text of [`PolicyError::iam_message`]
/// and the reason.
pub fn lint(document: &str, policy_use: Use, known: &KnownActions<'_>) -> Vec<Finding> {
    let (policy, tree) = match (Policy::parse(document), Document::parse(document)) {
        (Ok(policy), Ok(tree)) => (policy, tree),
        (Err(refusal), _) | (_, Err(refusal)) => return vec![refused(&refusal, policy_use)],
    };
    let refusals = policy.check(policy_use).err();
    let mut findings: Vec<Finding> = refusals.iter().map(|refusal| refused(refusal, policy_use)).collect();
    rules::document(&policy, &tree, policy_use, &mut findings);
    for (index, statement) in policy.statements.iter().enumerate() {
        let mut messages = rules::statement(statement, policy_use);
        messages.extend(actions::check(statement, policy_use, known));
        findings.extend(messages.into_iter().map(|message| Finding {
            severity: Severity::Warning,
            statement_index: Some(index),
            sid: statement.sid.as_deref().map(str::to_owned),
            message,
        }));
    }
    findings
}

fn refused(refusal: &PolicyError, policy_use: Use) -> Finding {
    let words = if policy_use == Use::RoleTrust { refusal.trust_message() } else { refusal.iam_message() };
    let mut message = format!("{words} ({refusal})");
    if let PolicyError::InvalidPrincipal { kind: "AWS", value } = refusal
        && value.contains(['*', '?'])
    {
        message.push_str(rules::WILDCARD_IN_PRINCIPAL);
    }
    Finding { severity: Severity::Error, statement_index: None, sid: None, message }
}
