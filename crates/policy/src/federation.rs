//! The identity providers that a trust policy trusts, and the claims that it tests: a policy that trusts a provider
//! which many organizations share must test certain claims.

use crate::budget::Budget;
use crate::comparison::Comparison;
use crate::context::Context;
use crate::policy::{Effect, Policy, Statement};
use crate::principal::{Principal, Principals};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// A statement that allows clients with a token of a provider.
#[derive(Debug, Clone, Copy)]
pub struct ProviderTrust<'a> {
    provider: &'a str,
    statement: &'a Statement,
}

impl Policy {
    /// The identity providers whose tokens the policy accepts, each with its statement.
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

/// Whether a statement applies to tokens of identity providers. A statement that cannot be decided counts as one.
fn may_cover(statement: &Statement) -> bool {
    let nothing = Context::new();
    statement.covers_action(ACTION, &Budget::of(&nothing)).unwrap_or(true)
}

impl<'a> ProviderTrust<'a> {
    /// The provider as the policy names it: an ARN, or the name of a provider that AWS knows by name.
    pub fn provider(&self) -> &'a str {
        self.provider
    }

    /// Whether a condition requires certain values of a key: not any value, and not only wildcards.
    pub fn asks_for(&self, key: &str) -> bool {
        // A set operator or IfExists makes no difference: every verified token has these claims, each once.
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
