//! The places in the tree of the organization that contain accounts: the root and organizational units.

use access::authz::Gate;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Effect;
use access::permit::{Grant, OnAccount, Opens, Permit};
use access::store::{
    FindOrganizationalUnit, ListAccountsOfUnit, ListIamTags, ListOrganizationalUnits, MemberAccount,
    OrganizationalUnit, unit_of_path,
};
use aws::ids::AccountId;
use aws::organizations::{Parent, ParentType};

use crate::Identity;

/// The root or a unit.
pub(super) struct Place {
    pub(super) id: String,
    /// The path of what is right under it.
    pub(super) path: String,
    /// None: the root.
    pub(super) unit: Option<OrganizationalUnit>,
    pub(super) tags: Vec<(String, String)>,
}

/// A place as the resource of an operation, with the permit for the operation.
pub(super) struct Placed<E: Grant> {
    pub(super) permit: Permit<E>,
    pub(super) place: Place,
}

/// Whether an ID is of a place; otherwise it is of an account or a policy.
pub(super) fn is_place(id: &str) -> bool {
    id.starts_with("ou-") || id.starts_with("r-")
}

/// The error for a place or an account that does not exist.
pub(super) fn not_found(code: AwsCode) -> Error {
    let message = match code {
        AwsCode::ChildNotFound => "We can't find an OU or account with the ChildId that you specified.",
        AwsCode::OrganizationalUnitNotFound => {
            "We can't find an OU with the OrganizationalUnitId that you specified."
        }
        AwsCode::TargetNotFound => {
            "We can't find a root, OU, account, or policy with the TargetId that you specified."
        }
        _ => "We can't find a root or OU with the ParentId that you specified.",
    };
    Error::aws(code, message)
}

/// A page of results, and the token of the next page.
pub(super) type Page<T> = (Vec<T>, Option<String>);

impl Identity {
    pub(super) fn unit_arn(&self, management: &AccountId, id: &str) -> String {
        format!("arn:aws:organizations::{management}:ou/{}/{id}", self.access.organization.id)
    }

    fn place_arn(&self, management: &AccountId, id: &str) -> String {
        if id.starts_with("ou-") {
            return self.unit_arn(management, id);
        }
        format!("arn:aws:organizations::{management}:root/{}/{id}", self.access.organization.id)
    }

    async fn place_of(&self, gate: &Gate, id: &str) -> Result<Option<Place>> {
        let unit = gate.read(FindOrganizationalUnit { id: id.to_owned() }).await?;
        if unit.is_none() && id != self.access.organization.root_id {
            return Ok(None);
        }
        let tags = gate.read(ListIamTags { owner: id.to_owned() }).await?;
        let path = unit.as_ref().map(OrganizationalUnit::path).unwrap_or_default();
        Ok(Some(Place { id: id.to_owned(), path, unit, tags }))
    }

    /// `manages` for one place. Its ARN always contains the management account.
    pub(super) async fn manages_place<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        id: &str,
        mut keys: policy::Context,
        missing: AwsCode,
    ) -> Result<Placed<E>> {
        let gate = self.access.account_gate(ctx).await?;
        let management = self.access.management_account().await?;
        let mut found = None;
        // Only the management account reads it, so conditions of other accounts cannot test its tags.
        if ctx.caller.account_id == management {
            found = self.place_of(&gate, id).await?;
        }
        if let Some(place) = &found {
            keys.set_tags("aws:ResourceTag/", access::authz::pairs(&place.tags));
        }
        let permit = self.access.manages(&gate, &self.place_arn(&management, id), keys).await?;
        Ok(Placed { permit, place: found.ok_or_else(|| not_found(missing))? })
    }

    /// The parent of what has this path.
    pub(super) fn parent_at(&self, path: &str) -> Parent {
        match unit_of_path(path) {
            Some(id) => Parent { id: id.to_owned(), r#type: ParentType::OrganizationalUnit },
            None => Parent { id: self.access.organization.root_id.clone(), r#type: ParentType::Root },
        }
    }

    /// A page of the accounts right under a place.
    pub(super) async fn accounts_in<E: Opens<ListAccountsOfUnit>>(
        &self,
        Placed { permit, place }: &Placed<E>,
        token: Option<&str>,
        max: Option<u32>,
    ) -> Result<Page<MemberAccount>> {
        let list = format!("accounts of {}", place.id);
        let (after, limit) = self.organization_page(&list, token, max)?;
        let read = ListAccountsOfUnit { path: place.path.clone(), after, limit: limit + 1 };
        let mut found = permit.read(|_| read).await?;
        let next =
            self.organization_token(&list, limit, &mut found, |account| account.account_id.to_string())?;
        Ok((found, next))
    }

    /// A page of the units right under a place.
    pub(super) async fn units_in<E: Opens<ListOrganizationalUnits>>(
        &self,
        Placed { permit, place }: &Placed<E>,
        token: Option<&str>,
        max: Option<u32>,
    ) -> Result<Page<OrganizationalUnit>> {
        let list = format!("units of {}", place.id);
        let (after, limit) = self.organization_page(&list, token, max)?;
        let read = ListOrganizationalUnits { parent_path: place.path.clone(), after, limit: limit + 1 };
        let mut found = permit.read(|_| read).await?;
        let next = self.organization_token(&list, limit, &mut found, |unit| unit.id.clone())?;
        Ok((found, next))
    }
}
