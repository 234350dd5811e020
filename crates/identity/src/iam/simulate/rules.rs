//! The members that both requests for a simulation have.

use aws::iam::{ContextEntry, SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest};

/// What a simulation is about.
pub(super) struct SimulationRules {
    pub(super) policies: Vec<String>,
    pub(super) boundaries: Vec<String>,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) resource_policy: Option<String>,
    pub(super) resource_owner: Option<String>,
    pub(super) caller_arn: Option<String>,
    pub(super) context_entries: Vec<ContextEntry>,
    pub(super) marker: Option<String>,
    pub(super) max_items: Option<u32>,
}

macro_rules! rules_of {
    ($($request:ident)*) => {$(
        impl From<$request> for SimulationRules {
            fn from(input: $request) -> Self {
                Self {
                    policies: input.policy_input_list,
                    boundaries: input.permissions_boundary_policy_input_list,
                    actions: input.action_names,
                    resources: input.resource_arns,
                    resource_policy: input.resource_policy,
                    resource_owner: input.resource_owner,
                    caller_arn: input.caller_arn,
                    context_entries: input.context_entries,
                    marker: input.marker,
                    max_items: input.max_items,
                }
            }
        }
    )*};
}

rules_of! { SimulateCustomPolicyRequest SimulatePrincipalPolicyRequest }
