//! Tags of accounts, of organizational units and of the root.

use access::authz::of_request_tags;
use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Field, Result};
use access::op::{Effect, organizations};
use access::permit::{Grant, OnAccount, Opens};
use access::quota;
use access::store::{RefusedExt as _, TagAccount, TagAccountRefusal, TagOrganizationNode};
use aws::organizations::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, UntagResourceRequest,
};
use aws::tag::Fault;

use super::Member;
use super::place::{Placed, is_place, not_found};
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

/// An account or a place with tags, and the permit for an operation on it.
enum Tagged<E: Grant> {
    Account(Member<E>),
    Place(Placed<E>),
}

impl<E: Opens<TagAccount> + Opens<TagOrganizationNode>> Tagged<E> {
    async fn change(self, remove: Vec<String>, set: Vec<Tag>) -> Result<()> {
        let set = set.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let limit = quota::TAGS.limit();
        let changed = match self {
            Self::Account(Member { permit, account, .. }) => {
                let change = TagAccount { account_id: account.account_id, remove, set, limit };
                permit.write(|_| change).await
            }
            Self::Place(Placed { permit, place }) => {
                let change = TagOrganizationNode { id: place.id, remove, set, limit };
                permit.write(|_| change).await
            }
        };
        changed.or_refused(|refusal| match refusal {
            TagAccountRefusal::SameButForCase => same_but_for_case(),
            TagAccountRefusal::TooMany => {
                let message = format!("A resource can have at most {} tags.", quota::TAGS.value);
                Error::aws(AwsCode::ConstraintViolation, message)
                    .with(Field::Text("Reason", "MAX_TAG_LIMIT_EXCEEDED".to_owned()))
            }
        })
    }
}

impl Identity {
    async fn manages_tagged<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        id: &str,
        keys: policy::Context,
    ) -> Result<Tagged<E>> {
        let missing = AwsCode::TargetNotFound;
        if is_place(id) {
            return self.manages_place(ctx, id, keys, missing).await.map(Tagged::Place);
        }
        let member = self.manages_member(ctx, id, keys).await;
        member.map(Tagged::Account).map_err(|error| match error.code {
            Code::Aws(AwsCode::AccountNotFound) => not_found(missing),
            _ => error,
        })
    }

    /// Lists the tags of an account, a unit or the root.
    pub async fn list_tags_of_node(
        &self,
        ctx: &Ctx,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let (id, keys) = (&input.resource_id, policy::Context::new());
        let tagged = self.manages_tagged::<organizations::ListTagsForResource>(ctx, id, keys).await?;
        let tags = match tagged {
            Tagged::Account(member) => member.tags,
            Tagged::Place(placed) => placed.place.tags,
        };
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(ListTagsForResourceResponse { tags, next_token: None })
    }

    pub async fn tag_node(&self, ctx: &Ctx, input: TagResourceRequest) -> Result<()> {
        let (id, keys) = (&input.resource_id, request_tags(&input.tags)?);
        let tagged = self.manages_tagged::<organizations::TagResource>(ctx, id, keys).await?;
        tagged.change(Vec::new(), input.tags).await
    }

    /// Removes tags of an account, a unit or the root.
    pub async fn untag_node(&self, ctx: &Ctx, input: UntagResourceRequest) -> Result<()> {
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let tagged =
            self.manages_tagged::<organizations::UntagResource>(ctx, &input.resource_id, keys).await?;
        tagged.change(input.tag_keys, Vec::new()).await
    }
}
