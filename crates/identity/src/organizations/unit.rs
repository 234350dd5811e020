//! Organizational units: created, shown, renamed, deleted, listed.

use access::context::Ctx;
use access::error::{AwsCode, Error, Field, Result};
use access::op::organizations;
use access::quota;
use access::store::{
    CreateOrganizationalUnit, CreateOrganizationalUnitRefusal, DeleteOrganizationalUnit,
    DeleteOrganizationalUnitRefusal, OrganizationalUnit as Unit, RefusedExt as _, RenameOrganizationalUnit,
    RenameOrganizationalUnitRefusal,
};
use aws::ids::AccountId;
use aws::organizations::{
    CreateOrganizationalUnitRequest, DeleteOrganizationalUnitRequest, DescribeOrganizationalUnitRequest,
    DescribeOrganizationalUnitResponse, ListOrganizationalUnitsForParentRequest,
    ListOrganizationalUnitsForParentResponse, OrganizationalUnit, UpdateOrganizationalUnitRequest,
};

use super::place::{Placed, not_found};
use super::tag::request_tags;
use crate::Identity;

fn same_name() -> Error {
    Error::aws(AwsCode::DuplicateOrganizationalUnit, "An OU with the same name already exists.")
}

fn too_many() -> Error {
    quota::ORGANIZATIONAL_UNITS.exceeded().with(Field::Text("Reason", "OU_NUMBER_LIMIT_EXCEEDED".to_owned()))
}

/// How many units are above what has this path.
fn depth(path: &str) -> usize {
    path.matches('/').count()
}

impl Identity {
    fn shown_unit(&self, management: &AccountId, unit: Unit) -> OrganizationalUnit {
        OrganizationalUnit {
            arn: self.unit_arn(management, &unit.id),
            path: self.access.organization.path(&unit.path()).to_string(),
            id: unit.id,
            name: unit.name,
        }
    }

    /// Creates a unit under the root or another unit.
    pub async fn create_organizational_unit(
        &self,
        ctx: &Ctx,
        input: CreateOrganizationalUnitRequest,
    ) -> Result<DescribeOrganizationalUnitResponse> {
        let tags = request_tags(&input.tags)?;
        let parent = self.manages_place(ctx, &input.parent_id, tags.clone(), AwsCode::ParentNotFound).await?;
        let Placed::<organizations::CreateOrganizationalUnit> { permit, place } = parent;
        if !input.tags.is_empty() {
            let gate = self.access.account_gate(ctx).await?;
            self.access.manages::<organizations::TagResource>(&gate, "*", tags).await?;
        }
        if depth(&place.path) >= quota::LEVELS_OF_UNITS.most() {
            let reason = Field::Text("Reason", "OU_DEPTH_LIMIT_EXCEEDED".to_owned());
            return Err(quota::LEVELS_OF_UNITS.exceeded().with(reason));
        }
        let create = CreateOrganizationalUnit {
            id: self.access.organization.new_unit_id()?,
            parent_path: place.path,
            name: input.name,
            tags: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            limit: quota::ORGANIZATIONAL_UNITS.limit(),
            at: ctx.at(),
        };
        let unit = permit.write(|_| create).await.or_refused(|refusal| match refusal {
            CreateOrganizationalUnitRefusal::NoParent => not_found(AwsCode::ParentNotFound),
            CreateOrganizationalUnitRefusal::NameTaken => same_name(),
            CreateOrganizationalUnitRefusal::TooMany => too_many(),
        })?;
        Ok(DescribeOrganizationalUnitResponse {
            organizational_unit: self.shown_unit(permit.account(), unit),
        })
    }

    /// Shows a unit.
    pub async fn describe_organizational_unit(
        &self,
        ctx: &Ctx,
        input: DescribeOrganizationalUnitRequest,
    ) -> Result<DescribeOrganizationalUnitResponse> {
        let id = &input.organizational_unit_id;
        let Placed { permit, place } = self
            .manages_place::<organizations::DescribeOrganizationalUnit>(
                ctx,
                id,
                policy::Context::new(),
                AwsCode::OrganizationalUnitNotFound,
            )
            .await?;
        let unit = place.unit.ok_or_else(|| not_found(AwsCode::OrganizationalUnitNotFound))?;
        Ok(DescribeOrganizationalUnitResponse {
            organizational_unit: self.shown_unit(permit.account(), unit),
        })
    }

    /// Renames a unit.
    pub async fn update_organizational_unit(
        &self,
        ctx: &Ctx,
        input: UpdateOrganizationalUnitRequest,
    ) -> Result<DescribeOrganizationalUnitResponse> {
        let missing = AwsCode::OrganizationalUnitNotFound;
        let id = &input.organizational_unit_id;
        let Placed { permit, place } = self
            .manages_place::<organizations::UpdateOrganizationalUnit>(
                ctx,
                id,
                policy::Context::new(),
                missing,
            )
            .await?;
        let unit = place.unit.ok_or_else(|| not_found(missing))?;
        let unit = match input.name {
            None => unit,
            Some(name) => {
                let rename = RenameOrganizationalUnit { id: unit.id, name };
                permit.write(|_| rename).await.or_refused(|refusal| match refusal {
                    RenameOrganizationalUnitRefusal::Gone => not_found(missing),
                    RenameOrganizationalUnitRefusal::NameTaken => same_name(),
                })?
            }
        };
        Ok(DescribeOrganizationalUnitResponse {
            organizational_unit: self.shown_unit(permit.account(), unit),
        })
    }

    /// Deletes a unit that contains nothing.
    pub async fn delete_organizational_unit(
        &self,
        ctx: &Ctx,
        input: DeleteOrganizationalUnitRequest,
    ) -> Result<()> {
        let missing = AwsCode::OrganizationalUnitNotFound;
        let id = &input.organizational_unit_id;
        let Placed { permit, .. } = self
            .manages_place::<organizations::DeleteOrganizationalUnit>(
                ctx,
                id,
                policy::Context::new(),
                missing,
            )
            .await?;
        let delete = DeleteOrganizationalUnit { id: input.organizational_unit_id };
        permit.write(|_| delete).await.or_refused(|refusal| match refusal {
            DeleteOrganizationalUnitRefusal::Gone => not_found(missing),
            DeleteOrganizationalUnitRefusal::NotEmpty => {
                let message = "The specified OU is not empty. Move all accounts to another root or to other OUs, \
                               remove all child OUs, and try the operation again.";
                Error::aws(AwsCode::OrganizationalUnitNotEmpty, message)
            }
        })
    }

    /// Lists the units right under the root or a unit.
    pub async fn list_organizational_units_for_parent(
        &self,
        ctx: &Ctx,
        input: ListOrganizationalUnitsForParentRequest,
    ) -> Result<ListOrganizationalUnitsForParentResponse> {
        let keys = policy::Context::new();
        let parent = self
            .manages_place::<organizations::ListOrganizationalUnitsForParent>(
                ctx,
                &input.parent_id,
                keys,
                AwsCode::ParentNotFound,
            )
            .await?;
        let (found, next_token) =
            self.units_in(&parent, input.next_token.as_deref(), input.max_results).await?;
        let management = parent.permit.account();
        let units = found.into_iter().map(|unit| self.shown_unit(management, unit)).collect();
        Ok(ListOrganizationalUnitsForParentResponse { organizational_units: units, next_token })
    }
}
