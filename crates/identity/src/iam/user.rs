//! Users.

use access::authz::Gate;
use access::context::{CallerKind, Ctx};
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::{Effect, iam};
use access::permit::{Of, OnAccount, Permit};
use access::store::{CreateEntity, Entity, EntityKind, ListEntities};
use aws::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserPermissionsBoundaryRequest, DeleteUserRequest,
    GetUserRequest, GetUserResponse, ListGroupsForUserRequest, ListGroupsResponse, ListUsersRequest,
    ListUsersResponse, PutUserPermissionsBoundaryRequest, UpdateUserRequest, User,
};

use super::attachment::check_boundary;
use super::entity::{
    boundary_key, create_entity, delete_entity, entity_at, linked, own_entity_at, rename_entity, set_boundary,
};
use super::{arn_of, entity_arn, request_tags, shown_boundary, shown_tags, stored_tags, time};
use crate::Identity;

/// A user in a list, without tags and boundary.
pub(super) fn listed_user(user: Entity) -> User {
    shown(Entity { boundary: None, ..user }, Vec::new())
}

pub(super) fn shown(entity: Entity, tags: Vec<(String, String)>) -> User {
    User {
        arn: arn_of(&entity),
        path: entity.path,
        user_name: entity.name,
        user_id: entity.unique_id,
        create_date: time(entity.created_at).into(),
        password_last_used: None,
        permissions_boundary: shown_boundary(entity.boundary),
        tags: shown_tags(tags),
    }
}

/// The root of the caller's account, as in the response of GetUser.
fn root(ctx: &Ctx) -> User {
    User {
        path: "/".to_owned(),
        user_name: "root".to_owned(),
        user_id: ctx.caller.account_id.to_string(),
        arn: ctx.caller.arn.clone(),
        ..User::default()
    }
}

/// The user of an operation whose user name is optional.
pub(super) enum Whom<E: Effect<On = OnAccount>> {
    /// A user. The gate has not decided yet.
    User(String),
    /// The caller is the root, and the gate has allowed the operation.
    Root(Permit<Of<E>>),
}

/// The named user; without a name, the caller. No policy limits a root, so the gate decides on it here: IAM does not
/// accept temporary sessions of a root.
pub(super) fn whom<E: Effect<On = OnAccount>>(gate: &Gate, name: Option<String>) -> Result<Whom<E>> {
    if let Some(name) = name {
        return Ok(Whom::User(name));
    }
    let caller = gate.caller();
    if let CallerKind::User { name, .. } = &caller.kind {
        return Ok(Whom::User(name.clone()));
    }
    let permit = gate.permit_caller::<E>()?;
    if caller.kind == CallerKind::Root {
        return Ok(Whom::Root(permit));
    }
    let message = "Must specify userName when calling with non-User credentials";
    Err(Error::aws(AwsCode::ValidationError, message))
}

impl Identity {
    pub async fn create_user(&self, ctx: &Ctx, input: CreateUserRequest) -> Result<CreateUserResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let arn = entity_arn(&ctx.caller.account_id, EntityKind::User, &path, &input.user_name);
        let stored = stored_tags(input.tags);
        let tags = request_tags(&stored)?;
        let keys = tags.clone().and(boundary_key(input.permissions_boundary.as_deref()));
        let permit = gate.permit_on::<iam::CreateUser>(&arn, keys)?;
        if !stored.is_empty() {
            gate.permit_on::<iam::TagUser>(&arn, tags)?;
        }
        if let Some(boundary) = &input.permissions_boundary {
            check_boundary(permit.account(), boundary)?;
        }
        let create = CreateEntity {
            account: permit.account_key().await?,
            kind: EntityKind::User,
            unique_id: unique_id("AIDA").map_err(Error::internal)?,
            path,
            name: input.user_name.clone(),
            boundary: input.permissions_boundary.clone(),
            role: None,
            tags: stored.clone(),
            limit: self.access.quotas().users_per_account.limit(),
            at: ctx.at(),
        };
        let made = create_entity(&permit, create, "User", &self.access.quotas().users_per_account).await?;
        Ok(CreateUserResponse { user: shown(made, stored) })
    }

    /// Shows a user; without a name, the caller.
    pub async fn get_user(&self, ctx: &Ctx, input: GetUserRequest) -> Result<GetUserResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let Whom::User(name) = whom::<iam::GetUser>(&gate, input.user_name)? else {
            return Ok(GetUserResponse { user: root(ctx) });
        };
        let named = (EntityKind::User, name.as_str());
        let user = entity_at::<iam::GetUser>(&gate, named, policy::Context::new()).await?;
        Ok(GetUserResponse { user: shown(user.on, user.tags) })
    }

    /// Lists users by name.
    pub async fn list_users(&self, ctx: &Ctx, input: ListUsersRequest) -> Result<ListUsersResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = &ctx.caller.account_id;
        let arn = format!("arn:aws:iam::{account_id}:user{prefix}");
        let permit = gate.permit_on::<iam::ListUsers>(&arn, policy::Context::new())?;
        let page =
            self.page_of(format!("users {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = |account_id| ListEntities {
            account_id,
            kind: EntityKind::User,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut users = permit.read(list).await?;
        let marker = self.cut(&page, &mut users, |user| user.name.to_ascii_lowercase())?;
        let users = users.into_iter().map(listed_user).collect();
        Ok(ListUsersResponse { users, is_truncated: marker.is_some(), marker })
    }

    /// Renames a user or changes its path. Its unique ID and its permissions do not change.
    pub async fn update_user(&self, ctx: &Ctx, input: UpdateUserRequest) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let named = (EntityKind::User, input.user_name.as_str());
        let old = own_entity_at::<iam::UpdateUser>(&gate, named, policy::Context::new()).await?;
        let (permit, user) = (old.permit, old.on);
        let shown_path = input.new_path.as_deref().unwrap_or("/");
        let shown_name = input.new_user_name.as_deref().unwrap_or(&input.user_name);
        let shown = entity_arn(&user.account_id, EntityKind::User, shown_path, shown_name);
        let path = input.new_path.unwrap_or_else(|| user.path.clone());
        let name = input.new_user_name.unwrap_or_else(|| user.name.clone());
        if (&path, &name) != (&user.path, &user.name) {
            // IAM requires the permission on both names.
            let arn = entity_arn(&user.account_id, EntityKind::User, &path, &name);
            gate.permit_shown_as::<iam::UpdateUser>(&arn, &shown, policy::Context::new())?;
        }
        rename_entity(&permit, (path, name), EntityKind::User, "User").await
    }

    /// Deletes a user that is not in use.
    pub async fn delete_user(&self, ctx: &Ctx, input: DeleteUserRequest) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let user = self.own_entity_for::<iam::DeleteUser>(ctx, named, policy::Context::new()).await?;
        delete_entity(&user.permit, &user.on.name, EntityKind::User).await
    }

    /// Sets the permissions boundary of a user.
    pub async fn put_user_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: PutUserPermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let keys = boundary_key(Some(&input.permissions_boundary));
        let user = self.own_entity_for::<iam::PutUserPermissionsBoundary>(ctx, named, keys).await?;
        set_boundary(&user.permit, Some(input.permissions_boundary)).await
    }

    /// Removes the permissions boundary of a user.
    pub async fn delete_user_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: DeleteUserPermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::User, input.user_name.as_str());
        let keys = policy::Context::new();
        let user = self.own_entity_for::<iam::DeleteUserPermissionsBoundary>(ctx, named, keys).await?;
        set_boundary(&user.permit, None).await
    }

    /// The groups of a user.
    pub async fn list_groups_for_user(
        &self,
        ctx: &Ctx,
        input: ListGroupsForUserRequest,
    ) -> Result<ListGroupsResponse> {
        let named = (EntityKind::User, input.user_name.as_str());
        let keys = policy::Context::new();
        let user = self.entity_for::<iam::ListGroupsForUser>(ctx, named, keys).await?;
        let unique_id = &user.on.unique_id;
        let page =
            self.page_of(format!("groups of {unique_id}"), input.marker.as_deref(), input.max_items)?;
        let mut groups = linked(&user.permit, unique_id, &page.after, page.limit + 1).await?;
        let marker = self.cut(&page, &mut groups, |group| group.name.to_ascii_lowercase())?;
        let groups = groups.into_iter().map(super::group::shown).collect();
        Ok(ListGroupsResponse { groups, is_truncated: marker.is_some(), marker })
    }
}
