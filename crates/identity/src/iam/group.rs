//! Groups and their members.

use access::context::Ctx;
use access::error::{Error, Result};
use access::ids::unique_id;
use access::op::iam;
use access::permit::{Grant, OnResource, Opens, Permit, ResourceKey};
use access::store::{
    AddToGroup, AddToGroupRefusal, CreateEntity, Entity, EntityKind, FindEntity, ListEntities,
    RefusedExt as _, RemoveFromGroup,
};
use aws::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, GetGroupRequest,
    GetGroupResponse, Group, ListGroupsRequest, ListGroupsResponse, RemoveUserFromGroupRequest,
    UpdateGroupRequest,
};

use super::entity::{create_entity, delete_entity, linked, own_entity_at, rename_entity};
use super::{arn_of, entity_arn, no_such_entity, time};
use crate::Identity;

pub(super) fn shown(entity: Entity) -> Group {
    Group {
        arn: arn_of(&entity),
        path: entity.path,
        group_name: entity.name,
        group_id: entity.unique_id,
        create_date: time(entity.created_at).into(),
    }
}

/// The user to add to a group or to remove from it.
async fn member<E>(permit: &Permit<E>, name: &str) -> Result<Entity>
where
    E: Grant<On = OnResource> + Opens<FindEntity>,
{
    let account_id = permit.account().clone();
    let find = |_| FindEntity { account_id, kind: EntityKind::User, name: name.to_owned() };
    permit.read(find).await?.ok_or_else(|| no_such_entity(EntityKind::User, name))
}

impl Identity {
    pub async fn create_group(&self, ctx: &Ctx, input: CreateGroupRequest) -> Result<CreateGroupResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let arn = entity_arn(&ctx.caller.account_id, EntityKind::Group, &path, &input.group_name);
        let permit = gate.permit_on::<iam::CreateGroup>(&arn, policy::Context::new())?;
        let create = CreateEntity {
            account: permit.account_key().await?,
            kind: EntityKind::Group,
            unique_id: unique_id("AGPA").map_err(Error::internal)?,
            path,
            name: input.group_name,
            boundary: None,
            role: None,
            tags: Vec::new(),
            limit: self.access.quotas().groups_per_account.limit(),
            at: ctx.at(),
        };
        let made = create_entity(&permit, create, "Group", &self.access.quotas().groups_per_account).await?;
        Ok(CreateGroupResponse { group: shown(made) })
    }

    /// Shows a group with a page of its users.
    pub async fn get_group(&self, ctx: &Ctx, input: GetGroupRequest) -> Result<GetGroupResponse> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group = self.entity_for::<iam::GetGroup>(ctx, named, policy::Context::new()).await?;
        let unique_id = &group.on.unique_id;
        let page = self.page_of(format!("users of {unique_id}"), input.marker.as_deref(), input.max_items)?;
        let mut users = linked(&group.permit, unique_id, &page.after, page.limit + 1).await?;
        let marker = self.cut(&page, &mut users, |user| user.name.to_ascii_lowercase())?;
        let users = users.into_iter().map(|user| super::user::shown(user, Vec::new())).collect();
        Ok(GetGroupResponse { group: shown(group.on), users, is_truncated: marker.is_some(), marker })
    }

    /// Lists groups by name.
    pub async fn list_groups(&self, ctx: &Ctx, input: ListGroupsRequest) -> Result<ListGroupsResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = &ctx.caller.account_id;
        let arn = format!("arn:aws:iam::{account_id}:group{prefix}");
        let permit = gate.permit_on::<iam::ListGroups>(&arn, policy::Context::new())?;
        let page =
            self.page_of(format!("groups {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = |account_id| ListEntities {
            account_id,
            kind: EntityKind::Group,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut groups = permit.read(list).await?;
        let marker = self.cut(&page, &mut groups, |group| group.name.to_ascii_lowercase())?;
        let groups = groups.into_iter().map(shown).collect();
        Ok(ListGroupsResponse { groups, is_truncated: marker.is_some(), marker })
    }

    /// Renames a group or changes its path.
    pub async fn update_group(&self, ctx: &Ctx, input: UpdateGroupRequest) -> Result<()> {
        let gate = self.access.account_gate(ctx).await?;
        let named = (EntityKind::Group, input.group_name.as_str());
        let old = own_entity_at::<iam::UpdateGroup>(&gate, named, policy::Context::new()).await?;
        let (permit, group) = (old.permit, old.on);
        let shown_path = input.new_path.as_deref().unwrap_or("/");
        let shown_name = input.new_group_name.as_deref().unwrap_or(&input.group_name);
        let shown = entity_arn(&group.account_id, EntityKind::Group, shown_path, shown_name);
        let path = input.new_path.unwrap_or(group.path);
        let name = input.new_group_name.unwrap_or(group.name);
        // IAM requires the permission on both names.
        let arn = entity_arn(&group.account_id, EntityKind::Group, &path, &name);
        gate.permit_shown_as::<iam::UpdateGroup>(&arn, &shown, policy::Context::new())?;
        rename_entity(&permit, (path, name), EntityKind::Group, "Group").await
    }

    /// Deletes a group that is not in use.
    pub async fn delete_group(&self, ctx: &Ctx, input: DeleteGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group = self.own_entity_for::<iam::DeleteGroup>(ctx, named, policy::Context::new()).await?;
        delete_entity(&group.permit, &group.on.name, EntityKind::Group).await
    }

    pub async fn add_user_to_group(&self, ctx: &Ctx, input: AddUserToGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let found = self.own_entity_for::<iam::AddUserToGroup>(ctx, named, policy::Context::new()).await?;
        let (permit, group) = (found.permit, found.on);
        let user = member(&permit, &input.user_name).await?;
        let limit = self.access.quotas().groups_per_user.limit();
        let add = |key: ResourceKey| AddToGroup { group_id: key.id, user_id: user.unique_id, limit };
        permit.write(add).await.or_refused(|refusal| match refusal {
            AddToGroupRefusal::Limit => self.access.quotas().groups_per_user.exceeded(),
            AddToGroupRefusal::UserGone => no_such_entity(EntityKind::User, &user.name),
            AddToGroupRefusal::GroupGone => no_such_entity(EntityKind::Group, &group.name),
        })
    }

    pub async fn remove_user_from_group(&self, ctx: &Ctx, input: RemoveUserFromGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let keys = policy::Context::new();
        let group = self.own_entity_for::<iam::RemoveUserFromGroup>(ctx, named, keys).await?;
        let user = member(&group.permit, &input.user_name).await?;
        let remove = |key: ResourceKey| RemoveFromGroup { group_id: key.id, user_id: user.unique_id };
        group.permit.write(remove).await.or_refused(|_| no_such_entity(EntityKind::User, &user.name))
    }
}
