//! GetAuthorizationToken: the password of `docker login`.

use serde::{Deserialize, Serialize};

use super::Request;
use super::pattern::REGISTRY_ID;
use super::validate::{Member, Rule};

/// Asks for a password for `docker login`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAuthorizationTokenRequest {
    /// The accounts to answer for; the caller's own if empty. A token serves every registry all the same.
    pub registry_ids: Vec<String>,
}

impl Request for GetAuthorizationTokenRequest {
    const OPERATION: &'static str = "GetAuthorizationToken";
    const MEMBERS: &'static [Member] =
        &[Member::optional("registryIds", Rule::List { of: &REGISTRY_ID, min: 1, max: 10 })];
}

/// A token. It is a credential, hence no `Debug`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationData {
    /// base64 of `AWS:password`.
    pub authorization_token: String,
    /// Until when it serves, in seconds since 1970.
    pub expires_at: f64,
    /// The registry's URL.
    pub proxy_endpoint: String,
}

/// One element for each registry asked for.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAuthorizationTokenResponse {
    /// The tokens.
    pub authorization_data: Vec<AuthorizationData>,
}
