//! Secrets Manager, for the credentials of upstream registries: secrets under `ecr-pullthroughcache/`, with a current and a
//! previous value. There is no rotation, no replica and no KMS key.
//!
//! The gate decides on every operation by the ARN of the secret, before the answer shows whether it exists.

mod policy_text;
mod secret;
mod tag;
mod value;

use access::authz::{Found, Gate, of_request_tags, pairs};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::Effect;
use access::permit::{Of, OnAccount, Permit};
use access::store::{Micros, Secret};
use aws::arn::Arn;
use aws::ids::Region;
use aws::secrets_manager::Tag;
use jiff::Timestamp;

use crate::Identity;

/// What names of secrets begin with (ECR User Guide, "Storing your upstream repository credentials").
const PREFIX: &str = "ecr-pullthroughcache/";

fn invalid_parameter(message: impl Into<String>) -> Error {
    Error::aws(AwsCode::SecretInvalidParameter, message.into())
}

fn invalid_request(message: impl Into<String>) -> Error {
    Error::aws(AwsCode::SecretInvalidRequest, message.into())
}

fn no_secret() -> Error {
    Error::aws(AwsCode::EventResourceNotFound, "Secrets Manager can't find the specified secret.")
}

fn is_deleted(action: &str) -> Error {
    invalid_request(format!(
        "You can't perform this operation on the secret because it was marked for deletion: {action}."
    ))
}

/// A time of the store, as in answers.
fn seconds(at: Micros) -> f64 {
    aws::json::epoch_seconds(Timestamp::from_microsecond(at.0).unwrap_or_default())
}

/// Secrets are sealed with the server's own keys.
fn no_kms(key: Option<&str>) -> Result<()> {
    match key {
        None | Some("" | "aws/secretsmanager" | "alias/aws/secretsmanager") => Ok(()),
        Some(_) => Err(invalid_parameter(
            "KmsKeyId is not supported: secrets are sealed with the server's own keys.",
        )),
    }
}

/// Tags of a request as the store has them, with their condition keys.
fn request_tags(tags: Vec<Tag>) -> (Vec<(String, String)>, policy::Context) {
    let text = |tag: Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
    let tags: Vec<_> = tags.into_iter().map(text).collect();
    let keys = of_request_tags(pairs(&tags));
    (tags, keys)
}

fn check_tags(tags: &[(String, String)]) -> Result<()> {
    aws::tag::check(pairs(tags)).map_err(|(at, _)| {
        let key = tags.get(at).map(|(key, _)| key.as_str()).unwrap_or_default();
        invalid_parameter(format!(
            "The tag with the key '{key}' is not valid: keys are unique regardless of case, not empty, and do not begin with aws:."
        ))
    })
}

impl Identity {
    /// The gate for a secret: that of its account, if its ARN names another one.
    async fn secret_gate(&self, ctx: &Ctx, region: &Region, id: &str) -> Result<Gate> {
        let arn = id.parse::<Arn>().ok().filter(|arn| arn.service == "secretsmanager");
        if arn.as_ref().is_some_and(|arn| arn.region != region.as_str()) {
            return Err(invalid_parameter("The secret is in another Region."));
        }
        let account = arn.and_then(|arn| arn.account_id());
        self.access.registry_gate(ctx, account.as_ref().unwrap_or(&ctx.caller.account_id), region).await
    }

    /// Decides on an operation on a secret, and finds it.
    async fn permitted_secret<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        (region, id): (&Region, &str),
        keys: policy::Context,
    ) -> Result<(Permit<Of<E>>, Found<Secret>)> {
        let gate = self.secret_gate(ctx, region, id).await?;
        let found = gate.find_secret(id, ctx.at()).await?;
        let permit = gate.permit_secret::<E>(found.as_ref(), id, keys).await?;
        permit.zip(found).ok_or_else(no_secret)
    }

    /// The same for a secret that was not deleted.
    async fn permitted_live_secret<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        of: (&Region, &str),
        keys: policy::Context,
    ) -> Result<(Permit<Of<E>>, Found<Secret>)> {
        let (permit, secret) = self.permitted_secret(ctx, of, keys).await?;
        if secret.delete_at.is_some() { Err(is_deleted(E::OP.name())) } else { Ok((permit, secret)) }
    }
}
