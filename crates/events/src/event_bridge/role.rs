//! Roles that requests pass to EventBridge.

use access::authz::{Gate, add_resource_tags};
use access::context::Ctx;
use access::entity::role_of_arn;
use access::error::Result;
use access::op::{IamOp, Op};
use access::service_role::{ServiceUse, assumed_by_service};
use access::store::ListIamTags;
use aws::ids::AccountId;
use aws::service::Service;

use super::{SERVICE, validation};

/// EventBridge as the user of a role, for a rule.
pub(crate) fn for_rule<'a>(account_id: &'a AccountId, rule_arn: &'a str) -> ServiceUse<'a> {
    ServiceUse { service: SERVICE, account_id, source_arn: rule_arn, session_name: "eventbridge" }
}

/// Decides whether the caller may pass a role to EventBridge. The role must be in the caller's account and trust
/// EventBridge.
pub(super) async fn pass_role(ctx: &Ctx, gate: &Gate, role_arn: &str, rule_arn: &str) -> Result<()> {
    let account_id = &ctx.caller.account_id;
    let role = role_of_arn(gate, role_arn).await?.filter(|role| role.account_id == *account_id);
    let mut keys = policy::Context::new().with("iam:PassedToService", SERVICE);
    if let Some(role) = &role {
        let tags = gate.read(ListIamTags { owner: role.unique_id.clone() }).await?;
        add_resource_tags(&mut keys, Service::Iam, &tags);
    }
    gate.allow_on(Op::Iam(IamOp::PassRole), role_arn, keys)?;
    match assumed_by_service(ctx, gate, role_arn, for_rule(account_id, rule_arn)).await? {
        Some(_) => Ok(()),
        None => {
            Err(validation(format!("Provided role '{role_arn}' cannot be assumed by principal '{SERVICE}'.")))
        }
    }
}
