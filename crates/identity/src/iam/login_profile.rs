//! Passwords of users. Only their slow hashes are stored.

use access::context::{CallerKind, Ctx};
use access::error::{AwsCode, Code, Error, Result};
use access::op::{Effect, iam};
use access::permit::{Grant, Of, OnAccount, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::store::{
    ChangeLoginProfile, CreateLoginProfile, CreateLoginProfileRefusal, DeleteLoginProfile, EntityKind,
    FindLoginProfile, FindMemberAccount, GetPasswordPolicy, LoginProfile as Stored, MemberAccount,
    NoLoginProfile, PasswordPolicy, RefusedExt as _,
};
use aws::iam::{
    ChangePasswordRequest, CreateLoginProfileRequest, CreateLoginProfileResponse, DeleteLoginProfileRequest,
    GetLoginProfileRequest, GetLoginProfileResponse, LoginProfile, UpdateLoginProfileRequest,
};

use super::entity::own_entity_at;
use super::user::{Whom, whom};
use super::{no_such_entity, time};
use crate::Identity;
use crate::organizations::email_of;
use crate::password;

/// Hashes that are kept: the most that a password policy can prevent from being used again.
const KEPT: usize = 24;

fn gone(name: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Login Profile for User {name} cannot be found."))
}

/// Another request changed or deleted the password meanwhile.
fn changed(name: &str) -> Error {
    let message =
        format!("The login profile of user {name} was changed by another request. Send the request again.");
    Error::aws(AwsCode::EntityTemporarilyUnmodifiable, message)
}

fn shown(name: String, profile: &Stored) -> LoginProfile {
    LoginProfile {
        user_name: name,
        create_date: time(profile.created_at).into(),
        password_reset_required: Some(profile.reset_required),
        max_signin_session_duration: None,
    }
}

/// Nobody can log in yet, so there is no session whose duration could be limited.
fn check_no_duration(is_named: bool) -> Result<()> {
    if is_named {
        let message = "MaxSigninSessionDuration is not supported.";
        return Err(Error::aws(AwsCode::InvalidInput, message));
    }
    Ok(())
}

struct User {
    unique_id: String,
    name: String,
}

/// Tests a new password by the rules of the account, and returns them. Without rules, IAM also refuses the name and the
/// email address of the account ("Set an account password policy for IAM users").
async fn checked<E>(ctx: &Ctx, permit: &Permit<E>, password: &str) -> Result<Option<PasswordPolicy>>
where
    E: Opens<GetPasswordPolicy> + Opens<FindMemberAccount>,
{
    let account_id = ctx.caller.account_id.clone();
    let rules = permit.read(|_| GetPasswordPolicy { account_id: account_id.clone() }).await?;
    password::check(rules.as_ref(), password)?;
    if rules.is_none() {
        let account = permit.read(|_| FindMemberAccount { account_id }).await?;
        let is_its =
            |own: MemberAccount| own.name == password || email_of(own.email, &own.account_id) == password;
        if account.is_some_and(is_its) {
            return Err(password::violation(
                "Password should not be the name or the email address of the account",
            ));
        }
    }
    Ok(rules)
}

async fn profile_of<E: Opens<FindLoginProfile>>(permit: &Permit<E>, user: &User) -> Result<Stored> {
    let owner = user.unique_id.clone();
    permit.read(|_| FindLoginProfile { owner }).await?.ok_or_else(|| gone(&user.name))
}

impl Identity {
    /// The named user, or the caller. The root has its user ID here, and never a password.
    async fn login_of<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<(Permit<Of<E>>, User)> {
        let gate = self.access.account_gate(ctx).await?;
        match whom::<E>(&gate, name)? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let user = own_entity_at::<E>(&gate, named, policy::Context::new()).await?;
                Ok((user.permit, User { unique_id: user.on.unique_id, name: user.on.name }))
            }
            Whom::Root(permit) => {
                Ok((permit, User { unique_id: ctx.caller.unique_id.clone(), name: "root".to_owned() }))
            }
        }
    }

    /// Replaces the password of a user, by the rules of the account.
    async fn set_password<E>(
        &self,
        ctx: &Ctx,
        (permit, user): (&Permit<E>, &User),
        old: Stored,
        (password, reset_required): (Option<String>, Option<bool>),
    ) -> Result<()>
    where
        E: Grant<On = OnResource>
            + Opens<GetPasswordPolicy>
            + Opens<FindMemberAccount>
            + Opens<ChangeLoginProfile<PermittedKey>>,
    {
        let mut new = old.clone();
        new.reset_required = reset_required.unwrap_or(old.reset_required);
        if let Some(password) = password {
            let rules = checked(ctx, permit, &password).await?;
            let prevented = rules.and_then(|rules| rules.reuse_prevention).unwrap_or_default();
            let prevented = usize::try_from(prevented).unwrap_or(KEPT);
            let earlier = old.hashes.iter().take(prevented).cloned().collect();
            let hash = self.hashing.hash(&ctx.caller.account_id, password, earlier).await?;
            let reused = || password::violation("Password reuse is not allowed by the password policy");
            new.hashes.insert(0, hash.ok_or_else(reused)?);
            new.hashes.truncate(KEPT);
            new.changed_at = ctx.at();
        }
        let change = |key: ResourceKey| ChangeLoginProfile { owner: key.id, old, new };
        permit.write(change).await.or_refused(|_| changed(&user.name))
    }

    /// Gives a user a password.
    pub async fn create_login_profile(
        &self,
        ctx: &Ctx,
        input: CreateLoginProfileRequest,
    ) -> Result<CreateLoginProfileResponse> {
        let (permit, user) = self.login_of::<iam::CreateLoginProfile>(ctx, input.user_name).await?;
        check_no_duration(input.max_signin_session_duration.is_some())?;
        let Some(password) = input.password else {
            let message = "A password is required: passwordless login profiles are for the root only.";
            return Err(Error::aws(AwsCode::ValidationError, message));
        };
        if ctx.caller.kind == CallerKind::Root && user.unique_id == ctx.caller.unique_id {
            return Err(Error::aws(AwsCode::ValidationError, "The root has no password here."));
        }
        checked(ctx, &permit, &password).await?;
        let hash = self.hashing.hash(&ctx.caller.account_id, password, Vec::new()).await?.unwrap_or_default();
        let (reset_required, at) = (input.password_reset_required, ctx.at());
        let create = |key: ResourceKey| CreateLoginProfile { owner: key.id, hash, reset_required, at };
        permit.write(create).await.or_refused(|refusal| match refusal {
            CreateLoginProfileRefusal::Gone => no_such_entity(EntityKind::User, &user.name),
            CreateLoginProfileRefusal::Exists => {
                let message = format!("Login Profile for user {} already exists.", user.name);
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
        })?;
        let profile = Stored { hashes: Vec::new(), reset_required, created_at: at, changed_at: at };
        Ok(CreateLoginProfileResponse { login_profile: shown(user.name, &profile) })
    }

    /// Replaces the password of a user, or whether it must be changed.
    pub async fn update_login_profile(&self, ctx: &Ctx, input: UpdateLoginProfileRequest) -> Result<()> {
        let (permit, user) = self.login_of::<iam::UpdateLoginProfile>(ctx, Some(input.user_name)).await?;
        check_no_duration(
            input.max_signin_session_duration.is_some() || input.reset_max_signin_session_duration,
        )?;
        let old = profile_of(&permit, &user).await?;
        let new = (input.password, input.password_reset_required);
        self.set_password(ctx, (&permit, &user), old, new).await
    }

    /// Shows whether a user has a password.
    pub async fn get_login_profile(
        &self,
        ctx: &Ctx,
        input: GetLoginProfileRequest,
    ) -> Result<GetLoginProfileResponse> {
        let (permit, user) = self.login_of::<iam::GetLoginProfile>(ctx, input.user_name).await?;
        let profile = profile_of(&permit, &user).await?;
        Ok(GetLoginProfileResponse { login_profile: shown(user.name, &profile) })
    }

    /// Deletes the password of a user.
    pub async fn delete_login_profile(&self, ctx: &Ctx, input: DeleteLoginProfileRequest) -> Result<()> {
        let (permit, user) = self.login_of::<iam::DeleteLoginProfile>(ctx, input.user_name).await?;
        let delete = |key: ResourceKey| DeleteLoginProfile { owner: key.id };
        permit.write(delete).await.or_refused(|NoLoginProfile| gone(&user.name))
    }

    /// Replaces the caller's own password.
    pub async fn change_password(&self, ctx: &Ctx, input: ChangePasswordRequest) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?.with_password_policy().await?;
        let permit = gate.permit_caller::<iam::ChangePassword>()?;
        let CallerKind::User { name, .. } = &ctx.caller.kind else {
            let message = "Only IAM Users can change their own password";
            return Err(Error::aws(AwsCode::InvalidUserType, message));
        };
        let user = User { unique_id: ctx.caller.unique_id.clone(), name: name.clone() };
        let old = profile_of(&permit, &user).await?;
        let current = old.hashes.first().cloned().unwrap_or_default();
        if !self.hashing.is_of(&ctx.caller.account_id, current, input.old_password).await? {
            return Err(Error::new(Code::AccessDenied, "The old password was incorrect."));
        }
        self.set_password(ctx, (&permit, &user), old, (Some(input.new_password), Some(false))).await
    }
}
