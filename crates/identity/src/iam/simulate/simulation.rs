//! One simulation: its policies and condition keys, and its results.

use std::collections::BTreeMap;
use std::sync::Arc;

use access::authz::Named;
use access::error::{AwsCode, Error, Result};
use aws::arn::Arn;
use aws::iam::{ContextEntry, EvaluationResult, SimulationRules};
use aws::ids::AccountId;
use policy::{Decision, PolicyKind};

use super::work::Work;

/// The input of a simulation.
pub(super) struct Simulation {
    pub(super) identity: Vec<Named>,
    pub(super) boundary: Option<Named>,
    resource: Option<Named>,
    /// The ARN of the simulated caller.
    pub(super) caller_arn: Option<String>,
    account: AccountId,
    owner: Option<AccountId>,
    pub(super) context: policy::Context,
    /// The owner of the inline policies, as results name it: `user_NAME_`.
    pub(super) inline_of: String,
    pub(super) work: Work,
}

/// Keys of a request, as values of their types.
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

pub(super) fn inputs(list: &str, texts: &[String]) -> Result<Vec<Named>> {
    let numbered = texts.iter().enumerate();
    numbered
        .map(|(at, text)| input(format!("{list}.{}", at + 1), text, Some(policy::Use::Identity)))
        .collect()
}

fn account_of(arn: &str) -> Option<AccountId> {
    arn.parse::<Arn>().ok()?.account_id()
}

impl Simulation {
    pub(super) fn of(rules: &SimulationRules, own_account: &AccountId) -> Result<Self> {
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

    pub(super) fn result(&self, action: &str, resource: &str, missing: &[String]) -> EvaluationResult {
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

    /// The policy of a matched statement, as IAM's responses name it: a managed policy by its name, an inline policy as
    /// `user_NAME_POLICY`, a policy of the request by its position.
    fn source(&self, by: &policy::By) -> (String, &'static str) {
        let name = by.source.as_ref().map(policy::SourceName::as_str).unwrap_or_default();
        if by.kind == PolicyKind::Resource {
            return (name.to_owned(), "Resource Policy");
        }
        // Inline policies of a user's groups have the name `GROUP/POLICY` here.
        let id = match name.rsplit_once('/') {
            Some((arn, managed)) if arn.starts_with("arn:") => managed.to_owned(),
            Some((group, policy)) => format!("group_{group}_{policy}"),
            None if name.starts_with("PolicyInputList.") => name.to_owned(),
            None => format!("{}{name}", self.inline_of),
        };
        (id, "IAM Policy")
    }

    pub(super) fn missing_context(&self) -> Vec<String> {
        let keys = keys_of(self.policies());
        keys.into_iter().filter(|key| !self.context.has(key)).collect()
    }
}

/// The API's value for a decision.
pub(crate) fn decision_word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allowed",
        Decision::ExplicitDeny(_) => "explicitDeny",
        // The API has no value for a decision that exceeded its limits; no statement denied the request.
        Decision::ImplicitDeny(_) | Decision::Exceeded(_) => "implicitDeny",
    }
}

/// The kind of caller, according to its ARN.
fn kind_of(arn: &str) -> policy::CallerKind<'_> {
    match arn.splitn(6, ':').nth(5).unwrap_or_default().split_once('/') {
        None => policy::CallerKind::Root,
        Some(("role", _)) => policy::CallerKind::RoleSession { session_arn: "", role_arn: arn, role_id: "" },
        Some(_) => policy::CallerKind::User { arn, unique_id: "" },
    }
}

/// The condition keys that policies use, sorted, each once regardless of case.
pub(super) fn keys_of<'a>(policies: impl Iterator<Item = &'a Named>) -> Vec<String> {
    let mut keys = BTreeMap::new();
    for (_, policy) in policies {
        for key in policy.keys() {
            keys.entry(key.to_lowercase()).or_insert_with(|| key.to_owned());
        }
    }
    keys.into_values().collect()
}
