//! Targets of rules. A target is an API destination of the rule's account and Region.

use std::collections::BTreeSet;

use access::authz::{EventKind, Gate};
use access::context::Ctx;
use access::error::{Error, Result};
use access::op::event_bridge;
use access::permit::{Of, Permit, ResourceKey};
use access::quota;
use access::store::{
    EventTarget, ListEventTargets, PutEventTargets, PutEventTargetsRefusal, RefusedExt as _,
    RemoveEventTargets,
};
use aws::event_bridge::{
    ListTargetsByRuleRequest, ListTargetsByRuleResponse, PutTargetsRequest, PutTargetsResponse,
    RemoveTargetsRequest, RemoveTargetsResponse, Target,
};
use aws::ids::Region;

use super::api_destination::destination_of_arn;
use super::http_parameters::check_header;
use super::role::pass_role;
use super::rule::existing;
use super::{no_rule, not_found, permit_rule, validation, without_id};
use crate::Events;
use crate::input::Input;

impl Events {
    /// Adds targets to a rule, or replaces those with the same ID. If one of them is not valid, none is added.
    pub async fn put_targets(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutTargetsRequest,
    ) -> Result<PutTargetsResponse> {
        let gate = self.gate(ctx, region).await?;
        let arns = input.targets.iter().map(|target| target.arn.as_str());
        let keys = policy::Context::new().with_set("events:TargetArn", arns);
        let named = (input.rule.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::PutTargets>(&gate, named, keys).await?;
        let rule_arn = gate.event_arn(EventKind::Rule, &input.rule);
        let roles: BTreeSet<&str> =
            input.targets.iter().filter_map(|target| target.role_arn.as_deref()).collect();
        for role_arn in roles {
            pass_role(ctx, &gate, role_arn, &rule_arn).await?;
        }
        existing(&permit, &input.rule).await?;
        let mut targets = Vec::with_capacity(input.targets.len());
        for target in input.targets {
            check(&target, &gate, &permit).await?;
            let document = serde_json::to_string(&target).map_err(Error::internal)?;
            targets.push(EventTarget { id: target.id, arn: target.arn, document });
        }
        let (limit, bus_limit) =
            (quota::TARGETS_PER_RULE.limit(), self.access.quotas().targets_per_event_bus.limit());
        let put = |key: ResourceKey| PutEventTargets { rule: key.arn, targets, limit, bus_limit };
        permit.write(put).await.or_refused(|refusal| match refusal {
            PutEventTargetsRefusal::NoRule => no_rule(&input.rule),
            PutEventTargetsRefusal::OfRule => quota::TARGETS_PER_RULE.exceeded(),
            PutEventTargetsRefusal::OfBus => self.access.quotas().targets_per_event_bus.exceeded(),
        })?;
        Ok(PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Vec::new() })
    }

    /// Removes targets from a rule. An ID that the rule does not have is not an error.
    pub async fn remove_targets(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: RemoveTargetsRequest,
    ) -> Result<RemoveTargetsResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.rule.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::RemoveTargets>(&gate, named, policy::Context::new()).await?;
        let remove = |key: ResourceKey| RemoveEventTargets { rule: key.arn, ids: input.ids };
        permit.write(remove).await.or_refused(|_| no_rule(&input.rule))?;
        Ok(RemoveTargetsResponse { failed_entry_count: Some(0), failed_entries: Vec::new() })
    }

    /// Lists the targets of a rule by ID.
    pub async fn list_targets_by_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListTargetsByRuleRequest,
    ) -> Result<ListTargetsByRuleResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.rule.as_str(), input.event_bus_name.as_deref());
        let permit =
            permit_rule::<event_bridge::ListTargetsByRule>(&gate, named, policy::Context::new()).await?;
        existing(&permit, &input.rule).await?;
        let list = format!("targets of {} {region}", input.rule);
        let page = self.page_of(list, input.next_token.as_deref(), input.limit)?;
        let list = |key: ResourceKey| ListEventTargets {
            rule: key.arn.as_ref().to_owned(),
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut targets = permit.read(list).await?;
        let next_token = self.cut(&page, &mut targets, |target| &target.id)?;
        let targets = targets.iter().map(stored).collect::<Result<_>>()?;
        Ok(ListTargetsByRuleResponse { targets, next_token })
    }
}

/// A target as it was given.
pub(crate) fn stored(target: &EventTarget) -> Result<Target> {
    serde_json::from_str(&target.document).map_err(Error::internal)
}

async fn check(target: &Target, gate: &Gate, permit: &Permit<Of<event_bridge::PutTargets>>) -> Result<()> {
    let destinations = gate.event_arn(EventKind::ApiDestination, "");
    let named = target.arn.strip_prefix(&destinations).and_then(without_id);
    if named.is_none_or(|(name, _)| name.is_empty()) {
        let message = format!(
            "The target {} is not supported: targets of rules here are API destinations of the same account and \
             Region, {destinations}NAME/ID.",
            target.arn
        );
        return Err(validation(message));
    }
    if target.role_arn.is_none() {
        return Err(validation(format!("RoleArn is required for target {}.", target.arn)));
    }
    if target.dead_letter_config.as_ref().is_some_and(|config| config.arn.is_some()) {
        return Err(validation(
            "DeadLetterConfig is not supported here: the server keeps what could not be delivered.",
        ));
    }
    Input::of(target).map_err(validation)?;
    for name in target.http_parameters.iter().flat_map(|parameters| parameters.header_parameters.keys()) {
        check_header(name)?;
    }
    match destination_of_arn(permit, &target.arn).await? {
        Some(_) => Ok(()),
        None => Err(not_found(format!("The API destination {} does not exist.", target.arn))),
    }
}
