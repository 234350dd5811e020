//! The policy simulator: its requests and results.

use crate::query::request::{ARN, DOCUMENT, check, text};
use crate::query::{Form, FromForm, Output, Violations, Writer};

/// A condition key that the simulation is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextEntry {
    /// The key's name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether the key holds a set (types that end in `List`).
    pub is_list: bool,
}

/// What both simulations are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of both requests in the API")]
pub struct SimulationRules {
    pub policy_input_list: Vec<String>,
    pub permissions_boundary_policy_input_list: Vec<String>,
    pub action_names: Vec<String>,
    pub resource_arns: Vec<String>,
    pub resource_policy: Option<String>,
    pub resource_owner: Option<String>,
    pub caller_arn: Option<String>,
    pub context_entries: Vec<ContextEntry>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

/// `SimulateCustomPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulateCustomPolicyRequest {
    /// What is simulated.
    pub rules: SimulationRules,
}

/// `SimulatePrincipalPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulatePrincipalPolicyRequest {
    /// The user, group or role whose policies count.
    pub policy_source_arn: String,
    /// What is simulated.
    pub rules: SimulationRules,
}

fn context_entries(form: &Form, found: &mut Violations) -> Vec<ContextEntry> {
    let mut entries = Vec::new();
    for (index, entry) in form.structures("ContextEntries").iter().take(256).enumerate() {
        let name = entry.get("ContextKeyName").unwrap_or_default();
        check(&text(5, 256), &format!("contextEntries.{}.member.contextKeyName", index + 1), name, found);
        let kind = entry.get("ContextKeyType").unwrap_or("string");
        entries.push(ContextEntry {
            name: name.to_owned(),
            values: entry.list("ContextKeyValues").into_iter().map(str::to_owned).collect(),
            is_list: kind.ends_with("List"),
        });
    }
    entries
}

impl FromForm for SimulationRules {
    fn read(form: &Form, found: &mut Violations) -> Self {
        let action_names = form.required_texts("ActionNames", &text(3, 128), 100, found);
        Self {
            policy_input_list: form.texts("PolicyInputList", &DOCUMENT, 50, found),
            permissions_boundary_policy_input_list: form.texts(
                "PermissionsBoundaryPolicyInputList",
                &DOCUMENT,
                1,
                found,
            ),
            action_names,
            resource_arns: form.texts("ResourceArns", &text(1, 2048), 100, found),
            resource_policy: form.optional("ResourcePolicy", &DOCUMENT, found),
            resource_owner: form.optional("ResourceOwner", &text(1, 2048), found),
            caller_arn: form.optional("CallerArn", &text(1, 2048), found),
            context_entries: context_entries(form, found),
            marker: form.optional("Marker", &text(1, 4096), found),
            max_items: form.number("MaxItems", 1, 1000, found),
        }
    }
}

impl FromForm for SimulateCustomPolicyRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        // Of a principal, its own policies can be enough.
        if form.list("PolicyInputList").is_empty() && form.get("PolicyInputList").is_none() {
            found.add_null("PolicyInputList");
        }
        Self { rules: SimulationRules::read(form, found) }
    }
}

impl FromForm for SimulatePrincipalPolicyRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        let policy_source_arn = form.required("PolicySourceArn", &ARN, found);
        Self { policy_source_arn, rules: SimulationRules::read(form, found) }
    }
}

/// `WharfExplainAccess`, Wharf's own: why somebody may or may not do something, by the policies as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the request")]
pub struct WharfExplainAccessRequest {
    pub principal_arn: String,
    pub action: String,
    pub resource_arn: String,
    pub context_entries: Vec<ContextEntry>,
}

impl FromForm for WharfExplainAccessRequest {
    fn read(form: &Form, found: &mut Violations) -> Self {
        Self {
            principal_arn: form.required("PrincipalArn", &ARN, found),
            action: form.required("ActionName", &text(3, 128), found),
            resource_arn: form.required("ResourceArn", &text(1, 2048), found),
            context_entries: context_entries(form, found),
        }
    }
}

/// What WharfExplainAccess answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: &'static str,
    /// The reasons, as lines for people.
    pub text: String,
}

impl Output for Explanation {
    fn write(&self, out: &mut Writer) {
        out.text("Decision", self.decision).text("Explanation", &self.text);
    }
}

crate::query_requests! {
    /// `GetContextKeysForCustomPolicy`.
    GetContextKeysForCustomPolicyRequest {
        policy_input_list: required_texts(DOCUMENT, 50) "PolicyInputList",
    }
    /// `GetContextKeysForPrincipalPolicy`.
    GetContextKeysForPrincipalPolicyRequest {
        policy_source_arn: required(ARN) "PolicySourceArn",
        policy_input_list: texts(DOCUMENT, 50) "PolicyInputList",
    }
}

/// The decision on one action and resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type EvaluationResult")]
pub struct EvaluationResult {
    pub action: String,
    pub resource: String,
    /// `allowed`, `explicitDeny` or `implicitDeny`.
    pub decision: &'static str,
    /// Names and kinds (`IAM Policy`, `Resource Policy`) of the policies whose statements matched.
    pub matched: Vec<(String, &'static str)>,
    pub missing_context: Vec<String>,
    /// Whether the boundary allows it; None without one.
    pub allowed_by_boundary: Option<bool>,
}

impl Output for EvaluationResult {
    fn write(&self, out: &mut Writer) {
        out.text("EvalActionName", &self.action).text("EvalResourceName", &self.resource);
        out.text("EvalDecision", self.decision);
        out.list("MatchedStatements", &self.matched, |out, (policy, kind)| {
            out.text("SourcePolicyId", policy).text("SourcePolicyType", kind);
        });
        out.list("MissingContextValues", &self.missing_context, |out, key| key.write(out));
        if let Some(allowed) = self.allowed_by_boundary {
            out.element("PermissionsBoundaryDecisionDetail", |out| {
                out.flag("AllowedByPermissionsBoundary", allowed);
            });
        }
    }
}

/// The condition keys that policies mention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextKeys(pub Vec<String>);

impl Output for ContextKeys {
    fn write(&self, out: &mut Writer) {
        out.list("ContextKeyNames", &self.0, |out, key| key.write(out));
    }
}
