//! The limits of a session: policies and tags in the request, and their maximum size.

use access::context::SessionPolicy;
use access::error::{AwsCode, Error, Result};
use access::permit::Reads;
use access::store::FindManagedPolicy;
use aws::ids::AccountId;
use aws::sts::SessionParameters;

/// The maximum size of a session's policies in bytes. AWS's own limit applies to a packed form that AWS does not
/// document.
const POLICY_BYTES: usize = 8_192;
/// The maximum size of a session's tags in bytes, with `TAG_BYTES` for each tag. Measured on AWS: nine tags with a key
/// of two characters and a value of 250 take 498 % of the space; the six tags of EKS Pod Identity, some 300 characters,
/// take 74 %.
const TAGS_BYTES: usize = 463;
const TAG_BYTES: usize = 4;

/// The session policies of a request; None if it has none.
pub(super) async fn asked_policies(
    store: &impl Reads<FindManagedPolicy>,
    account: &AccountId,
    asked: &SessionParameters,
) -> Result<Option<Vec<SessionPolicy>>> {
    let mut policies = Vec::new();
    if let Some(text) = &asked.policy {
        let checked = policy::Policy::parse(text).and_then(|policy| policy.check(policy::Use::Session));
        checked.map_err(|error| Error::aws(AwsCode::MalformedPolicyDocument, error.iam_message()))?;
        policies.push(SessionPolicy::Inline(text.clone()));
    }
    for arn in &asked.policy_arns {
        let is_own = arn.starts_with(&format!("arn:aws:iam::{account}:policy/"));
        let exists = policy::managed::find(arn).is_some()
            || (is_own && store.look_up(FindManagedPolicy { arn: arn.clone() }).await?.is_some());
        if !exists {
            let message = format!("Policy {arn} does not exist or is not attachable.");
            return Err(Error::aws(AwsCode::ValidationError, message));
        }
        policies.push(SessionPolicy::Managed(arn.clone()));
    }
    Ok((!policies.is_empty()).then_some(policies))
}

/// The part of the space that policies and tags use together, in percent. Above 100 the request is refused.
pub(super) fn packed_size(
    policies: Option<&[SessionPolicy]>,
    tags: &[(String, String)],
) -> Result<Option<u32>> {
    if policies.is_none() && tags.is_empty() {
        return Ok(None);
    }
    let of_policy = |policy: &SessionPolicy| match policy {
        SessionPolicy::Inline(text) | SessionPolicy::Managed(text) => text.len(),
    };
    let of_policies: usize = policies.unwrap_or_default().iter().map(of_policy).sum();
    let of_tags: usize = tags.iter().map(|(key, value)| key.len() + value.len() + TAG_BYTES).sum();
    let tags_percent = (of_tags * 100).div_ceil(TAGS_BYTES);
    let percent = (of_policies * 100).div_ceil(POLICY_BYTES) + tags_percent;
    let message = if tags_percent > 100 {
        format!("Packed size of session tags consumes {tags_percent}% of allotted space.")
    } else {
        format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")
    };
    if percent > 100 {
        return Err(Error::aws(AwsCode::PackedPolicyTooLarge, message));
    }
    Ok(Some(u32::try_from(percent).unwrap_or(100)))
}
