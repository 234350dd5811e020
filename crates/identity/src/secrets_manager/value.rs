//! Values of secrets: sealed in the store, opened for GetSecretValue.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::secrets_manager;
use access::permit::{Grant, OnResource, Opens, Permit, PermittedKey, ResourceKey};
use access::seal::Purpose;
use access::store::{
    CURRENT, ListSecretValues, Micros, NewSecretValue, PutSecretValue, RefusedExt as _, SecretValue,
};
use aws::ids::Region;
use aws::secrets_manager::{
    GetSecretValueRequest, GetSecretValueResponse, PutSecretValueRequest, PutSecretValueResponse,
};

use super::{invalid_parameter, no_secret, seconds};
use crate::Identity;

/// How often a value is compared with one that another request puts at the same time.
const ATTEMPTS: usize = 3;

/// A version ID that no request gave: a version 4 UUID (RFC 9562).
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn exists_already() -> Error {
    let message = "A version with this ClientRequestToken exists already, with another value.";
    Error::aws(AwsCode::SecretExists, message)
}

fn no_value(what: &str) -> Error {
    let message = format!("Secrets Manager can't find the specified secret value for {what}.");
    Error::aws(AwsCode::EventResourceNotFound, message)
}

impl Identity {
    /// The value of a request, sealed; none if it has none.
    pub(super) fn new_value(
        &self,
        (text, binary): (Option<&str>, &[u8]),
        token: Option<String>,
    ) -> Result<Option<NewSecretValue>> {
        if !binary.is_empty() {
            return Err(invalid_parameter("SecretBinary is not supported here: use SecretString."));
        }
        let Some(text) = text else { return Ok(None) };
        let sealed = self.access.keys.seal(Purpose::SecretValue, text.as_bytes()).map_err(Error::internal)?;
        Ok(Some(NewSecretValue { id: token.unwrap_or_else(new_id), sealed }))
    }

    fn opened_value(&self, value: &SecretValue) -> Result<String> {
        let text = self.access.keys.open_value(Purpose::SecretValue, &value.sealed);
        String::from_utf8(text.map_err(Error::internal)?).map_err(Error::internal)
    }

    /// Makes a value the current one. A request that is sent again changes nothing; another value with its ID is an error.
    pub(super) async fn store_value<G>(
        &self,
        permit: &Permit<G>,
        (value, text): (NewSecretValue, Option<&str>),
        at: Micros,
    ) -> Result<()>
    where
        G: Grant<On = OnResource> + Opens<ListSecretValues> + Opens<PutSecretValue<PermittedKey>>,
    {
        for _ in 0..ATTEMPTS {
            let values = permit.read(|key| ListSecretValues { arn: key.arn.as_ref().to_owned() }).await?;
            match values.iter().find(|known| known.id == value.id) {
                Some(known) if Some(self.opened_value(known)?.as_str()) == text => return Ok(()),
                Some(_) => return Err(exists_already()),
                None => {
                    let new = value.clone();
                    let put = |key: ResourceKey| PutSecretValue { arn: key.arn, value: new, at };
                    if permit.write(put).await.or_refused(|_| no_secret())? {
                        return Ok(());
                    }
                    // Another request with the ID came first. Its value decides.
                }
            }
        }
        Err(exists_already())
    }

    /// Reads a value.
    pub async fn get_secret_value(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetSecretValueRequest,
    ) -> Result<GetSecretValueResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::GetSecretValue>(ctx, of, keys).await?;
        let values = permit.read(|key| ListSecretValues { arn: key.arn.as_ref().to_owned() }).await?;
        let (id, stage) = (input.version_id.as_deref(), input.version_stage.as_deref());
        let stage = if id.is_none() { Some(stage.unwrap_or(CURRENT)) } else { stage };
        let is_asked = |value: &&SecretValue| {
            id.is_none_or(|id| id == value.id) && stage.is_none_or(|stage| stage == value.stage)
        };
        let value = values.iter().find(is_asked).ok_or_else(|| match (id, stage) {
            (Some(id), _) => no_value(&format!("VersionId: {id}")),
            (None, stage) => no_value(&format!("staging label: {}", stage.unwrap_or(CURRENT))),
        })?;
        let secret = secret.into_row();
        Ok(GetSecretValueResponse {
            arn: Some(secret.arn),
            name: Some(secret.name),
            version_id: Some(value.id.clone()),
            secret_string: Some(self.opened_value(value)?),
            version_stages: vec![value.stage.clone()],
            created_date: Some(seconds(value.created_at)),
            ..GetSecretValueResponse::default()
        })
    }

    /// Gives a secret a new current value.
    pub async fn put_secret_value(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutSecretValueRequest,
    ) -> Result<PutSecretValueResponse> {
        let of = (region, input.secret_id.as_str());
        let keys = policy::Context::new();
        let (permit, secret) =
            self.permitted_live_secret::<secrets_manager::PutSecretValue>(ctx, of, keys).await?;
        if input.version_stages.iter().any(|stage| stage != CURRENT) {
            return Err(invalid_parameter(
                "VersionStages can only be AWSCURRENT: there is no rotation here.",
            ));
        }
        let text = input.secret_string.as_deref();
        let value = self.new_value((text, &input.secret_binary), input.client_request_token)?;
        let value = value.ok_or_else(|| invalid_parameter("You must provide SecretString."))?;
        let id = value.id.clone();
        self.store_value(&permit, (value, text), ctx.at()).await?;
        let secret = secret.into_row();
        Ok(PutSecretValueResponse {
            arn: Some(secret.arn),
            name: Some(secret.name),
            version_id: Some(id),
            version_stages: vec![CURRENT.to_owned()],
        })
    }
}
