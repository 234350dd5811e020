//! IAM: users, groups, roles, policies, access keys, instance profiles and identity providers of the caller's account.
//!
//! The gate decides on every operation by the ARN of its resource, before the answer shows whether the resource exists.

mod access_key;
mod account;
mod account_alias;
mod account_details;
mod attachment;
mod credential_report;
mod entity;
mod group;
mod inline_policy;
mod instance_profile;
mod login_profile;
mod managed_policy;
mod mfa_device;
pub(crate) mod oidc_provider;
mod password_policy;
mod policy_entities;
mod policy_list;
mod policy_version;
mod qr_code;
mod role;
mod service_linked_role;
pub(crate) mod simulate;
mod tag;
mod trust_policy;
mod user;
mod user_things;

use access::authz::{of_request_tags, pairs};
use access::error::{AwsCode, Error, Result};
use access::op::Effect;
use access::permit::{Of, OnAccount, Permit, Reads};
use access::store::{EntityKind, ListIamTags, Micros};
use aws::iam::{AttachedPermissionsBoundary, Tag};
use aws::ids::AccountId;
use aws::tag::Fault;
use jiff::Timestamp;

use crate::Identity;

pub(crate) use access::entity::{arn_of, entity_of_arn};

/// `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`.
pub(crate) fn entity_arn(account: &AccountId, kind: EntityKind, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{}{path}{name}", kind.as_str())
}

/// A time of the store, as in responses.
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

/// Tags of a request as the store has them.
fn stored_tags(tags: Vec<Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(Into::into).collect()
}

/// Tags of the store as answers show them.
fn shown_tags(tags: Vec<(String, String)>) -> Vec<Tag> {
    tags.into_iter().map(Into::into).collect()
}

/// A permissions boundary as answers show it.
fn shown_boundary(arn: Option<String>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|permissions_boundary_arn| AttachedPermissionsBoundary {
        permissions_boundary_type: "Policy",
        permissions_boundary_arn,
    })
}

/// The condition keys of tags in a request.
fn request_tags(tags: &[(String, String)]) -> Result<policy::Context> {
    aws::tag::check(pairs(tags)).map_err(|(_, fault)| Error::aws(AwsCode::InvalidInput, tag_fault(fault)))?;
    Ok(of_request_tags(pairs(tags)))
}

/// The messages of IAM and STS for a tag that breaks a rule. The shape of a request checks length, number and
/// characters, with the position; this is for the other rules.
pub(crate) fn tag_fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Twice | Fault::TwiceInDifferentCase => {
            "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        }
        Fault::Reserved => "Tag keys cannot begin with aws:.",
        _ => "The tags are not valid.",
    }
}

pub(crate) async fn iam_tags(store: &impl Reads<ListIamTags>, owner: &str) -> Result<Vec<(String, String)>> {
    store.look_up(ListIamTags { owner: owner.to_owned() }).await
}

/// The resource of an operation as the gate found it, with the permit for the operation on it.
struct Permitted<E: Effect<On = OnAccount>, T> {
    permit: Permit<Of<E>>,
    on: T,
    tags: Vec<(String, String)>,
}

/// The start and the maximum length of a page.
struct PageOf {
    list: String,
    after: String,
    limit: usize,
}

impl Identity {
    fn page_of(&self, list: String, marker: Option<&str>, max_items: Option<u32>) -> Result<PageOf> {
        let after = match marker {
            None => String::new(),
            Some(token) => self.access.open_page_token::<String>(&list, token).map_err(|_| {
                Error::aws(AwsCode::ValidationError, "Invalid Marker. Use the one from the last page.")
            })?,
        };
        let limit = usize::try_from(max_items.unwrap_or(100)).unwrap_or(100);
        Ok(PageOf { list, after, limit })
    }

    /// Removes the one item that was read in addition, and returns the marker of the page that begins with it.
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
}
