//! Which identity providers a trust policy believes, and which of a token's claims it asks for: what has to be known
//! before a policy may believe a provider that many organisations share.

use crate::budget::Budget;
use crate::comparison::Comparison;
use crate::context::Context;
use crate::policy::{Effect, Policy, Statement};
use crate::principal::{Principal, Principals};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// A statement that lets in whoever brings a token of a provider.
#[derive(Debug, Clone, Copy)]
pub struct ProviderTrust<'a> {
    provider: &'a str,
    statement: &'a Statement,
}

impl Policy {
    /// The identity providers whose tokens its statements let in, each with its statement.
    pub fn trusted_providers(&self) -> impl Iterator<Item = ProviderTrust<'_>> {
        let allowing = self
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow && may_cover(statement));
        allowing.flat_map(|statement| {
            let principals = statement.principals.as_ref().map(Principals::entries).unwrap_or_default();
            principals.iter().filter_map(move |principal| match principal {
                Principal::Federated(provider) => Some(ProviderTrust { provider, statement }),
                _ => None,
            })
        })
    }
}

/// Whether a statement is about tokens of identity providers. One that cannot be decided counts as one.
fn may_cover(statement: &Statement) -> bool {
    let nothing = Context::new();
    statement.covers_action(ACTION, &Budget::of(&nothing)).unwrap_or(true)
}

impl<'a> ProviderTrust<'a> {
    /// The provider as the policy names it: an ARN, or the name of one that AWS knows by name.
    pub fn provider(&self) -> &'a str {
        self.provider
    }

    /// Whether a condition wants certain texts of a key: not all but some, and none that is wildcards alone.
    pub fn asks_for(&self, key: &str) -> bool {
        // A set operator or IfExists makes no difference: every token that was verified has these claims, each once.
        self.statement.conditions.iter().any(|condition| {
            condition.key.eq_ignore_ascii_case(key)
                && !condition.operator.negated
                && !condition.wanted.is_empty()
                && condition.wanted.iter().all(|wanted| match wanted {
                    Comparison::Text(_) | Comparison::TextIgnoringCase(_) => true,
                    Comparison::Like(glob) => !glob.is_wildcards(),
                    _ => false,
                })
        })
    }
}
