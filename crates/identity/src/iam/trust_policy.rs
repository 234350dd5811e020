//! Trust policies of roles: who may assume the role. They are stored with the unique IDs of principals.

use access::error::{AwsCode, Error, Result};
use access::permit::Reads;
use access::principal_names::{Known, render_principals};
use access::quota;
use access::shared_provider::lacking_claim;
use access::store::{FindNamedPrincipals, policy_size};
use policy::Document;

fn malformed(error: &policy::PolicyError) -> Error {
    Error::aws(AwsCode::MalformedPolicyDocument, error.trust_message())
}

/// Checks a trust policy against the grammar, and replaces its principals by their unique IDs.
pub(super) async fn stored_trust_policy(
    store: &impl Reads<FindNamedPrincipals>,
    text: &str,
) -> Result<String> {
    let policy = policy::Policy::parse(text).map_err(|error| malformed(&error))?;
    policy.check(policy::Use::RoleTrust).map_err(|error| malformed(&error))?;
    if let Some(lacking) = lacking_claim(&policy) {
        return Err(Error::aws(AwsCode::MalformedPolicyDocument, lacking));
    }
    if policy_size(text) > quota::TRUST_POLICY.most() {
        return Err(quota::TRUST_POLICY.exceeded());
    }
    let mut document = Document::parse(text).map_err(|error| malformed(&error))?;
    if let Err(unknown) = Known::of(store, &document).await?.resolve(&mut document) {
        let message = format!("Invalid principal in policy: \"AWS\":\"{}\"", unknown.0);
        return Err(Error::aws(AwsCode::MalformedPolicyDocument, message));
    }
    Ok(document.to_json())
}

/// A stored trust policy, as in responses.
pub(super) async fn shown_trust_policy(
    store: &impl Reads<FindNamedPrincipals>,
    stored: &str,
) -> Result<String> {
    let mut document = Document::parse(stored).map_err(Error::internal)?;
    render_principals(store, &mut document).await?;
    Ok(document.to_json())
}
