//! The Resource Groups Tagging API: finds the resources of an account by their tags. Tags are set by the operations of
//! the service that has the resource, which also decides.

mod change;
mod filter;
mod resources;
mod texts;

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::permit::{OnAccount, Permit};
use access::store::{TaggedKind, TaggedResource};
use aws::arn::Arn;
use aws::ids::{AccountId, Region};

use crate::Identity;

pub use change::TagChange;

/// The Region in which AWS lists IAM's resources.
const GLOBAL: &str = "us-east-1";

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::InvalidParameter, message)
}

/// The type of resources of a kind, as filters name it.
const fn type_of(kind: TaggedKind) -> &'static str {
    match kind {
        TaggedKind::Repository => "ecr:repository",
        TaggedKind::User => "iam:user",
        TaggedKind::Role => "iam:role",
        TaggedKind::Policy => "iam:policy",
        TaggedKind::InstanceProfile => "iam:instance-profile",
        TaggedKind::OidcProvider => "iam:oidc-provider",
    }
}

fn arn_of(kind: TaggedKind, account: &AccountId, region: &Region, found: &TaggedResource) -> String {
    let (partition, name) = (region.partition(), &found.name);
    let path = &found.path;
    match kind {
        TaggedKind::Repository => format!("arn:{partition}:ecr:{region}:{account}:repository/{name}"),
        TaggedKind::User => format!("arn:aws:iam::{account}:user{path}{name}"),
        TaggedKind::Role => format!("arn:aws:iam::{account}:role{path}{name}"),
        TaggedKind::Policy => format!("arn:aws:iam::{account}:policy{path}{name}"),
        TaggedKind::InstanceProfile => format!("arn:aws:iam::{account}:instance-profile{path}{name}"),
        TaggedKind::OidcProvider => format!("arn:aws:iam::{account}:oidc-provider/{name}"),
    }
}

/// Kind and name of the resource of an ARN, if it is of a kind with tags.
fn named_by(arn: &Arn) -> Option<(TaggedKind, &str)> {
    let (kind, rest) = arn.resource.split_once('/')?;
    let last = rest.rsplit('/').next().unwrap_or(rest);
    Some(match (arn.service.as_str(), kind) {
        ("ecr", "repository") => (TaggedKind::Repository, rest),
        ("iam", "user") => (TaggedKind::User, last),
        ("iam", "role") => (TaggedKind::Role, last),
        ("iam", "policy") => (TaggedKind::Policy, last),
        ("iam", "instance-profile") => (TaggedKind::InstanceProfile, last),
        ("iam", "oidc-provider") => (TaggedKind::OidcProvider, rest),
        _ => return None,
    })
}

/// The permits of a list.
struct Permits<E: Effect<On = OnAccount>> {
    of_iam: Permit<E>,
    /// None: the repositories are where IAM's resources are.
    of_repositories: Option<Permit<E>>,
}

impl<E: Effect<On = OnAccount>> Permits<E> {
    fn of(&self, kind: TaggedKind) -> &Permit<E> {
        let elsewhere = self.of_repositories.as_ref().filter(|_| kind == TaggedKind::Repository);
        elsewhere.unwrap_or(&self.of_iam)
    }
}

impl Identity {
    async fn may_tag<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        keys: policy::Context,
    ) -> Result<Permit<E>> {
        self.access.account_gate(ctx).await?.permit_on("*", keys)
    }

    /// The permit for lists: for IAM's resources, and for repositories, which can be in another database.
    async fn may_list<E: Effect<On = OnAccount>>(&self, ctx: &Ctx, region: &Region) -> Result<Permits<E>> {
        let of_iam = self.may_tag::<E>(ctx, policy::Context::new()).await?;
        let there = self.access.of_registry(&ctx.caller.account_id, region).await?;
        let of_repositories = if std::ptr::eq(there, &raw const *self.access) {
            None
        } else {
            Some(there.account_gate(ctx).await?.permit_on("*", policy::Context::new())?)
        };
        Ok(Permits { of_iam, of_repositories })
    }

    /// Whether requests to a Region are also about IAM's resources, which have no Region: AWS has them in us-east-1,
    /// and Wharf in the deployment's default Region too.
    fn has_iam(&self, region: &Region) -> bool {
        region.as_str() == GLOBAL || *region == self.access.settings.default_region
    }
}
