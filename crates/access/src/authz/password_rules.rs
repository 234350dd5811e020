//! What the password policy of an account allows every user of it. No policy of the user needs to allow it then.

use std::sync::Arc;

use meta::GetPasswordPolicy;

use super::Gate;
use crate::context::CallerKind;
use crate::error::{Error, Result};

/// What `AllowUsersToChangePassword` allows (IAM User Guide, "Permit IAM users to change their own passwords"). The
/// operations are about the caller and its account, so every resource is meant.
const ALLOWED: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Resource": "*",
    "Action": ["iam:ChangePassword", "iam:GetAccountPasswordPolicy"]}}"#;

impl Gate {
    /// The same gate, which also allows what the account's password policy allows a user. A Deny, a permissions boundary
    /// and a session's policies still apply.
    pub async fn with_password_policy(self) -> Result<Self> {
        if !matches!(self.caller.kind, CallerKind::User { .. }) {
            return Ok(self);
        }
        let rules = self.read(GetPasswordPolicy { account_id: self.account_id.clone() }).await?;
        if !rules.is_some_and(|rules| rules.allow_users_to_change) {
            return Ok(self);
        }
        let policy = Arc::new(policy::Policy::parse(ALLOWED).map_err(Error::internal)?);
        let named = (policy::SourceName::new("account password policy"), policy);
        Ok(Self { policies: self.policies.and_of_account(named), ..self })
    }
}
