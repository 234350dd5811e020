//! IAM: users, groups, roles, policies, access keys, instance profiles and identity providers of the caller's account.
//!
//! Every operation comes to the gate with the ARN of what it is about before it is told whether that exists.

mod access_key;
mod account;
mod attachment;
mod group;
mod inline_policy;
mod instance_profile;
mod managed_policy;
pub(crate) mod oidc_provider;
mod policy_entities;
mod policy_version;
mod role;
mod service_linked_role;
pub(crate) mod simulate;
mod tag;
mod trust_policy;
mod user;

use access::op::IamOp;
use aws::arn::Arn;
use aws::ids::AccountId;
use aws::service::Service;
use aws::tag::Fault;
use jiff::Timestamp;
use meta::{Entity, EntityKind, FindEntity, ListIamTags, Micros};

use crate::Identity;
use access::authz::{add_resource_tags, of_request_tags, pairs};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Op;
use access::store::StoreResultExt as _;

use service_linked_role::is_service_linked;

/// IAM's quotas that cannot be raised here ("IAM and AWS STS quotas").
pub(crate) mod quota {
    pub(crate) const USERS: i64 = 5_000;
    pub(crate) const GROUPS: i64 = 300;
    pub(crate) const ROLES: i64 = 5_000;
    pub(crate) const POLICIES: i64 = 5_000;
    pub(crate) const INSTANCE_PROFILES: i64 = 5_000;
    pub(crate) const OIDC_PROVIDERS: i64 = 100;
    pub(crate) const GROUPS_PER_USER: i64 = 10;
    pub(crate) const ACCESS_KEYS_PER_USER: i64 = 2;
    pub(crate) const POLICIES_PER_ENTITY: i64 = 10;
    pub(crate) const VERSIONS_PER_POLICY: i64 = 5;
    pub(crate) const TAGS: i64 = 50;
    /// Characters of a managed policy, white space not counted.
    pub(crate) const MANAGED_POLICY: usize = 6_144;
    /// Characters of a role's trust policy, white space not counted.
    pub(crate) const TRUST_POLICY: usize = 4_096;
}

/// `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`.
pub(crate) fn entity_arn(account: &AccountId, kind: EntityKind, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{}{path}{name}", kind.as_str())
}

pub(crate) fn arn_of(entity: &Entity) -> String {
    format!("arn:aws:iam::{}:{}{}{}", entity.account_id, entity.kind, entity.path, entity.name)
}

/// The store's moment as results show it.
pub(crate) fn time(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(at.0).unwrap_or_default()
}

pub(crate) fn no_such_entity(kind: EntityKind, name: &str) -> Error {
    let kind = kind.as_str();
    Error::aws(AwsCode::NoSuchEntity, format!("The {kind} with name {name} cannot be found."))
}

fn already_exists(kind: &str, name: &str) -> Error {
    Error::aws(AwsCode::EntityAlreadyExists, format!("{kind} with name {name} already exists."))
}

fn quota_exceeded(quota: &str, limit: impl std::fmt::Display) -> Error {
    Error::aws(AwsCode::IamLimitExceeded, format!("Cannot exceed quota for {quota}: {limit}"))
}

/// Condition keys of tags that a request brings.
fn request_tags(tags: &[(String, String)]) -> Result<policy::Context> {
    aws::tag::check(pairs(tags)).map_err(|(_, fault)| Error::aws(AwsCode::InvalidInput, tag_fault(fault)))?;
    Ok(of_request_tags(pairs(tags)))
}

/// The words of IAM and STS for a tag that breaks a rule. What is too long, too much or has other characters is refused
/// where the request is read, with its place; this is for what is left.
pub(crate) fn tag_fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Twice | Fault::TwiceInDifferentCase => {
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        }
        Fault::Reserved => "Tag keys cannot begin with aws:.",
        _ => "The tags are not valid.",
    }
}

/// A page's bounds: where it begins and how long it is.
struct PageOf {
    list: String,
    after: String,
    limit: usize,
}

impl Identity {
    fn page_of(&self, list: String, marker: Option<&str>, max_items: Option<i64>) -> Result<PageOf> {
        let after = match marker {
            None => String::new(),
            Some(token) => self.access.open_page_token::<String>(&list, token).map_err(|_| {
                Error::aws(
                    AwsCode::ValidationError,
                    "Invalid Marker. Use the one that the last page came with.",
                )
            })?,
        };
        let limit = usize::try_from(max_items.unwrap_or(100)).unwrap_or(100);
        Ok(PageOf { list, after, limit })
    }

    /// Cuts the one item too many that was read, and gives the marker of the page that begins with it.
    fn cut<T>(
        &self,
        page: &PageOf,
        items: &mut Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Option<String>> {
        if items.len() <= page.limit {
            return Ok(None);
        }
        items.truncate(page.limit);
        items.last().map(|last| self.access.page_token(&page.list, key(last))).transpose()
    }

    /// The user, group or role that an ARN names by its exact path and name.
    pub(crate) async fn entity_of_arn(&self, text: &str) -> Result<Option<Entity>> {
        let Ok(arn) = text.parse::<Arn>() else { return Ok(None) };
        let (Some(account_id), Some((kind, rest))) = (arn.account_id(), arn.resource.split_once('/')) else {
            return Ok(None);
        };
        let kind = match kind {
            "user" => EntityKind::User,
            "group" => EntityKind::Group,
            "role" => EntityKind::Role,
            _ => return Ok(None),
        };
        let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
        let found = self.access.meta.read(FindEntity { account_id, kind, name }).await.or_store_error()?;
        Ok(found.filter(|entity| arn_of(entity) == text))
    }

    pub(crate) async fn iam_tags(&self, owner: &str) -> Result<Vec<(String, String)>> {
        self.access.meta.read(ListIamTags { owner: owner.to_owned() }).await.or_store_error()
    }

    /// Brings an operation on a user, group or role to the gate, and then says whether it is there.
    async fn entity_for(
        &self,
        ctx: &Ctx,
        op: Op,
        (kind, name): (EntityKind, &str),
        mut keys: policy::Context,
    ) -> Result<Entity> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = ctx.caller.account_id.clone();
        let find = FindEntity { account_id: account_id.clone(), kind, name: name.to_owned() };
        let found = self.access.meta.read(find).await.or_store_error()?;
        let arn = match &found {
            Some(entity) => {
                add_resource_tags(&mut keys, Service::Iam, &self.iam_tags(&entity.unique_id).await?);
                if let Some(boundary) = &entity.boundary
                    && !keys.has("iam:PermissionsBoundary")
                {
                    keys.set("iam:PermissionsBoundary", boundary.as_str());
                }
                arn_of(entity)
            }
            None => entity_arn(&account_id, kind, "/", name),
        };
        gate.allow_on(op, &arn, keys)?;
        found.ok_or_else(|| no_such_entity(kind, name))
    }

    /// `entity_for` of an operation that changes it: what a service made is only the service's to change, but for its
    /// description and its tags (IAM User Guide, "Edit a service-linked role"; Terraform does both).
    async fn own_entity_for(
        &self,
        ctx: &Ctx,
        op: Op,
        named: (EntityKind, &str),
        keys: policy::Context,
    ) -> Result<Entity> {
        let entity = self.entity_for(ctx, op, named, keys).await?;
        let is_open = matches!(
            op,
            Op::Iam(IamOp::UpdateRole)
                | Op::Iam(IamOp::UpdateRoleDescription)
                | Op::Iam(IamOp::TagRole)
                | Op::Iam(IamOp::UntagRole)
        );
        if !is_open && is_service_linked(&entity) {
            let message = format!(
                "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
                entity.name
            );
            return Err(Error::aws(AwsCode::UnmodifiableEntity, message));
        }
        Ok(entity)
    }
}
