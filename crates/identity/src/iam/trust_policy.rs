//! Trust policies of roles: who may take the role on. Kept with principals by unique id.

use policy::Document;

use super::{quota, quota_exceeded};
use crate::Identity;
use access::error::{AwsCode, Error, Result};
use access::shared_provider::lacking_claim;

fn malformed(error: &policy::PolicyError) -> Error {
    Error::aws(AwsCode::MalformedPolicyDocument, error.trust_message())
}

impl Identity {
    /// Holds a trust policy against the grammar, and gives it with its principals by unique id.
    pub(crate) async fn stored_trust_policy(&self, text: &str) -> Result<String> {
        let policy = policy::Policy::parse(text).map_err(|error| malformed(&error))?;
        policy.check(policy::Use::RoleTrust).map_err(|error| malformed(&error))?;
        if let Some(lacking) = lacking_claim(&policy) {
            return Err(Error::aws(AwsCode::MalformedPolicyDocument, lacking));
        }
        if meta::policy_size(text) > quota::TRUST_POLICY {
            return Err(quota_exceeded("ACLSizePerRole", quota::TRUST_POLICY));
        }
        let mut document = Document::parse(text).map_err(|error| malformed(&error))?;
        if let Err(unknown) = self.access.resolve_principals(&mut document).await? {
            let message = format!("Invalid principal in policy: \"AWS\":\"{}\"", unknown.0);
            return Err(Error::aws(AwsCode::MalformedPolicyDocument, message));
        }
        Ok(document.to_json())
    }

    /// A kept trust policy as it is shown.
    pub(crate) async fn shown_trust_policy(&self, stored: &str) -> Result<String> {
        let mut document = Document::parse(stored).map_err(Error::internal)?;
        self.access.render_principals(&mut document).await?;
        Ok(document.to_json())
    }
}
