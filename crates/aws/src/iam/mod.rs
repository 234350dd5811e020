//! The shapes of IAM's API (version 2010-05-08): requests with their rules, and what results are made of.

mod account;
mod entity;
mod policy;
mod provider;
mod request;
mod simulate;

pub use account::{AccountDetails, AccountSummary, PoliciesOf};
pub use entity::{
    AccessKeyLastUsed, AccessKeyMetadata, Group, GroupMembers, InstanceProfile, NewAccessKey, Role,
    RoleLastUsed, User,
};
pub use policy::{AttachedPolicy, InlineDocument, Policy, PolicyEntities, PolicyVersion, encode_document};
pub use provider::{OpenIdConnectProvider, ProviderArn};
pub use request::*;
pub use simulate::{
    ContextEntry, ContextKeys, EvaluationResult, Explanation, GetContextKeysForCustomPolicyRequest,
    GetContextKeysForPrincipalPolicyRequest, SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest,
    SimulationRules, WharfExplainAccessRequest,
};
