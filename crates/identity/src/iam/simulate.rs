//! The policy simulator: evaluates policies without running an operation. Source: IAM API reference,
//! "SimulateCustomPolicy" and "SimulatePrincipalPolicy".

mod simulation;
mod work;

use std::sync::Arc;

use access::authz::PrincipalPolicies;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, iam};
use access::permit::{OnAccount, Opens};
use access::store::{Entity, EntityKind, FindEntity, IdentityPolicies, LoadIdentityPolicies};
use aws::iam::{
    ContextKeys, EvaluationResult, GetContextKeysForCustomPolicyRequest,
    GetContextKeysForPrincipalPolicyRequest, SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest,
    SimulationRules,
};
use aws::query::Page;

use self::simulation::{Simulation, inputs, keys_of};
use super::{arn_of, entity_of_arn, no_such_entity};
use crate::Identity;

pub(crate) use self::simulation::{decision_word, given};

impl Identity {
    /// Evaluates policies of the request.
    pub async fn simulate_custom_policy(
        &self,
        ctx: &Ctx,
        input: SimulateCustomPolicyRequest,
    ) -> Result<Page<EvaluationResult>> {
        let gate = self.access.account_gate(ctx).await?;
        gate.permit_on::<iam::SimulateCustomPolicy>("*", policy::Context::new())?;
        let simulation = Simulation::of(&input.rules, &ctx.caller.account_id)?;
        self.simulated(simulation, &input.rules).await
    }

    /// Evaluates the policies of a user, group or role together with those of the request.
    pub async fn simulate_principal_policy(
        &self,
        ctx: &Ctx,
        input: SimulatePrincipalPolicyRequest,
    ) -> Result<Page<EvaluationResult>> {
        let source = &input.policy_source_arn;
        let (entity, loaded) = self.policy_source::<iam::SimulatePrincipalPolicy>(ctx, source).await?;
        let mut simulation = Simulation::of(&input.rules, &entity.account_id)?;
        simulation.work.add_principal(&loaded);
        let of_principal = PrincipalPolicies::compile(&entity.unique_id, loaded)?;
        simulation.identity.extend(of_principal.identity);
        // A boundary of the request replaces the principal's own.
        simulation.boundary = simulation.boundary.or(of_principal.boundary);
        let mut keys = policy::Context::new().with("aws:PrincipalAccount", entity.account_id.to_string());
        keys.set_tags("aws:PrincipalTag/", access::authz::pairs(&of_principal.tags));
        simulation.inline_of = format!("{}_{}_", entity.kind, entity.name);
        if entity.kind != "group" && simulation.caller_arn.is_none() {
            simulation.caller_arn = Some(arn_of(&entity));
        }
        if let Some(arn) = &simulation.caller_arn {
            keys.set("aws:PrincipalArn", arn.as_str());
        }
        if entity.kind == "user" {
            keys.set("aws:username", entity.name.as_str());
            keys.set("aws:userid", entity.unique_id.as_str());
        }
        simulation.context = keys.and(simulation.context);
        self.simulated(simulation, &input.rules).await
    }

    /// The condition keys that policies of the request use.
    pub async fn get_context_keys_for_custom_policy(
        &self,
        ctx: &Ctx,
        input: GetContextKeysForCustomPolicyRequest,
    ) -> Result<ContextKeys> {
        let gate = self.access.account_gate(ctx).await?;
        gate.permit_on::<iam::GetContextKeysForCustomPolicy>("*", policy::Context::new())?;
        Ok(ContextKeys(keys_of(inputs("PolicyInputList", &input.policy_input_list)?.iter())))
    }

    /// The condition keys that the policies of a user, group or role use, and those of the request.
    pub async fn get_context_keys_for_principal_policy(
        &self,
        ctx: &Ctx,
        input: GetContextKeysForPrincipalPolicyRequest,
    ) -> Result<ContextKeys> {
        let source = &input.policy_source_arn;
        let (entity, loaded) =
            self.policy_source::<iam::GetContextKeysForPrincipalPolicy>(ctx, source).await?;
        let of_principal = PrincipalPolicies::compile(&entity.unique_id, loaded)?;
        let of_request = inputs("PolicyInputList", &input.policy_input_list)?;
        let all = of_principal.identity.iter().chain(&of_principal.boundary).chain(&of_request);
        Ok(ContextKeys(keys_of(all)))
    }

    /// The entity of the caller's account in the request, with its policies.
    async fn policy_source<E>(&self, ctx: &Ctx, arn: &str) -> Result<(Entity, IdentityPolicies)>
    where
        E: Effect<On = OnAccount> + Opens<FindEntity> + Opens<LoadIdentityPolicies>,
    {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<E>(arn, policy::Context::new())?;
        let kind_and_name = arn
            .strip_prefix("arn:aws:iam::")
            .and_then(|rest| rest.split_once(':'))
            .and_then(|(_, resource)| resource.split_once('/'));
        let kind = kind_and_name.and_then(|(kind, name)| match kind {
            "user" => Some((EntityKind::User, name)),
            "group" => Some((EntityKind::Group, name)),
            "role" => Some((EntityKind::Role, name)),
            _ => None,
        });
        let Some((kind, name)) = kind.filter(|(_, name)| !name.is_empty()) else {
            let message = format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
            return Err(Error::aws(AwsCode::InvalidInput, message));
        };
        let found = entity_of_arn(&permit, arn).await?;
        let own = found.filter(|entity| entity.account_id == *permit.account());
        let own = own.ok_or_else(|| no_such_entity(kind, name.rsplit('/').next().unwrap_or_default()))?;
        let loaded = permit.read(|_| LoadIdentityPolicies { owner: own.unique_id.clone() }).await?;
        Ok((own, loaded))
    }

    /// One page of the results: every action with every resource.
    async fn simulated(
        &self,
        simulation: Simulation,
        rules: &SimulationRules,
    ) -> Result<Page<EvaluationResult>> {
        let anything = ["*".to_owned()];
        let resources = if rules.resource_arns.is_empty() { &anything[..] } else { &rules.resource_arns };
        if let Some(action) = rules.action_names.iter().find(|action| !action.contains(':')) {
            return Err(Error::aws(AwsCode::InvalidInput, format!("Invalid Action: {action}")));
        }
        let pairs = rules.action_names.iter().flat_map(|action| resources.iter().map(move |on| (action, on)));
        let page = self.page_of("simulation".to_owned(), rules.marker.as_deref(), rules.max_items)?;
        let begin = page.after.parse::<usize>().unwrap_or(0);
        let mut numbered: Vec<_> = pairs.enumerate().skip(begin).take(page.limit + 1).collect();
        let marker = self.cut(&page, &mut numbered, |(at, _)| (at + 1).to_string())?;
        let pairs: Vec<(String, String)> =
            numbered.into_iter().map(|(_, (action, on))| (action.clone(), on.clone())).collect();
        let longest = pairs.iter().map(|(action, on)| action.len() + on.len()).max().unwrap_or_default();
        simulation.work.check(pairs.len(), longest)?;
        // Simulations run on other threads than connections, and few run at the same time: they wait for each other,
        // and other requests do not wait for them. A client that disconnects does not release its place before its
        // simulation ends.
        let turn = Arc::clone(&self.simulations).acquire_owned().await.map_err(Error::internal)?;
        let evaluation = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let missing = simulation.missing_context();
            pairs.iter().map(|(action, on)| simulation.result(action, on, &missing)).collect()
        });
        let items = evaluation.await.map_err(Error::internal)?;
        Ok(Page { name: "EvaluationResults", items, marker })
    }
}
