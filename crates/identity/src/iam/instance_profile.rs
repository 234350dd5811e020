//! Instance profiles. They are only records: Terraform and scripts create them with roles.

use access::authz::{Gate, add_resource_tags};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::{Effect, iam};
use access::permit::{Asked, Grant, OnAccount, Opens, Permit, ResourceKey};
use access::quota;
use access::store::{
    CreateInstanceProfile, CreateInstanceProfileRefusal, DeleteInstanceProfile, DeleteInstanceProfileRefusal,
    EntityKind, FindEntity, FindEntityById, FindNamedPrincipals, InstanceProfile as Profile,
    ListInstanceProfiles, RefusedExt as _, SetInstanceProfileRole, SetInstanceProfileRoleRefusal,
};
use aws::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    DeleteInstanceProfileRequest, GetInstanceProfileRequest, GetInstanceProfileResponse, InstanceProfile,
    ListInstanceProfileTagsRequest, ListInstanceProfilesForRoleRequest, ListInstanceProfilesRequest,
    ListInstanceProfilesResponse, ListTagsResponse, RemoveRoleFromInstanceProfileRequest, Role,
    TagInstanceProfileRequest, UntagInstanceProfileRequest,
};
use aws::ids::AccountId;
use aws::service::Service;

use super::entity::entity_at;
use super::role::listed_role;
use super::tag::{remove_tags, set_tags, tag_keys};
use super::{PageOf, Permitted, iam_tags, no_such_entity, request_tags, shown_tags, stored_tags, time};
use crate::Identity;

fn not_found(name: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Instance Profile {name} cannot be found."))
}

pub(super) fn shown_profile(
    account_id: &AccountId,
    profile: Profile,
    role: Option<Role>,
    tags: Vec<(String, String)>,
) -> InstanceProfile {
    InstanceProfile {
        arn: profile_arn(account_id, &profile.path, &profile.name),
        tags: shown_tags(tags),
        path: profile.path,
        instance_profile_name: profile.name,
        instance_profile_id: profile.unique_id,
        create_date: time(profile.created_at).into(),
        roles: role.into_iter().collect(),
    }
}

/// The role of a profile, as in responses.
async fn role_of<E>(permit: &Permit<E>, profile: &Profile) -> Result<Option<Role>>
where
    E: Opens<FindEntityById> + Opens<FindNamedPrincipals>,
{
    let Some(unique_id) = profile.role.clone() else { return Ok(None) };
    match permit.read(|_| FindEntityById { unique_id }).await? {
        Some(role) => listed_role(permit, role).await.map(Some),
        None => Ok(None),
    }
}

/// Decides on an operation on an instance profile, and then returns an error if it does not exist. A denial shows the
/// name as the request spells it, without the profile's path.
async fn profile_at<E: Effect<On = OnAccount>>(
    gate: &Gate,
    name: &str,
    mut keys: policy::Context,
) -> Result<Permitted<E, Profile>> {
    let account_id = &gate.caller().account_id;
    let found = gate.find_instance_profile(name).await?;
    let mut tags = Vec::new();
    let shown = profile_arn(account_id, "/", name);
    if let Some(profile) = &found {
        tags = iam_tags(gate, &profile.unique_id).await?;
        add_resource_tags(&mut keys, Service::Iam, &tags);
    }
    let permit = gate.permit_found::<E, _>(found.as_ref(), &shown, keys)?;
    let (permit, on) = permit.zip(found).ok_or_else(|| not_found(name))?;
    Ok(Permitted { permit, on: on.into_row(), tags })
}

/// The start and the maximum length of a page of profiles, and its filters.
struct Listed {
    page: PageOf,
    role: Option<String>,
    path_prefix: String,
}

async fn profiles<E>(permit: &Permit<E>, listed: &Listed) -> Result<Vec<Profile>>
where
    E: Grant<On: Asked> + Opens<ListInstanceProfiles>,
{
    let list = |_| ListInstanceProfiles {
        account_id: permit.account().clone(),
        role: listed.role.clone(),
        path_prefix: listed.path_prefix.clone(),
        after: listed.page.after.clone(),
        limit: listed.page.limit + 1,
    };
    permit.read(list).await
}

impl Identity {
    /// `profile_at` with its own gate.
    async fn profile_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: &str,
        keys: policy::Context,
    ) -> Result<Permitted<E, Profile>> {
        profile_at(&self.access.account_gate(ctx).await?, name, keys).await
    }

    /// Creates an instance profile without a role.
    pub async fn create_instance_profile(
        &self,
        ctx: &Ctx,
        input: CreateInstanceProfileRequest,
    ) -> Result<CreateInstanceProfileResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let name = input.instance_profile_name;
        let arn = profile_arn(&ctx.caller.account_id, &path, &name);
        let stored = stored_tags(input.tags);
        let tags = request_tags(&stored)?;
        let permit = gate.permit_on::<iam::CreateInstanceProfile>(&arn, tags.clone())?;
        if !stored.is_empty() {
            gate.permit_on::<iam::TagInstanceProfile>(&arn, tags)?;
        }
        let create = CreateInstanceProfile {
            account: permit.account_key().await?,
            unique_id: unique_id("AIPA").map_err(Error::internal)?,
            path,
            name: name.clone(),
            tags: stored.clone(),
            limit: self.access.quotas().instance_profiles_per_account.limit(),
            at: ctx.at(),
        };
        let made = permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateInstanceProfileRefusal::Exists => {
                let message = format!("Instance Profile {name} already exists.");
                Error::aws(AwsCode::EntityAlreadyExists, message)
            }
            CreateInstanceProfileRefusal::Limit => {
                self.access.quotas().instance_profiles_per_account.exceeded()
            }
        })?;
        let instance_profile = shown_profile(permit.account(), made, None, stored);
        Ok(CreateInstanceProfileResponse { instance_profile })
    }

    /// Shows an instance profile with its role.
    pub async fn get_instance_profile(
        &self,
        ctx: &Ctx,
        input: GetInstanceProfileRequest,
    ) -> Result<GetInstanceProfileResponse> {
        let keys = policy::Context::new();
        let name = &input.instance_profile_name;
        let found = self.profile_for::<iam::GetInstanceProfile>(ctx, name, keys).await?;
        let role = role_of(&found.permit, &found.on).await?;
        let instance_profile = shown_profile(found.permit.account(), found.on, role, found.tags);
        Ok(GetInstanceProfileResponse { instance_profile })
    }

    /// Lists instance profiles by name.
    pub async fn list_instance_profiles(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfilesRequest,
    ) -> Result<ListInstanceProfilesResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let arn = format!("arn:aws:iam::{}:instance-profile{prefix}", ctx.caller.account_id);
        let permit = gate.permit_on::<iam::ListInstanceProfiles>(&arn, policy::Context::new())?;
        let listed =
            self.listed(permit.account(), None, prefix, (input.marker.as_deref(), input.max_items))?;
        let mut found = profiles(&permit, &listed).await?;
        let marker = self.cut(&listed.page, &mut found, folded_name)?;
        let mut instance_profiles = Vec::with_capacity(found.len());
        for profile in found {
            let role = role_of(&permit, &profile).await?;
            instance_profiles.push(shown_profile(permit.account(), profile, role, Vec::new()));
        }
        Ok(ListInstanceProfilesResponse { instance_profiles, is_truncated: marker.is_some(), marker })
    }

    /// Lists the instance profiles that hold a role.
    pub async fn list_instance_profiles_for_role(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfilesForRoleRequest,
    ) -> Result<ListInstanceProfilesResponse> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = policy::Context::new();
        let role = self.entity_for::<iam::ListInstanceProfilesForRole>(ctx, named, keys).await?;
        let permit = role.permit;
        let page = (input.marker.as_deref(), input.max_items);
        let unique_id = Some(role.on.unique_id.clone());
        let listed = self.listed(permit.account(), unique_id, "/".to_owned(), page)?;
        let mut found = profiles(&permit, &listed).await?;
        let marker = self.cut(&listed.page, &mut found, folded_name)?;
        let role = listed_role(&permit, role.on).await?;
        let shown = |profile| shown_profile(permit.account(), profile, Some(role.clone()), Vec::new());
        let instance_profiles = found.into_iter().map(shown).collect();
        Ok(ListInstanceProfilesResponse { instance_profiles, is_truncated: marker.is_some(), marker })
    }

    fn listed(
        &self,
        account_id: &AccountId,
        role: Option<String>,
        path_prefix: String,
        (marker, max): (Option<&str>, Option<u32>),
    ) -> Result<Listed> {
        let of = role.as_deref().unwrap_or("any");
        let page = self.page_of(format!("profiles {account_id} {of} {path_prefix}"), marker, max)?;
        Ok(Listed { page, role, path_prefix })
    }

    /// Deletes an instance profile without a role.
    pub async fn delete_instance_profile(
        &self,
        ctx: &Ctx,
        input: DeleteInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let keys = policy::Context::new();
        let profile = self.profile_for::<iam::DeleteInstanceProfile>(ctx, &name, keys).await?;
        let delete = |key: ResourceKey| DeleteInstanceProfile { unique_id: key.id };
        profile.permit.write(delete).await.or_refused(|refusal| match refusal {
            DeleteInstanceProfileRefusal::Gone => not_found(&name),
            DeleteInstanceProfileRefusal::HasRole => {
                let message = "Cannot delete entity, must remove roles from instance profile first.";
                Error::aws(AwsCode::DeleteConflict, message)
            }
        })
    }

    /// Adds a role to an instance profile, which has at most one. IAM also requires the permission to pass the role.
    pub async fn add_role_to_instance_profile(
        &self,
        ctx: &Ctx,
        input: AddRoleToInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let gate = self.access.account_gate(ctx).await?;
        let profile =
            profile_at::<iam::AddRoleToInstanceProfile>(&gate, &name, policy::Context::new()).await?;
        let named = (EntityKind::Role, input.role_name.as_str());
        let to_ec2 = policy::Context::new().with("iam:PassedToService", "ec2.amazonaws.com");
        let role = entity_at::<iam::PassRole>(&gate, named, to_ec2).await?.on;
        let set = |key: ResourceKey| SetInstanceProfileRole { unique_id: key.id, role: Some(role.unique_id) };
        profile.permit.write(set).await.or_refused(|refusal| match refusal {
            SetInstanceProfileRoleRefusal::Gone => not_found(&name),
            SetInstanceProfileRoleRefusal::RoleGone => no_such_entity(EntityKind::Role, &role.name),
            SetInstanceProfileRoleRefusal::Full => quota::ROLES_PER_INSTANCE_PROFILE.exceeded(),
        })
    }

    /// Removes the role from an instance profile.
    pub async fn remove_role_from_instance_profile(
        &self,
        ctx: &Ctx,
        input: RemoveRoleFromInstanceProfileRequest,
    ) -> Result<()> {
        let name = input.instance_profile_name;
        let keys = policy::Context::new();
        let found = self.profile_for::<iam::RemoveRoleFromInstanceProfile>(ctx, &name, keys).await?;
        let (permit, profile) = (found.permit, found.on);
        let account_id = permit.account().clone();
        let find = |_| FindEntity { account_id, kind: EntityKind::Role, name: input.role_name.clone() };
        let role = permit.read(find).await?;
        if role.is_none_or(|role| profile.role.as_ref() != Some(&role.unique_id)) {
            return Err(no_such_entity(EntityKind::Role, &input.role_name));
        }
        let set = |key: ResourceKey| SetInstanceProfileRole { unique_id: key.id, role: None };
        permit.write(set).await.or_refused(|_| not_found(&name))
    }

    pub async fn tag_instance_profile(&self, ctx: &Ctx, input: TagInstanceProfileRequest) -> Result<()> {
        let tags = stored_tags(input.tags);
        let keys = request_tags(&tags)?;
        let name = &input.instance_profile_name;
        let profile = self.profile_for::<iam::TagInstanceProfile>(ctx, name, keys).await?;
        set_tags(&profile.permit, tags).await
    }

    /// Removes tags of an instance profile.
    pub async fn untag_instance_profile(&self, ctx: &Ctx, input: UntagInstanceProfileRequest) -> Result<()> {
        let keys = tag_keys(&input.tag_keys);
        let name = &input.instance_profile_name;
        let profile = self.profile_for::<iam::UntagInstanceProfile>(ctx, name, keys).await?;
        remove_tags(&profile.permit, input.tag_keys).await
    }

    pub async fn list_instance_profile_tags(
        &self,
        ctx: &Ctx,
        input: ListInstanceProfileTagsRequest,
    ) -> Result<ListTagsResponse> {
        let name = &input.instance_profile_name;
        let keys = policy::Context::new();
        let profile = self.profile_for::<iam::ListInstanceProfileTags>(ctx, name, keys).await?;
        let page = (input.marker.as_deref(), input.max_items);
        self.page_of_tags(&profile.on.unique_id, profile.tags, page)
    }
}

fn profile_arn(account_id: &AccountId, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account_id}:instance-profile{path}{name}")
}

fn folded_name(profile: &Profile) -> String {
    profile.name.to_ascii_lowercase()
}
