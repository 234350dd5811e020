//! Users.

use access::op::IamOp;
use aws::iam::{
    CreateUserRequest, DeleteUserPermissionsBoundaryRequest, DeleteUserRequest, GetUserRequest,
    ListGroupsForUserRequest, ListUserThingsRequest, ListUsersRequest, PutUserPermissionsBoundaryRequest,
    UpdateUserRequest, User,
};
use aws::query::{One, Page};
use meta::{
    CreateEntity, CreateEntityRefusal, DeleteEntity, DeleteEntityRefusal, Entity, EntityKind, FindEntityById,
    ListEntities, ListGroupLinks, RenameEntity, RenameEntityRefusal, SetBoundary,
};

use super::{already_exists, arn_of, entity_arn, no_such_entity, quota, quota_exceeded, request_tags, time};
use crate::Identity;
use access::context::{CallerKind, Ctx};
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

pub(super) fn shown(entity: Entity, tags: Vec<(String, String)>) -> User {
    User {
        arn: arn_of(&entity),
        path: entity.path,
        name: entity.name,
        id: entity.unique_id,
        created_at: time(entity.created_at),
        boundary: entity.boundary,
        tags,
    }
}

/// The root of the caller's account, as GetUser shows it.
fn root(ctx: &Ctx) -> User {
    User {
        path: "/".to_owned(),
        name: "root".to_owned(),
        id: ctx.caller.account_id.to_string(),
        arn: ctx.caller.arn.clone(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        boundary: None,
        tags: Vec::new(),
    }
}

/// IAM's sentences for an entity that still has something.
pub(super) fn delete_refused(refusal: DeleteEntityRefusal, kind: EntityKind, name: &str) -> Error {
    let what = match refusal {
        DeleteEntityRefusal::Gone => return no_such_entity(kind, name),
        DeleteEntityRefusal::InlinePolicies => "delete policies",
        DeleteEntityRefusal::AttachedPolicies => "detach all policies",
        DeleteEntityRefusal::AccessKeys => "delete access keys",
        DeleteEntityRefusal::Members => "remove users from group",
        DeleteEntityRefusal::InstanceProfiles => "remove roles from instance profile",
    };
    Error::aws(AwsCode::DeleteConflict, format!("Cannot delete entity, must {what} first."))
}

/// IAM's sentence for a boundary that names no policy.
pub(super) fn boundary_gone(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Scope ARN: {arn} does not exist or is not attachable."))
}

pub(super) fn boundary_key(arn: Option<&str>) -> policy::Context {
    match arn {
        Some(arn) => policy::Context::new().with("iam:PermissionsBoundary", arn),
        None => policy::Context::new(),
    }
}

/// Whom an operation is about whose user name can be left out.
pub(super) enum Whom {
    /// A user. It has yet to come to the gate.
    User(String),
    /// The root who asks, and may.
    Root,
}

impl Identity {
    /// The user that is named; without a name, the one who asks. A root, whom no policy holds back, comes to the gate
    /// here: of its temporary sessions IAM hears none.
    pub(super) async fn whom(&self, ctx: &Ctx, op: Op, name: Option<String>) -> Result<Whom> {
        if let Some(name) = name {
            return Ok(Whom::User(name));
        }
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        if let CallerKind::User { name, .. } = &caller.kind {
            return Ok(Whom::User(name.clone()));
        }
        gate.allow_on(op, &caller.arn, policy::Context::new())?;
        if caller.kind == CallerKind::Root {
            return Ok(Whom::Root);
        }
        let message = "Must specify userName when calling with non-User credentials";
        Err(Error::aws(AwsCode::ValidationError, message))
    }

    /// Makes a user.
    pub async fn create_user(&self, ctx: &Ctx, input: CreateUserRequest) -> Result<One<User>> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        let arn = entity_arn(&account_id, EntityKind::User, &path, &input.user_name);
        let tags = request_tags(&input.tags)?;
        gate.allow_on(
            Op::Iam(IamOp::CreateUser),
            &arn,
            tags.clone().and(boundary_key(input.permissions_boundary.as_deref())),
        )?;
        if !input.tags.is_empty() {
            gate.allow_on(Op::Iam(IamOp::TagUser), &arn, tags)?;
        }
        if let Some(boundary) = &input.permissions_boundary {
            self.can_bound(ctx, boundary).await?;
        }
        let create = CreateEntity {
            account: self.access.account_key(&account_id).await?,
            kind: EntityKind::User,
            unique_id: unique_id("AIDA").map_err(Error::internal)?,
            path,
            name: input.user_name.clone(),
            boundary: input.permissions_boundary.clone(),
            role: None,
            tags: input.tags.clone(),
            limit: quota::USERS,
            at: ctx.at(),
        };
        let made = self.create_entity(create, "User", ("UsersPerAccount", quota::USERS)).await?;
        Ok(One("User", shown(made, input.tags)))
    }

    /// Makes an entity, with IAM's sentences for refusals.
    pub(super) async fn create_entity(
        &self,
        create: CreateEntity,
        kind: &str,
        (quota, limit): (&str, i64),
    ) -> Result<Entity> {
        let (name, boundary) = (create.name.clone(), create.boundary.clone().unwrap_or_default());
        self.access.meta.write(create).await.or_refused(|refusal| match refusal {
            CreateEntityRefusal::Exists => already_exists(kind, &name),
            CreateEntityRefusal::Limit => quota_exceeded(quota, limit),
            CreateEntityRefusal::BoundaryGone => boundary_gone(&boundary),
        })
    }

    /// Shows a user; without a name, the one who asks.
    pub async fn get_user(&self, ctx: &Ctx, input: GetUserRequest) -> Result<One<User>> {
        let Whom::User(name) = self.whom(ctx, Op::Iam(IamOp::GetUser), input.user_name).await? else {
            return Ok(One("User", root(ctx)));
        };
        let named = (EntityKind::User, name.as_str());
        let user = self.entity_for(ctx, Op::Iam(IamOp::GetUser), named, policy::Context::new()).await?;
        let tags = self.iam_tags(&user.unique_id).await?;
        Ok(One("User", shown(user, tags)))
    }

    /// Lists users by name.
    pub async fn list_users(&self, ctx: &Ctx, input: ListUsersRequest) -> Result<Page<User>> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        gate.allow_on(
            Op::Iam(IamOp::ListUsers),
            &format!("arn:aws:iam::{account_id}:user{prefix}"),
            policy::Context::new(),
        )?;
        let page =
            self.page_of(format!("users {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = ListEntities {
            account_id,
            kind: EntityKind::User,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut users = self.access.meta.read(list).await.or_store_error()?;
        let marker = self.cut(&page, &mut users, |user| user.name.to_ascii_lowercase())?;
        let items =
            users.into_iter().map(|user| shown(Entity { boundary: None, ..user }, Vec::new())).collect();
        Ok(Page { name: "Users", items, marker })
    }

    /// Renames or moves a user. Its unique id, and with it what it may do, stays.
    pub async fn update_user(&self, ctx: &Ctx, input: UpdateUserRequest) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let user =
            self.own_entity_for(ctx, Op::Iam(IamOp::UpdateUser), named, policy::Context::new()).await?;
        let path = input.new_path.unwrap_or_else(|| user.path.clone());
        let name = input.new_user_name.unwrap_or_else(|| user.name.clone());
        if (&path, &name) != (&user.path, &user.name) {
            // IAM wants leave for both names.
            let arn = entity_arn(&user.account_id, EntityKind::User, &path, &name);
            self.access.account_gate(ctx).await?.allow_on(
                Op::Iam(IamOp::UpdateUser),
                &arn,
                policy::Context::new(),
            )?;
        }
        self.rename_entity(RenameEntity { unique_id: user.unique_id, path, name }, EntityKind::User, "User")
            .await
    }

    pub(super) async fn rename_entity(
        &self,
        rename: RenameEntity,
        kind: EntityKind,
        word: &str,
    ) -> Result<()> {
        let name = rename.name.clone();
        self.access.meta.write(rename).await.map(|_| ()).or_refused(|refusal| match refusal {
            RenameEntityRefusal::Gone => no_such_entity(kind, &name),
            RenameEntityRefusal::Exists => already_exists(word, &name),
        })
    }

    /// Deletes a user that has nothing left.
    pub async fn delete_user(&self, ctx: &Ctx, input: DeleteUserRequest) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let user =
            self.own_entity_for(ctx, Op::Iam(IamOp::DeleteUser), named, policy::Context::new()).await?;
        self.delete_entity(user, EntityKind::User).await
    }

    pub(super) async fn delete_entity(&self, entity: Entity, kind: EntityKind) -> Result<()> {
        let delete = DeleteEntity { unique_id: entity.unique_id };
        self.access.meta.write(delete).await.or_refused(|refusal| delete_refused(refusal, kind, &entity.name))
    }

    /// Bounds what a user can be allowed.
    pub async fn put_user_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: PutUserPermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let arn = input.permissions_boundary;
        let keys = boundary_key(Some(&arn));
        let user = self.own_entity_for(ctx, Op::Iam(IamOp::PutUserPermissionsBoundary), named, keys).await?;
        self.set_boundary(ctx, user, Some(arn)).await
    }

    /// Takes the boundary of a user away.
    pub async fn delete_user_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: DeleteUserPermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let op = Op::Iam(IamOp::DeleteUserPermissionsBoundary);
        let user = self.own_entity_for(ctx, op, named, policy::Context::new()).await?;
        self.set_boundary(ctx, user, None).await
    }

    pub(super) async fn set_boundary(&self, ctx: &Ctx, entity: Entity, arn: Option<String>) -> Result<()> {
        if let Some(arn) = &arn {
            self.can_bound(ctx, arn).await?;
        }
        let shown = arn.clone().unwrap_or_default();
        self.access
            .meta
            .write(SetBoundary { unique_id: entity.unique_id, arn })
            .await
            .or_refused(|_| boundary_gone(&shown))
    }

    /// The groups of a user.
    pub async fn list_groups_for_user(
        &self,
        ctx: &Ctx,
        input: ListGroupsForUserRequest,
    ) -> Result<Page<aws::iam::Group>> {
        let named = (EntityKind::User, input.user_name.as_str());
        let user =
            self.entity_for(ctx, Op::Iam(IamOp::ListGroupsForUser), named, policy::Context::new()).await?;
        let page =
            self.page_of(format!("groups of {}", user.unique_id), input.marker.as_deref(), input.max_items)?;
        let mut groups = self.linked(&user.unique_id, &page.after, page.limit + 1).await?;
        let marker = self.cut(&page, &mut groups, |group| group.name.to_ascii_lowercase())?;
        Ok(Page { name: "Groups", items: groups.into_iter().map(super::group::shown).collect(), marker })
    }

    /// The users of a group, or the groups of a user.
    pub(super) async fn linked(&self, of: &str, after: &str, limit: usize) -> Result<Vec<Entity>> {
        let list = ListGroupLinks { of: of.to_owned(), after: after.to_owned(), limit };
        let mut entities = Vec::new();
        for unique_id in self.access.meta.read(list).await.or_store_error()? {
            entities.extend(self.access.meta.read(FindEntityById { unique_id }).await.or_store_error()?);
        }
        Ok(entities)
    }
}

/// Lists of what users never have here: they are empty, once the caller may ask and the user is there.
macro_rules! nothing_of_users {
    ($($(#[$doc:meta])* $method:ident $op:ident $list:literal;)*) => {
        impl Identity {$(
            $(#[$doc])*
            pub async fn $method(&self, ctx: &Ctx, input: ListUserThingsRequest) -> Result<Page<String>> {
                self.nothing_of_user(ctx, Op::Iam(IamOp::$op), input.user_name).await?;
                Ok(Page::whole($list, Vec::new()))
            }
        )*}
    };
}

nothing_of_users! {
    /// MFA devices.
    list_mfa_devices ListMFADevices "MFADevices";
    /// SSH keys.
    list_ssh_public_keys ListSSHPublicKeys "SSHPublicKeys";
    /// Credentials of single services.
    list_service_specific_credentials ListServiceSpecificCredentials "ServiceSpecificCredentials";
    /// X.509 certificates.
    list_signing_certificates ListSigningCertificates "Certificates";
}

impl Identity {
    /// The name of the user who is asked about, or of the root who asks: once the caller may ask and the user is there.
    async fn nothing_of_user(&self, ctx: &Ctx, op: Op, name: Option<String>) -> Result<String> {
        match self.whom(ctx, op, name).await? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let user = self.entity_for(ctx, op, named, policy::Context::new()).await?;
                Ok(user.name)
            }
            Whom::Root => Ok("root".to_owned()),
        }
    }

    /// MFA devices of the account. AWS's refusals name this resource, which has no user in it.
    pub async fn list_virtual_mfa_devices(
        &self,
        ctx: &Ctx,
        _input: ListUserThingsRequest,
    ) -> Result<Page<String>> {
        let gate = self.access.account_gate(ctx).await?;
        let arn = format!("arn:aws:iam::{}:mfa/", ctx.caller.account_id);
        gate.allow_on(Op::Iam(IamOp::ListVirtualMFADevices), &arn, policy::Context::new())?;
        Ok(Page::whole("VirtualMFADevices", Vec::new()))
    }

    /// Nobody has a password here.
    pub async fn get_login_profile(&self, ctx: &Ctx, input: GetUserRequest) -> Result<()> {
        self.no_login_profile(ctx, Op::Iam(IamOp::GetLoginProfile), input).await
    }

    /// Nobody has a password here.
    pub async fn delete_login_profile(&self, ctx: &Ctx, input: GetUserRequest) -> Result<()> {
        self.no_login_profile(ctx, Op::Iam(IamOp::DeleteLoginProfile), input).await
    }

    async fn no_login_profile(&self, ctx: &Ctx, op: Op, input: GetUserRequest) -> Result<()> {
        let name = self.nothing_of_user(ctx, op, input.user_name).await?;
        let message = format!("Login Profile for User {name} cannot be found.");
        Err(Error::aws(AwsCode::NoSuchEntity, message))
    }
}
