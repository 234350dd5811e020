//! Rules: which events go to which targets.

use access::authz::{EventKind, Gate};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, event_bridge};
use access::permit::{Of, Opens, Permit, PermittedKey, ResourceKey};
use access::store::{
    DISABLED, DeleteEventRule, EventRule, FindEventRule, ListEventRules, ListRuleNamesByTarget, PutEventRule,
    RefusedExt as _, SetEventRuleState,
};
use aws::event_bridge::{
    DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse, DisableRuleRequest, EnableRuleRequest,
    ListRuleNamesByTargetRequest, ListRuleNamesByTargetResponse, ListRulesRequest, ListRulesResponse,
    PutRuleRequest, PutRuleResponse, RuleState,
};
use aws::ids::Region;
use pattern::Pattern;
use serde_json::Value;

use super::role::pass_role;
use super::{DEFAULT_BUS, bus_name, no_bus, no_rule, permit_rule, request_tags, validation};
use crate::Events;

impl Events {
    /// Creates or replaces a rule. The tags of an existing rule stay (EventBridge API reference, "PutRule").
    pub async fn put_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutRuleRequest,
    ) -> Result<PutRuleResponse> {
        let gate = self.gate(ctx, region).await?;
        let (tags, mut keys) = request_tags(input.tags)?;
        let tag_keys = keys.clone();
        add_pattern_keys(&mut keys, input.event_pattern.as_deref());
        let named = (input.name.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::PutRule>(&gate, named, keys).await?;
        let arn = gate.event_arn(EventKind::Rule, &input.name);
        if !tags.is_empty() {
            gate.allow_on(event_bridge::TagResource::OP, &arn, tag_keys)?;
        }
        if let Some(role_arn) = &input.role_arn {
            pass_role(ctx, &gate, role_arn, &arn).await?;
        }
        let pattern = checked_pattern(input.schedule_expression.as_deref(), input.event_pattern)?;
        let (state, limit) =
            (input.state.unwrap_or(RuleState::Enabled), self.access.quotas().rules_per_event_bus.limit());
        let put = |key: ResourceKey| PutEventRule {
            arn: key.arn,
            pattern,
            state: state.as_str().to_owned(),
            description: input.description,
            role_arn: input.role_arn,
            tags,
            limit,
            at: ctx.at(),
        };
        permit.write(put).await.or_refused(|_| self.access.quotas().rules_per_event_bus.exceeded())?;
        Ok(PutRuleResponse { rule_arn: Some(arn) })
    }

    /// Describes a rule.
    pub async fn describe_rule(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeRuleRequest,
    ) -> Result<DescribeRuleResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.name.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::DescribeRule>(&gate, named, policy::Context::new()).await?;
        let rule = existing(&permit, &input.name).await?;
        Ok(DescribeRuleResponse {
            name: Some(rule.name),
            arn: Some(rule.arn),
            event_pattern: Some(rule.pattern),
            state: RuleState::parse(&rule.state),
            description: rule.description,
            role_arn: rule.role_arn,
            event_bus_name: Some(DEFAULT_BUS.to_owned()),
            created_by: Some(rule.created_by),
            ..DescribeRuleResponse::default()
        })
    }

    /// Lists rules by name.
    pub async fn list_rules(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListRulesRequest,
    ) -> Result<ListRulesResponse> {
        let gate = self.gate(ctx, region).await?;
        let permit = gate.permit_on::<event_bridge::ListRules>("*", policy::Context::new())?;
        check_bus(&gate, input.event_bus_name.as_deref())?;
        let page = self.page_of(format!("rules {region}"), input.next_token.as_deref(), input.limit)?;
        let list = |account_id| ListEventRules(page.names(account_id, region, input.name_prefix));
        let mut rules = permit.read(list).await?;
        let next_token = self.cut(&page, &mut rules, |rule| &rule.name)?;
        Ok(ListRulesResponse { rules: rules.into_iter().map(shown).collect(), next_token })
    }

    /// Lists the names of the rules that have a target with an ARN.
    pub async fn list_rule_names_by_target(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListRuleNamesByTargetRequest,
    ) -> Result<ListRuleNamesByTargetResponse> {
        let gate = self.gate(ctx, region).await?;
        let permit = gate.permit_on::<event_bridge::ListRuleNamesByTarget>("*", policy::Context::new())?;
        check_bus(&gate, input.event_bus_name.as_deref())?;
        let list = format!("rules of {} {region}", input.target_arn);
        let page = self.page_of(list, input.next_token.as_deref(), input.limit)?;
        let list = |account_id| ListRuleNamesByTarget {
            account_id,
            region: region.clone(),
            target_arn: input.target_arn,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut rule_names = permit.read(list).await?;
        let next_token = self.cut(&page, &mut rule_names, |name| name)?;
        Ok(ListRuleNamesByTargetResponse { rule_names, next_token })
    }

    /// Lets a rule match events.
    pub async fn enable_rule(&self, ctx: &Ctx, region: &Region, input: EnableRuleRequest) -> Result<()> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.name.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::EnableRule>(&gate, named, policy::Context::new()).await?;
        set_state(ctx, &permit, &input.name, RuleState::Enabled.as_str()).await
    }

    /// Stops a rule. Events that matched before are delivered.
    pub async fn disable_rule(&self, ctx: &Ctx, region: &Region, input: DisableRuleRequest) -> Result<()> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.name.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::DisableRule>(&gate, named, policy::Context::new()).await?;
        set_state(ctx, &permit, &input.name, DISABLED).await
    }

    /// Deletes a rule without targets. A rule that does not exist is not an error, as on AWS.
    pub async fn delete_rule(&self, ctx: &Ctx, region: &Region, input: DeleteRuleRequest) -> Result<()> {
        let gate = self.gate(ctx, region).await?;
        let named = (input.name.as_str(), input.event_bus_name.as_deref());
        let permit = permit_rule::<event_bridge::DeleteRule>(&gate, named, policy::Context::new()).await?;
        let delete = |key: ResourceKey| DeleteEventRule { arn: key.arn };
        permit.write(delete).await.or_refused(|_| validation("Rule can't be deleted since it has targets."))
    }
}

/// The rule of a permit.
pub(super) async fn existing<E>(permit: &Permit<E>, name: &str) -> Result<EventRule>
where
    E: Opens<FindEventRule, On = access::permit::OnResource>,
{
    let found = permit.read(|key| FindEventRule { arn: key.arn.as_ref().to_owned() }).await?;
    found.ok_or_else(|| no_rule(name))
}

async fn set_state<E>(ctx: &Ctx, permit: &Permit<Of<E>>, name: &str, state: &'static str) -> Result<()>
where
    E: Effect<On = access::permit::OnAccount>,
    Of<E>: Opens<SetEventRuleState<PermittedKey>, On = access::permit::OnResource>,
{
    let set = |key: ResourceKey| SetEventRuleState { arn: key.arn, state, at: ctx.at() };
    permit.write(set).await.or_refused(|_| no_rule(name))
}

pub(super) fn check_bus(gate: &Gate, named: Option<&str>) -> Result<()> {
    let bus = bus_name(gate, named);
    if bus == DEFAULT_BUS { Ok(()) } else { Err(no_bus(&bus)) }
}

fn checked_pattern(schedule: Option<&str>, pattern: Option<String>) -> Result<String> {
    if schedule.is_some_and(|schedule| !schedule.is_empty()) {
        return Err(validation(
            "ScheduleExpression is not supported here: rules match events of this registry.",
        ));
    }
    let pattern = pattern.filter(|pattern| !pattern.is_empty());
    let pattern = pattern
        .ok_or_else(|| validation("Parameter(s) EventPattern or ScheduleExpression must be specified."))?;
    if let Err(reason) = Pattern::parse(&pattern) {
        let message = format!("Event pattern is not valid. Reason: {reason}");
        return Err(Error::aws(AwsCode::InvalidEventPattern, message));
    }
    Ok(pattern)
}

/// `events:source` and `events:detail-type`: the values of the pattern, if they are all plain texts (EventBridge User
/// Guide, "Using IAM policy conditions").
fn add_pattern_keys(keys: &mut policy::Context, pattern: Option<&str>) {
    let parsed: Option<Value> = pattern.and_then(|pattern| serde_json::from_str(pattern).ok());
    for (member, key) in [("source", "events:source"), ("detail-type", "events:detail-type")] {
        let values = parsed.as_ref().and_then(|pattern| pattern.get(member)).and_then(Value::as_array);
        let texts: Option<Vec<&str>> = values.and_then(|values| values.iter().map(Value::as_str).collect());
        if let Some(texts) = texts {
            keys.set_all(key, texts);
        }
    }
}

fn shown(rule: EventRule) -> aws::event_bridge::EventRule {
    aws::event_bridge::EventRule {
        name: Some(rule.name),
        arn: Some(rule.arn),
        event_pattern: Some(rule.pattern),
        state: RuleState::parse(&rule.state),
        description: rule.description,
        role_arn: rule.role_arn,
        event_bus_name: Some(DEFAULT_BUS.to_owned()),
        ..aws::event_bridge::EventRule::default()
    }
}
