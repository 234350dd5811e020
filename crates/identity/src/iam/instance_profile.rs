//! Instance profiles, as records: Terraform and scripts make them beside roles.

use access::op::IamOp;
use aws::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, DeleteInstanceProfileRequest,
    GetInstanceProfileRequest, InstanceProfile, ListInstanceProfileTagsRequest,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesRequest, RemoveRoleFromInstanceProfileRequest,
    TagInstanceProfileRequest, UntagInstanceProfileRequest,
};
use aws::query::{One, Page};
use aws::service::Service;
use meta::{
    CreateInstanceProfile, CreateInstanceProfileRefusal, DeleteInstanceProfile, DeleteInstanceProfileRefusal,
    EntityKind, FindEntity, FindEntityById, FindInstanceProfile, ListInstanceProfiles,
    SetInstanceProfileRole, SetInstanceProfileRoleRefusal,
};

use super::tag::tag_keys;
use super::{no_such_entity, quota, quota_exceeded, request_tags, time};
use crate::Identity;
use access::authz::add_resource_tags;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

fn not_found(name: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Instance Profile {name} cannot be found."))
}

impl Identity {
    pub(super) async fn shown_profile(
        &self,
        ctx: &Ctx,
        profile: meta::InstanceProfile,
    ) -> Result<InstanceProfile> {
        let role = match profile.role {
            Some(unique_id) => self.access.meta.read(FindEntityById { unique_id }).await.or_store_error()?,
            None => None,
        };
        let role = match role {
            Some(role) => Some(self.shown_role(role, false).await?),
            None => None,
        };
        Ok(InstanceProfile {
            arn: profile_arn(ctx, &profile.path, &profile.name),
            tags: self.iam_tags(&profile.unique_id).await?,
            path: profile.path,
            name: profile.name,
            id: profile.unique_id,
            created_at: time(profile.created_at),
            role,
        })
    }

    /// Brings an operation on an instance profile to the gate, and then says whether it is there.
    async fn profile_for(
        &self,
        ctx: &Ctx,
        op: Op,
        name: &str,
        mut keys: policy::Context,
    ) -> Result<meta::InstanceProfile> {
        let gate = self.access.account_gate(ctx).await?;
        let find = FindInstanceProfile { account_id: ctx.caller.account_id.clone(), name: name.to_owned() };
        let found = self.access.meta.read(find).await.or_store_error()?;
        let arn = match &found {
            Some(profile) => {
                add_resource_tags(&mut keys, Service::Iam, &self.iam_tags(&profile.unique_id).await?);
                profile_arn(ctx, &profile.path, &profile.name)
            }
            None => profile_arn(ctx, "/", name),
        };
        gate.allow_on(op, &arn, keys)?;
        found.ok_or_else(|| not_found(name))
    }

    /// Makes an instance profile without a role.
    pub async fn create_instance_profile(
        &self,
        ctx: &Ctx,
        input: CreateInstanceProfileRequest,
    ) -> Result<One<InstanceProfile>> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let name = input.instance_profile_name;
        let arn = profile_arn(ctx, &path, &name);
        let tags = request_tags(&input.tags)?;
        gate.allow_on(Op::Iam(IamOp::CreateInstanceProfile), &arn, tags.clone())?;
        if !input.tags.is_empty() {
            gate.allow_on(Op::Iam(IamOp::TagInstanceProfile), &arn, tags)?;
        }
        let create = CreateInstanceProfile {
            account: self.access.account_key(&ctx.caller.account_id).await?,
            unique_id: unique_id("AIPA").map_err(Error::internal)?,
            path,
            name: name.clone(),
            tags: input.tags,
            limit: quota::INSTANCE_PROFILES,
            at: ctx.at(),
        };
        let made = self.access.meta.write(create).await.or_refused(|refusal| match refusal {
            CreateInstanceProfileRefusal::Exists => {
                let message = format!("Instance Profile {name} already exists.");
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
            CreateInstanceProfileRefusal::Limit => {
                quota_exceeded("InstanceProfilesPerAccount", quota::INSTANCE_PROFILES)
            }
        })?;
        Ok(One("InstanceProfile", self.shown_profile(ctx, made).await?))
    }

    /// Shows an instance profile with its role.
    pub async fn get_instance_profile(
        &self,
        ctx: &Ctx,
        input: GetInstanceProfileRequest,
    ) -> Result<One<InstanceProfile>> {
        let name = &input.instance_profile_name;
        let profile =
            self.profile_for(ctx, Op::Iam(IamOp::GetInstanceProfile), name, policy::Context::new()).await?;
        Ok(One("InstanceProfile", self.shown_profile(ctx, profile).await?))
    }

    /// Lists instance profiles by name.
    pub async fn list_instance_profiles(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfilesRequest,
    ) -> Result<Page<InstanceProfile>> {
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let arn = format!("arn:aws:iam::{}:instance-profile{prefix}", ctx.caller.account_id);
        self.access.account_gate(ctx).await?.allow_on(
            Op::Iam(IamOp::ListInstanceProfiles),
            &arn,
            policy::Context::new(),
        )?;
        self.page_of_profiles(ctx, None, prefix, (input.marker.as_deref(), input.max_items)).await
    }

    /// Lists the instance profiles that hold a role.
    pub async fn list_instance_profiles_for_role(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfilesForRoleRequest,
    ) -> Result<Page<InstanceProfile>> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self
            .entity_for(ctx, Op::Iam(IamOp::ListInstanceProfilesForRole), named, policy::Context::new())
            .await?;
        let page = (input.marker.as_deref(), input.max_items);
        self.page_of_profiles(ctx, Some(role.unique_id), "/".to_owned(), page).await
    }

    async fn page_of_profiles(
        &self,
        ctx: &Ctx,
        role: Option<String>,
        path_prefix: String,
        (marker, max): (Option<&str>, Option<i64>),
    ) -> Result<Page<InstanceProfile>> {
        let account_id = ctx.caller.account_id.clone();
        let of = role.as_deref().unwrap_or("any");
        let page = self.page_of(format!("profiles {account_id} {of} {path_prefix}"), marker, max)?;
        let (after, limit) = (page.after.clone(), page.limit + 1);
        let list = ListInstanceProfiles { account_id, role, path_prefix, after, limit };
        let mut profiles = self.access.meta.read(list).await.or_store_error()?;
        let marker = self.cut(&page, &mut profiles, |profile| profile.name.to_ascii_lowercase())?;
        let mut items = Vec::with_capacity(profiles.len());
        for profile in profiles {
            items.push(InstanceProfile { tags: Vec::new(), ..self.shown_profile(ctx, profile).await? });
        }
        Ok(Page { name: "InstanceProfiles", items, marker })
    }

    /// Deletes an instance profile without a role.
    pub async fn delete_instance_profile(
        &self,
        ctx: &Ctx,
        input: DeleteInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::DeleteInstanceProfile), &name, policy::Context::new())
            .await?;
        let delete = DeleteInstanceProfile { unique_id: profile.unique_id };
        self.access.meta.write(delete).await.or_refused(|refusal| match refusal {
            DeleteInstanceProfileRefusal::Gone => not_found(&name),
            DeleteInstanceProfileRefusal::HasRole => {
                let message = "Cannot delete entity, must remove roles from instance profile first.";
                Error::aws(AwsCode::DeleteConflict, message)
            }
        })
    }

    /// Puts a role into an instance profile, which holds at most one. IAM wants leave to pass the role as well.
    pub async fn add_role_to_instance_profile(
        &self,
        ctx: &Ctx,
        input: AddRoleToInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::AddRoleToInstanceProfile), &name, policy::Context::new())
            .await?;
        let named = (EntityKind::Role, input.role_name.as_str());
        let to_ec2 = policy::Context::new().with("iam:PassedToService", "ec2.amazonaws.com");
        let role = self.entity_for(ctx, Op::Iam(IamOp::PassRole), named, to_ec2).await?;
        let set = SetInstanceProfileRole { unique_id: profile.unique_id, role: Some(role.unique_id) };
        self.access.meta.write(set).await.or_refused(|refusal| match refusal {
            SetInstanceProfileRoleRefusal::Gone => not_found(&name),
            SetInstanceProfileRoleRefusal::RoleGone => no_such_entity(EntityKind::Role, &role.name),
            SetInstanceProfileRoleRefusal::Full => quota_exceeded("InstanceSessionsPerInstanceProfile", 1),
        })
    }

    /// Takes the role out of an instance profile.
    pub async fn remove_role_from_instance_profile(
        &self,
        ctx: &Ctx,
        input: RemoveRoleFromInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::RemoveRoleFromInstanceProfile), &name, policy::Context::new())
            .await?;
        let account_id = ctx.caller.account_id.clone();
        let find = FindEntity { account_id, kind: EntityKind::Role, name: input.role_name.clone() };
        let role = self.access.meta.read(find).await.or_store_error()?;
        if role.is_none_or(|role| profile.role.as_ref() != Some(&role.unique_id)) {
            return Err(no_such_entity(EntityKind::Role, &input.role_name));
        }
        let set = SetInstanceProfileRole { unique_id: profile.unique_id, role: None };
        self.access.meta.write(set).await.or_refused(|_| not_found(&name))
    }

    /// Sets tags of an instance profile.
    pub async fn tag_instance_profile(&self, ctx: &Ctx, input: TagInstanceProfileRequest) -> Result<()> {
        let keys = request_tags(&input.tags)?;
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::TagInstanceProfile), &input.instance_profile_name, keys)
            .await?;
        self.set_tags(profile.unique_id, input.tags).await
    }

    /// Removes tags of an instance profile.
    pub async fn untag_instance_profile(&self, ctx: &Ctx, input: UntagInstanceProfileRequest) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::UntagInstanceProfile), &input.instance_profile_name, keys)
            .await?;
        self.remove_tags(profile.unique_id, input.tag_keys).await
    }

    /// Lists tags of an instance profile.
    pub async fn list_instance_profile_tags(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfileTagsRequest,
    ) -> Result<Page<(String, String)>> {
        let name = &input.instance_profile_name;
        let profile = self
            .profile_for(ctx, Op::Iam(IamOp::ListInstanceProfileTags), name, policy::Context::new())
            .await?;
        self.page_of_tags(&profile.unique_id, input.marker.as_deref(), input.max_items).await
    }
}

fn profile_arn(ctx: &Ctx, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:instance-profile{path}{name}", ctx.caller.account_id)
}
