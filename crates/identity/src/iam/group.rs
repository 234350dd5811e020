//! Groups and their members.

use access::op::IamOp;
use aws::iam::{
    AddUserToGroupRequest, CreateGroupRequest, DeleteGroupRequest, GetGroupRequest, Group, GroupMembers,
    ListGroupsRequest, RemoveUserFromGroupRequest, UpdateGroupRequest,
};
use aws::query::{One, Page};
use meta::{
    AddToGroup, AddToGroupRefusal, CreateEntity, Entity, EntityKind, FindEntity, ListEntities,
    RemoveFromGroup, RenameEntity,
};

use super::{arn_of, entity_arn, no_such_entity, quota, quota_exceeded, time};
use crate::Identity;
use access::context::Ctx;
use access::error::{Error, Result};
use access::ids::unique_id;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

pub(super) fn shown(entity: Entity) -> Group {
    Group {
        arn: arn_of(&entity),
        path: entity.path,
        name: entity.name,
        id: entity.unique_id,
        created_at: time(entity.created_at),
    }
}

impl Identity {
    /// Makes a group.
    pub async fn create_group(&self, ctx: &Ctx, input: CreateGroupRequest) -> Result<One<Group>> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        let arn = entity_arn(&account_id, EntityKind::Group, &path, &input.group_name);
        gate.allow_on(Op::Iam(IamOp::CreateGroup), &arn, policy::Context::new())?;
        let create = CreateEntity {
            account: self.access.account_key(&account_id).await?,
            kind: EntityKind::Group,
            unique_id: unique_id("AGPA").map_err(Error::internal)?,
            path,
            name: input.group_name,
            boundary: None,
            role: None,
            tags: Vec::new(),
            limit: quota::GROUPS,
            at: ctx.at(),
        };
        let made = self.create_entity(create, "Group", ("GroupsPerAccount", quota::GROUPS)).await?;
        Ok(One("Group", shown(made)))
    }

    /// Shows a group with a page of its users.
    pub async fn get_group(&self, ctx: &Ctx, input: GetGroupRequest) -> Result<GroupMembers> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group = self.entity_for(ctx, Op::Iam(IamOp::GetGroup), named, policy::Context::new()).await?;
        let page =
            self.page_of(format!("users of {}", group.unique_id), input.marker.as_deref(), input.max_items)?;
        let mut users = self.linked(&group.unique_id, &page.after, page.limit + 1).await?;
        let marker = self.cut(&page, &mut users, |user| user.name.to_ascii_lowercase())?;
        let items = users.into_iter().map(|user| super::user::shown(user, Vec::new())).collect();
        Ok(GroupMembers { group: shown(group), users: Page { name: "Users", items, marker } })
    }

    /// Lists groups by name.
    pub async fn list_groups(&self, ctx: &Ctx, input: ListGroupsRequest) -> Result<Page<Group>> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        gate.allow_on(
            Op::Iam(IamOp::ListGroups),
            &format!("arn:aws:iam::{account_id}:group{prefix}"),
            policy::Context::new(),
        )?;
        let page =
            self.page_of(format!("groups {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = ListEntities {
            account_id,
            kind: EntityKind::Group,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut groups = self.access.meta.read(list).await.or_store_error()?;
        let marker = self.cut(&page, &mut groups, |group| group.name.to_ascii_lowercase())?;
        Ok(Page { name: "Groups", items: groups.into_iter().map(shown).collect(), marker })
    }

    /// Renames or moves a group.
    pub async fn update_group(&self, ctx: &Ctx, input: UpdateGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group =
            self.own_entity_for(ctx, Op::Iam(IamOp::UpdateGroup), named, policy::Context::new()).await?;
        let path = input.new_path.unwrap_or(group.path);
        let name = input.new_group_name.unwrap_or(group.name);
        let arn = entity_arn(&group.account_id, EntityKind::Group, &path, &name);
        self.access.account_gate(ctx).await?.allow_on(
            Op::Iam(IamOp::UpdateGroup),
            &arn,
            policy::Context::new(),
        )?;
        self.rename_entity(
            RenameEntity { unique_id: group.unique_id, path, name },
            EntityKind::Group,
            "Group",
        )
        .await
    }

    /// Deletes a group that has nothing left.
    pub async fn delete_group(&self, ctx: &Ctx, input: DeleteGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group =
            self.own_entity_for(ctx, Op::Iam(IamOp::DeleteGroup), named, policy::Context::new()).await?;
        self.delete_entity(group, EntityKind::Group).await
    }

    async fn member(&self, ctx: &Ctx, name: &str) -> Result<Entity> {
        let account_id = ctx.caller.account_id.clone();
        let find = FindEntity { account_id, kind: EntityKind::User, name: name.to_owned() };
        self.access
            .meta
            .read(find)
            .await
            .or_store_error()?
            .ok_or_else(|| no_such_entity(EntityKind::User, name))
    }

    /// Puts a user into a group.
    pub async fn add_user_to_group(&self, ctx: &Ctx, input: AddUserToGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group =
            self.own_entity_for(ctx, Op::Iam(IamOp::AddUserToGroup), named, policy::Context::new()).await?;
        let user = self.member(ctx, &input.user_name).await?;
        let limit = quota::GROUPS_PER_USER;
        let add = AddToGroup { group_id: group.unique_id, user_id: user.unique_id, limit };
        self.access.meta.write(add).await.or_refused(|refusal| match refusal {
            AddToGroupRefusal::Limit => quota_exceeded("GroupsPerUser", limit),
            AddToGroupRefusal::UserGone => no_such_entity(EntityKind::User, &user.name),
            AddToGroupRefusal::GroupGone => no_such_entity(EntityKind::Group, &group.name),
        })
    }

    /// Takes a user out of a group.
    pub async fn remove_user_from_group(&self, ctx: &Ctx, input: RemoveUserFromGroupRequest) -> Result<()> {
        let named = (EntityKind::Group, input.group_name.as_str());
        let group = self
            .own_entity_for(ctx, Op::Iam(IamOp::RemoveUserFromGroup), named, policy::Context::new())
            .await?;
        let user = self.member(ctx, &input.user_name).await?;
        let remove = RemoveFromGroup { group_id: group.unique_id, user_id: user.unique_id };
        self.access.meta.write(remove).await.or_refused(|_| no_such_entity(EntityKind::User, &user.name))
    }
}
