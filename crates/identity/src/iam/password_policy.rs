//! The rules for the passwords of an account's users. They are enforced when a password is set.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::iam;
use access::store::{
    DeletePasswordPolicy, GetPasswordPolicy, NoPasswordPolicy, PasswordPolicy as Stored, RefusedExt as _,
    SetPasswordPolicy, StoreResultExt as _,
};
use aws::iam::{
    DeleteAccountPasswordPolicyRequest, GetAccountPasswordPolicyRequest, GetAccountPasswordPolicyResponse,
    PasswordPolicy, UpdateAccountPasswordPolicyRequest,
};

use crate::Identity;

/// The length that IAM requires if a request does not name one.
const MINIMUM_LENGTH: u32 = 6;

impl Identity {
    /// Replaces the rules. What the request does not name has IAM's default, not its earlier value.
    pub async fn update_account_password_policy(
        &self,
        ctx: &Ctx,
        input: UpdateAccountPasswordPolicyRequest,
    ) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::UpdateAccountPasswordPolicy>("*", policy::Context::new())?;
        let policy = Stored {
            minimum_length: input.minimum_password_length.unwrap_or(MINIMUM_LENGTH),
            require_symbols: input.require_symbols,
            require_numbers: input.require_numbers,
            require_uppercase: input.require_uppercase_characters,
            require_lowercase: input.require_lowercase_characters,
            allow_users_to_change: input.allow_users_to_change_password,
            max_age_days: input.max_password_age,
            reuse_prevention: input.password_reuse_prevention,
            hard_expiry: input.hard_expiry,
        };
        let set = SetPasswordPolicy { account: permit.account_key().await?, policy };
        permit.write(|_| set).await.or_store_error()
    }

    /// The rules of the account.
    pub async fn get_account_password_policy(
        &self,
        ctx: &Ctx,
        _input: GetAccountPasswordPolicyRequest,
    ) -> Result<GetAccountPasswordPolicyResponse> {
        let gate = self.access.account_gate(ctx).await?.with_password_policy().await?;
        let permit = gate.permit_on::<iam::GetAccountPasswordPolicy>("*", policy::Context::new())?;
        let policy = permit.read(|account_id| GetPasswordPolicy { account_id }).await?;
        let policy = policy.ok_or_else(|| {
            let message =
                format!("The Password Policy with domain name {} cannot be found.", ctx.caller.account_id);
            Error::aws(AwsCode::NoSuchEntity, message)
        })?;
        Ok(GetAccountPasswordPolicyResponse { password_policy: shown(&policy) })
    }

    /// Deletes the rules of the account.
    pub async fn delete_account_password_policy(
        &self,
        ctx: &Ctx,
        _input: DeleteAccountPasswordPolicyRequest,
    ) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::DeleteAccountPasswordPolicy>("*", policy::Context::new())?;
        let delete = DeletePasswordPolicy { account: permit.account_key().await? };
        permit.write(|_| delete).await.or_refused(|NoPasswordPolicy| {
            let message = "The account policy with name PasswordPolicy cannot be found.";
            Error::aws(AwsCode::NoSuchEntity, message)
        })
    }
}

fn shown(policy: &Stored) -> PasswordPolicy {
    PasswordPolicy {
        minimum_password_length: policy.minimum_length,
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase_characters: policy.require_uppercase,
        require_lowercase_characters: policy.require_lowercase,
        allow_users_to_change_password: policy.allow_users_to_change,
        expire_passwords: policy.max_age_days.is_some(),
        max_password_age: policy.max_age_days,
        password_reuse_prevention: policy.reuse_prevention,
        hard_expiry: Some(policy.hard_expiry),
    }
}
