//! The policy simulator: what policies would decide, without anything being done. Source: IAM API reference,
//! "SimulateCustomPolicy" and "SimulatePrincipalPolicy".

mod work;

use access::op::IamOp;
use std::collections::BTreeMap;
use std::sync::Arc;

use self::work::Work;

use super::{arn_of, no_such_entity};
use crate::Identity;
use access::authz::Named;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Op;
use access::store::StoreResultExt as _;
use aws::arn::Arn;
use aws::iam::{
    ContextEntry, ContextKeys, EvaluationResult, GetContextKeysForCustomPolicyRequest,
    GetContextKeysForPrincipalPolicyRequest, SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest,
    SimulationRules,
};
use aws::ids::AccountId;
use aws::query::Page;
use meta::{Entity, EntityKind, LoadIdentityPolicies};
use policy::{Decision, PolicyKind};

/// Everything that a simulation decides by.
struct Simulation {
    identity: Vec<Named>,
    boundary: Option<Named>,
    resource: Option<Named>,
    /// The ARN of who acts.
    caller_arn: Option<String>,
    account: AccountId,
    owner: Option<AccountId>,
    context: policy::Context,
    /// Whose inline policies are among them, as results name it: `user_NAME_`.
    inline_of: String,
    work: Work,
}

/// Keys that a request brings, as values of their types.
pub(crate) fn given(entries: &[ContextEntry]) -> policy::Context {
    let mut context = policy::Context::new();
    for entry in entries {
        match entry.values.as_slice() {
            [one] if !entry.is_list => context.set(entry.name.clone(), one.as_str()),
            several => context.set_all(entry.name.clone(), several.iter().map(String::as_str)),
        }
    }
    context
}

fn input(name: String, text: &str, meant_for: Option<policy::Use>) -> Result<Named> {
    let parsed = policy::Policy::parse(text);
    let checked = parsed.and_then(|policy| meant_for.map_or(Ok(()), |of| policy.check(of)).map(|()| policy));
    let policy = checked.map_err(|error| Error::aws(AwsCode::InvalidInput, error.iam_message()))?;
    Ok((policy::SourceName::new(name), Arc::new(policy)))
}

fn inputs(list: &str, texts: &[String]) -> Result<Vec<Named>> {
    let numbered = texts.iter().enumerate();
    numbered
        .map(|(at, text)| input(format!("{list}.{}", at + 1), text, Some(policy::Use::Identity)))
        .collect()
}

fn account_of(arn: &str) -> Option<AccountId> {
    arn.parse::<Arn>().ok()?.account_id()
}

impl Simulation {
    fn of(rules: &SimulationRules, own_account: &AccountId) -> Result<Self> {
        let boundaries =
            inputs("PermissionsBoundaryPolicyInputList", &rules.permissions_boundary_policy_input_list)?;
        let resource = match &rules.resource_policy {
            Some(text) => Some(input("ResourcePolicy".to_owned(), text, None)?),
            None => None,
        };
        let mut work = Work::default();
        let lists = [&rules.policy_input_list, &rules.permissions_boundary_policy_input_list];
        lists.into_iter().flatten().chain(&rules.resource_policy).for_each(|text| work.add_policy(text));
        work.add_keys(&rules.context_entries);
        let account = rules.caller_arn.as_deref().and_then(account_of).unwrap_or_else(|| own_account.clone());
        Ok(Self {
            identity: inputs("PolicyInputList", &rules.policy_input_list)?,
            boundary: boundaries.into_iter().next(),
            resource,
            caller_arn: rules.caller_arn.clone(),
            account,
            owner: rules.resource_owner.as_deref().and_then(|owner| match account_of(owner) {
                Some(account) => Some(account),
                None => owner.parse().ok(),
            }),
            context: given(&rules.context_entries),
            inline_of: String::new(),
            work,
        })
    }

    fn policies(&self) -> impl Iterator<Item = &Named> {
        self.identity.iter().chain(&self.boundary).chain(&self.resource)
    }

    fn result(&self, action: &str, resource: &str, missing: &[String]) -> EvaluationResult {
        let identity: Vec<_> = self.identity.iter().map(|(name, policy)| (name, &**policy)).collect();
        let of_resource: Vec<_> = self.resource.iter().map(|(name, policy)| (name, &**policy)).collect();
        let policies = policy::Policies {
            identity: &identity,
            boundary: self.boundary.as_ref().map(|(name, policy)| (name, &**policy)),
            resource: &of_resource,
            ..policy::Policies::default()
        };
        let owner = account_of(resource).or_else(|| self.owner.clone());
        let arn = self
            .caller_arn
            .clone()
            .unwrap_or_else(|| format!("arn:aws:iam::{}:user/simulated", self.account));
        let access = policy::Access {
            caller: policy::Caller { account: self.account.as_str(), kind: kind_of(&arn) },
            resource_account: owner.as_ref().unwrap_or(&self.account).as_str(),
            is_role_trust: false,
        };
        let request = policy::Request { action, resource, context: &self.context };
        let decision = policy::evaluate(&policies, &request, &access);
        let matched = policy::matched_statements(&policies, &request, &access);
        let allowed_by_boundary = self.boundary.as_ref().map(|_| {
            let of_boundary = matched.iter().filter(|matched| matched.by.kind == PolicyKind::Boundary);
            let effects: Vec<_> = of_boundary.map(|matched| matched.effect).collect();
            effects.contains(&policy::Effect::Allow) && !effects.contains(&policy::Effect::Deny)
        });
        let shown = matched.iter().filter(|matched| matched.by.kind != PolicyKind::Boundary);
        EvaluationResult {
            action: action.to_owned(),
            resource: resource.to_owned(),
            decision: decision_word(&decision),
            matched: shown.map(|matched| self.source(&matched.by)).collect(),
            missing_context: missing.to_vec(),
            allowed_by_boundary,
        }
    }

    /// The policy of a statement that matched, as IAM's answers name it: a managed one by its name, an inline one as
    /// `user_NAME_POLICY`, one of the request by its place.
    fn source(&self, by: &policy::By) -> (String, &'static str) {
        let name = by.source.as_ref().map(policy::SourceName::as_str).unwrap_or_default();
        if by.kind == PolicyKind::Resource {
            return (name.to_owned(), "Resource Policy");
        }
        // Inline policies of the groups of a user are known as `GROUP/POLICY`.
        let id = match name.rsplit_once('/') {
            Some((arn, managed)) if arn.starts_with("arn:") => managed.to_owned(),
            Some((group, policy)) => format!("group_{group}_{policy}"),
            None if name.starts_with("PolicyInputList.") => name.to_owned(),
            None => format!("{}{name}", self.inline_of),
        };
        (id, "IAM Policy")
    }

    fn missing_context(&self) -> Vec<String> {
        let keys = keys_of(self.policies());
        keys.into_iter().filter(|key| !self.context.has(key)).collect()
    }
}

/// The word that the API has for a decision.
pub(crate) fn decision_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allowed",
        Decision::ExplicitDeny(_) => "explicitDeny",
        // The API has no word for what could not be decided; no statement denied it.
        Decision::ImplicitDeny(_) | Decision::Exceeded(_) => "implicitDeny",
    }
}

/// Who acts, as far as its ARN tells.
fn kind_of(arn: &str) -> policy::CallerKind<'_> {
    match arn.splitn(6, ':').nth(5).unwrap_or_default().split_once('/') {
        None => policy::CallerKind::Root,
        Some(("role", _)) => policy::CallerKind::RoleSession { session_arn: "", role_arn: arn, role_id: "" },
        Some(_) => policy::CallerKind::User { arn, unique_id: "" },
    }
}

/// The condition keys that policies mention, each once whatever its case, in order.
fn keys_of<'a>(policies: impl Iterator<Item = &'a Named>) -> Vec<String> {
    let mut keys = BTreeMap::new();
    for (_, policy) in policies {
        for key in policy.keys() {
            keys.entry(key.to_lowercase()).or_insert_with(|| key.to_owned());
        }
    }
    keys.into_values().collect()
}

impl Identity {
    /// What policies of the request would decide.
    pub async fn simulate_custom_policy(
        &self,
        ctx: &Ctx,
        input: SimulateCustomPolicyRequest,
    ) -> Result<Page<EvaluationResult>> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::SimulateCustomPolicy), "*", policy::Context::new())?;
        let simulation = Simulation::of(&input.rules, &ctx.caller.account_id)?;
        self.simulated(simulation, &input.rules).await
    }

    /// What the policies of a user, group or role would decide, together with those of the request.
    pub async fn simulate_principal_policy(
        &self,
        ctx: &Ctx,
        input: SimulatePrincipalPolicyRequest,
    ) -> Result<Page<EvaluationResult>> {
        let entity = self
            .policy_source(ctx, Op::Iam(IamOp::SimulatePrincipalPolicy), &input.policy_source_arn)
            .await?;
        let of_principal = self.access.policies_of(&entity.unique_id).await?;
        let mut simulation = Simulation::of(&input.rules, &entity.account_id)?;
        self.add_work_of(&entity, &mut simulation.work).await?;
        simulation.identity.extend(of_principal.identity);
        // A boundary of the request stands in for the principal's own.
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

    /// Counts what a principal's own policies and tags add.
    async fn add_work_of(&self, entity: &Entity, work: &mut Work) -> Result<()> {
        let load = LoadIdentityPolicies { owner: entity.unique_id.clone() };
        let loaded = self.access.meta.read(load).await.or_store_error()?;
        loaded.inline.iter().for_each(|(_, text)| work.add_policy(text));
        for managed in loaded.managed.iter().chain(&loaded.boundary) {
            let text = managed.document.as_deref().or_else(|| policy::managed::find(&managed.arn));
            work.add_policy(text.unwrap_or_default());
        }
        loaded.tags.iter().for_each(|(key, value)| work.add_key(key.len() + value.len()));
        Ok(())
    }

    /// The condition keys that policies of the request mention.
    pub async fn get_context_keys_for_custom_policy(
        &self,
        ctx: &Ctx,
        input: GetContextKeysForCustomPolicyRequest,
    ) -> Result<ContextKeys> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::GetContextKeysForCustomPolicy), "*", policy::Context::new())?;
        Ok(ContextKeys(keys_of(inputs("PolicyInputList", &input.policy_input_list)?.iter())))
    }

    /// The condition keys that the policies of a user, group or role mention, and those of the request.
    pub async fn get_context_keys_for_principal_policy(
        &self,
        ctx: &Ctx,
        input: GetContextKeysForPrincipalPolicyRequest,
    ) -> Result<ContextKeys> {
        let op = Op::Iam(IamOp::GetContextKeysForPrincipalPolicy);
        let entity = self.policy_source(ctx, op, &input.policy_source_arn).await?;
        let of_principal = self.access.policies_of(&entity.unique_id).await?;
        let of_request = inputs("PolicyInputList", &input.policy_input_list)?;
        let all = of_principal.identity.iter().chain(&of_principal.boundary).chain(&of_request);
        Ok(ContextKeys(keys_of(all)))
    }

    /// The entity of the caller's account whose policies are asked about.
    async fn policy_source(&self, ctx: &Ctx, op: Op, arn: &str) -> Result<Entity> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(op, arn, policy::Context::new())?;
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
        let found = self.entity_of_arn(arn).await?;
        let own = found.filter(|entity| entity.account_id == ctx.caller.account_id);
        own.ok_or_else(|| no_such_entity(kind, name.rsplit('/').next().unwrap_or_default()))
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
        // Off the threads that serve connections, and few at a time: those who simulate wait for each other, not
        // everybody for them. Who goes away meanwhile does not make room for the next.
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
