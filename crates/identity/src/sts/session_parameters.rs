//! What every request for a session may ask for.

use aws::sts::{
    AssumeRoleRequest, AssumeRoleWithWebIdentityRequest, GetFederationTokenRequest, PolicyDescriptorType, Tag,
};

/// The members that the requests for sessions have in common.
pub(super) struct SessionParameters {
    pub(super) seconds: Option<i64>,
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) tags: Vec<(String, String)>,
}

impl SessionParameters {
    fn new(
        seconds: Option<u32>,
        policy: Option<&String>,
        arns: &[PolicyDescriptorType],
        tags: &[Tag],
    ) -> Self {
        Self {
            seconds: seconds.map(i64::from),
            policy: policy.cloned(),
            policy_arns: arns.iter().filter_map(|descriptor| descriptor.arn.clone()).collect(),
            tags: tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        }
    }
}

impl From<&AssumeRoleRequest> for SessionParameters {
    fn from(input: &AssumeRoleRequest) -> Self {
        Self::new(input.duration_seconds, input.policy.as_ref(), &input.policy_arns, &input.tags)
    }
}

/// The tags of such a session come from the token, never from its bearer.
impl From<&AssumeRoleWithWebIdentityRequest> for SessionParameters {
    fn from(input: &AssumeRoleWithWebIdentityRequest) -> Self {
        Self::new(input.duration_seconds, input.policy.as_ref(), &input.policy_arns, &[])
    }
}

impl From<&GetFederationTokenRequest> for SessionParameters {
    fn from(input: &GetFederationTokenRequest) -> Self {
        Self::new(input.duration_seconds, input.policy.as_ref(), &input.policy_arns, &input.tags)
    }
}
