//! Tags of accounts.

use access::authz::of_request_tags;
use access::context::Ctx;
use access::error::{AwsCode, Error, Field, Result};
use access::op::organizations;
use access::permit::{Opens, Permit};
use access::quota;
use access::store::{RefusedExt as _, TagAccount, TagAccountRefusal};
use aws::organizations::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, UntagResourceRequest,
};
use aws::tag::Fault;

use crate::Identity;

/// The condition keys of tags in a request.
pub(super) fn request_tags(tags: &[Tag]) -> Result<policy::Context> {
    let pairs = || tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    aws::tag::check(pairs()).map_err(|(_, fault)| refused(fault))?;
    Ok(of_request_tags(pairs()))
}

fn refused(fault: Fault) -> Error {
    let (message, reason) = match fault {
        Fault::Reserved => ("Tag keys cannot begin with aws:.", "INVALID_SYSTEM_TAGS_PARAMETER"),
        Fault::Twice => ("The request has two tags with the same key.", "DUPLICATE_TAG_KEY"),
        Fault::TwiceInDifferentCase => return same_but_for_case(),
        Fault::NoKey | Fault::LongKey | Fault::LongValue | Fault::TooMany => {
            ("A tag is too long or has no key, or there are too many tags.", "INVALID_PATTERN")
        }
        Fault::KeyCharacters | Fault::ValueCharacters => {
            ("Tags can contain letters, digits, spaces and _.:/=+-@.", "INVALID_PATTERN")
        }
    };
    Error::aws(AwsCode::OrganizationInvalidInput, message).with(Field::Text("Reason", reason.to_owned()))
}

fn same_but_for_case() -> Error {
    let message = "Two tags of an account cannot have keys that differ only in case.";
    Error::aws(AwsCode::OrganizationInvalidInput, message)
        .with(Field::Text("Reason", "DUPLICATE_TAG_KEY".to_owned()))
}

/// Only accounts have tags here.
fn of_account(error: Error) -> Error {
    match error.code {
        access::error::Code::Aws(AwsCode::AccountNotFound) => {
            let message =
                "We can't find a root, OU, account, or policy with the TargetId that you specified.";
            Error::aws(AwsCode::TargetNotFound, message)
        }
        _ => error,
    }
}

async fn change_tags<E: Opens<TagAccount>>(permit: &Permit<E>, change: TagAccount) -> Result<()> {
    permit.write(|_| change).await.or_refused(|refusal| match refusal {
        TagAccountRefusal::SameButForCase => same_but_for_case(),
        TagAccountRefusal::TooMany => {
            let message = format!("An account can have at most {} tags.", quota::TAGS.value);
            Error::aws(AwsCode::ConstraintViolation, message)
                .with(Field::Text("Reason", "MAX_TAG_LIMIT_EXCEEDED".to_owned()))
        }
    })
}

impl Identity {
    /// Lists an account's tags.
    pub async fn list_tags_for_account(
        &self,
        ctx: &Ctx,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let (account_id, keys) = (&input.resource_id, policy::Context::new());
        let member = self.manages_member::<organizations::ListTagsForResource>(ctx, account_id, keys).await;
        let tags =
            member.map_err(of_account)?.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(ListTagsForResourceResponse { tags, next_token: None })
    }

    pub async fn tag_account(&self, ctx: &Ctx, input: TagResourceRequest) -> Result<()> {
        let keys = request_tags(&input.tags)?;
        let member = self.manages_member::<organizations::TagResource>(ctx, &input.resource_id, keys).await;
        let member = member.map_err(of_account)?;
        let change = TagAccount {
            account_id: member.account.account_id,
            remove: Vec::new(),
            set: input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            limit: quota::TAGS.limit(),
        };
        change_tags(&member.permit, change).await
    }

    /// Removes tags of an account.
    pub async fn untag_account(&self, ctx: &Ctx, input: UntagResourceRequest) -> Result<()> {
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let member = self.manages_member::<organizations::UntagResource>(ctx, &input.resource_id, keys).await;
        let member = member.map_err(of_account)?;
        let change = TagAccount {
            account_id: member.account.account_id,
            remove: input.tag_keys,
            set: Vec::new(),
            limit: quota::TAGS.limit(),
        };
        change_tags(&member.permit, change).await
    }
}
