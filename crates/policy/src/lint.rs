//! What a person should know about a policy before it is put anywhere: why it would be refused, and where it says
//! something else than its author is likely to mean.
//!
//! A warning never changes a decision: the language allows all that is warned of.

mod actions;
mod rules;

use std::fmt;

use crate::check::Use;
use crate::document::Document;
use crate::error::PolicyError;
use crate::policy::Policy;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy works, perhaps not as it was meant.
    Warning,
    /// The policy is refused.
    Error,
}

/// One thing found in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The statement's place from 0; none for what concerns the whole document.
    pub statement_index: Option<usize>,
    /// The statement's id, if it has one.
    pub sid: Option<String>,
    /// A sentence for people.
    pub message: String,
}

impl fmt::Display for Finding {
    /// `warning: statement 2 (Sid "Pull"): …`, counted from 1 as people count.
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

/// The actions that exist, since this crate knows no service. Of services with no action here nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownActions<'a> {
    /// Every action with its service: `ecr:PutImage`.
    pub all: &'a [&'a str],
    /// Those of them that act on no resource, so that only `"Resource": "*"` speaks of them.
    pub without_resource: &'a [&'a str],
}

/// Looks at a document as a policy for a use. Errors come first: with one, the policy is refused there, in the words of
/// [`PolicyError::iam_message`] with the reason behind them.
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
