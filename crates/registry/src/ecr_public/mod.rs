//! The operations of ECR Public: one method for each. A public repository is a repository of another kind of registry,
//! so most operations call ECR's with the place of public registries, where the gate decides ECR Public's permissions
//! (docs/adr/0029-public-registries.md).

mod catalog;
mod image;
mod image_tags;
mod layer;
mod registry;
mod repository;
mod repository_policy;
mod repository_tags;

pub use catalog::LOGO_PREFIX;

use access::answers::Answers;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use aws::ids::{AccountId, Region};
use aws::shape::Request;
use futures::future::BoxFuture;

use crate::Registry;

macro_rules! answers {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        $(impl Answers<aws::ecr_public::$request> for Registry {
            fn answer<'a>(
                &'a self,
                ctx: &'a Ctx,
                region: &'a Region,
                input: aws::ecr_public::$request,
            ) -> BoxFuture<'a, Result<<aws::ecr_public::$request as Request>::Response>> {
                Box::pin(async move {
                    let public = place(region)?;
                    self.$method(ctx, &public, input).await
                })
            }
        })*
    };
}

aws::ecr_public_operations! { answers }

/// The place of public registries, for a request to the API's Region.
fn place(region: &Region) -> Result<Region> {
    if region.has_public_api() {
        return Ok(Region::public());
    }
    let message = format!("ECR Public's API is served in us-east-1, not in {region}.");
    Err(Error::new(Code::UnsupportedCommand, message))
}

impl Registry {
    /// The account ID of `registryId`, which can also be an alias.
    async fn registry_id(&self, registry_id: Option<String>) -> Result<Option<String>> {
        match registry_id {
            Some(alias) if alias.parse::<AccountId>().is_err() => {
                let account = self.access.account_of_alias(&alias).await?;
                account.map(|account| Some(account.to_string())).ok_or_else(|| no_registry(&alias))
            }
            account => Ok(account),
        }
    }
}

fn no_registry(id: &str) -> Error {
    let message = format!("The registry with id '{id}' does not exist");
    Error::new(Code::RegistryNotFound, message)
}
