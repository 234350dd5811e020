//! Decisions by the trust policy of a role: who may assume it.

use std::sync::Arc;

use aws::ids::AccountId;
use jiff::Timestamp;

use super::decide::log_denial;
use super::{Gate, keys};
use crate::Access;
use crate::context::{Unsigned, WebIdentity};
use crate::decisions::Decisions;
use crate::op::{Effect, sts};
use crate::permit::{OnAccount, OnUnsigned, Permit};
use crate::service_role::ServiceUse;

impl Gate {
    /// Decides whether a role trusts the caller for one action, and whether the caller's own policies agree. The permit is
    /// on the role's account.
    pub fn trusted<E: Effect<On = OnAccount>>(
        &self,
        (role_arn, role_account): (&str, &AccountId),
        trust: &policy::Policy,
        keys: policy::Context,
    ) -> Option<Permit<E>> {
        let op = E::OP;
        let context = self.context_of(op, keys);
        let request = policy::Request { action: op.action(), resource: role_arn, context: &context };
        let decision = self.policies.decide_trust(op, trust, &request, (&self.caller, role_account));
        self.decisions.record(op, role_arn, decision.is_allowed());
        if !decision.is_allowed() {
            log_denial(&self.caller.arn, op, role_arn, &decision);
            return None;
        }
        let on = OnAccount { caller: Arc::clone(&self.caller), account_id: role_account.clone() };
        Some(Permit::new(self.store.clone(), on))
    }
}

impl Access {
    /// Decides whether a role trusts what an identity provider's token says. There is no caller yet, so the trust policy
    /// alone decides.
    pub fn trusted_web_identity(
        &self,
        unsigned: &Unsigned,
        (role_arn, account_id): (&str, &AccountId),
        (trust, web): (&policy::Policy, &WebIdentity),
        keys: policy::Context,
    ) -> Option<Permit<sts::AssumeRoleWithWebIdentity>> {
        let op = sts::AssumeRoleWithWebIdentity::OP;
        let (region, settings) = (&self.settings.default_region, &self.settings);
        let context = keys::of_unsigned(&unsigned.into(), (account_id, None), region, settings).and(keys);
        let name = policy::SourceName::new("role trust policy");
        let policies = policy::Policies { resource: &[(&name, trust)], ..policy::Policies::default() };
        let kind = policy::CallerKind::WebIdentity { provider: &web.provider_arn };
        let access = policy::Access {
            caller: policy::Caller { account: "", kind },
            resource_account: account_id.as_str(),
            is_role_trust: true,
        };
        let request = policy::Request { action: op.action(), resource: role_arn, context: &context };
        let decision = policy::evaluate(&policies, &request, &access);
        unsigned.decisions.record(op, role_arn, decision.is_allowed());
        if !decision.is_allowed() {
            log_denial(&format!("{} of {}", web.subject, web.provider_arn), op, role_arn, &decision);
            return None;
        }
        Some(Permit::new(self.store(), OnUnsigned { account_id: account_id.clone() }))
    }
}

/// Decides whether a role trusts a service of AWS that this server acts as. The trust policy alone decides: a service
/// has no policies of its own.
pub(crate) fn trusts_service(
    (now, decisions): (Timestamp, &Decisions),
    role_arn: &str,
    trust: &policy::Policy,
    to: ServiceUse<'_>,
) -> bool {
    let op = sts::AssumeRole::OP;
    let context = keys::of_service(to, now);
    let name = policy::SourceName::new("role trust policy");
    let policies = policy::Policies { resource: &[(&name, trust)], ..policy::Policies::default() };
    let kind = policy::CallerKind::Service { name: to.service };
    let access = policy::Access {
        caller: policy::Caller { account: "", kind },
        resource_account: to.account_id.as_str(),
        is_role_trust: true,
    };
    let request = policy::Request { action: op.action(), resource: role_arn, context: &context };
    let decision = policy::evaluate(&policies, &request, &access);
    decisions.record(op, role_arn, decision.is_allowed());
    if !decision.is_allowed() {
        log_denial(to.service, op, role_arn, &decision);
    }
    decision.is_allowed()
}
