//! How a connection authenticates at an endpoint. It is sealed in the store, and has no Debug.

use aws::event_bridge::{
    ConnectionApiKeyAuthResponseParameters, ConnectionAuthResponseParameters, ConnectionAuthorizationType,
    ConnectionBasicAuthResponseParameters, ConnectionHttpParameters, ConnectionOAuthClientResponseParameters,
    ConnectionOAuthHttpMethod, ConnectionOAuthResponseParameters, CreateConnectionAuthRequestParameters,
    UpdateConnectionAuthRequestParameters,
};
use serde::{Deserialize, Serialize};

/// What identifies this server at an endpoint.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Credentials {
    Basic { username: String, password: String },
    ApiKey { name: String, value: String },
    OAuth(OAuth),
}

/// A client of an OAuth server (RFC 6749, section 4.4).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OAuth {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) endpoint: String,
    pub(crate) method: ConnectionOAuthHttpMethod,
    pub(crate) parameters: Option<ConnectionHttpParameters>,
}

/// Everything that a connection adds to requests.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Authorization {
    pub(crate) credentials: Credentials,
    pub(crate) parameters: Option<ConnectionHttpParameters>,
}

impl Authorization {
    /// From a request to create a connection; the error names what is missing.
    pub(crate) fn created(
        kind: ConnectionAuthorizationType,
        given: CreateConnectionAuthRequestParameters,
    ) -> Result<Self, &'static str> {
        let credentials = match kind {
            ConnectionAuthorizationType::Basic => {
                let basic = given.basic_auth_parameters.ok_or(BASIC)?;
                Credentials::Basic { username: basic.username, password: basic.password }
            }
            ConnectionAuthorizationType::ApiKey => {
                let key = given.api_key_auth_parameters.ok_or(API_KEY)?;
                Credentials::ApiKey { name: key.api_key_name, value: key.api_key_value }
            }
            ConnectionAuthorizationType::OauthClientCredentials => {
                let oauth = given.o_auth_parameters.ok_or(OAUTH)?;
                Credentials::OAuth(OAuth {
                    client_id: oauth.client_parameters.client_id,
                    client_secret: oauth.client_parameters.client_secret,
                    endpoint: oauth.authorization_endpoint,
                    method: oauth.http_method,
                    parameters: oauth.o_auth_http_parameters,
                })
            }
        };
        Ok(Self { credentials, parameters: given.invocation_http_parameters })
    }

    /// After a request to update a connection: what the request leaves out stays.
    pub(crate) fn updated(
        self,
        kind: ConnectionAuthorizationType,
        given: UpdateConnectionAuthRequestParameters,
    ) -> Result<Self, &'static str> {
        let credentials = match (kind, self.credentials) {
            (ConnectionAuthorizationType::Basic, old) => {
                let (username, password) = match old {
                    Credentials::Basic { username, password } => (Some(username), Some(password)),
                    _ => (None, None),
                };
                let new = given.basic_auth_parameters.unwrap_or_default();
                Credentials::Basic {
                    username: new.username.or(username).ok_or(BASIC)?,
                    password: new.password.or(password).ok_or(BASIC)?,
                }
            }
            (ConnectionAuthorizationType::ApiKey, old) => {
                let (name, value) = match old {
                    Credentials::ApiKey { name, value } => (Some(name), Some(value)),
                    _ => (None, None),
                };
                let new = given.api_key_auth_parameters.unwrap_or_default();
                Credentials::ApiKey {
                    name: new.api_key_name.or(name).ok_or(API_KEY)?,
                    value: new.api_key_value.or(value).ok_or(API_KEY)?,
                }
            }
            (ConnectionAuthorizationType::OauthClientCredentials, old) => {
                let old = match old {
                    Credentials::OAuth(oauth) => Some(oauth),
                    _ => None,
                };
                let new = given.o_auth_parameters.unwrap_or_default();
                let client = new.client_parameters.unwrap_or_default();
                let kept = |part: fn(&OAuth) -> &String| old.as_ref().map(|old| part(old).clone());
                Credentials::OAuth(OAuth {
                    client_id: client.client_id.or(kept(|old| &old.client_id)).ok_or(OAUTH)?,
                    client_secret: client.client_secret.or(kept(|old| &old.client_secret)).ok_or(OAUTH)?,
                    endpoint: new.authorization_endpoint.or(kept(|old| &old.endpoint)).ok_or(OAUTH)?,
                    method: new.http_method.or(old.as_ref().map(|old| old.method)).ok_or(OAUTH)?,
                    parameters: new.o_auth_http_parameters.or(old.and_then(|old| old.parameters)),
                })
            }
        };
        Ok(Self { credentials, parameters: given.invocation_http_parameters.or(self.parameters) })
    }

    /// As answers show it: without secrets.
    pub(crate) fn shown(
        &self,
        parameters: fn(&ConnectionHttpParameters) -> ConnectionHttpParameters,
    ) -> ConnectionAuthResponseParameters {
        let mut shown = ConnectionAuthResponseParameters {
            invocation_http_parameters: self.parameters.as_ref().map(parameters),
            ..ConnectionAuthResponseParameters::default()
        };
        match &self.credentials {
            Credentials::Basic { username, .. } => {
                let username = Some(username.clone());
                shown.basic_auth_parameters = Some(ConnectionBasicAuthResponseParameters { username });
            }
            Credentials::ApiKey { name, .. } => {
                let api_key_name = Some(name.clone());
                shown.api_key_auth_parameters = Some(ConnectionApiKeyAuthResponseParameters { api_key_name });
            }
            Credentials::OAuth(oauth) => {
                let client_id = Some(oauth.client_id.clone());
                shown.o_auth_parameters = Some(ConnectionOAuthResponseParameters {
                    client_parameters: Some(ConnectionOAuthClientResponseParameters { client_id }),
                    authorization_endpoint: Some(oauth.endpoint.clone()),
                    http_method: Some(oauth.method),
                    o_auth_http_parameters: oauth.parameters.as_ref().map(parameters),
                });
            }
        }
        shown
    }
}

const BASIC: &str =
    "BasicAuthParameters with Username and Password are required for the authorization type BASIC.";
const API_KEY: &str =
    "ApiKeyAuthParameters with ApiKeyName and ApiKeyValue are required for the authorization type API_KEY.";
const OAUTH: &str = "OAuthParameters with ClientParameters, AuthorizationEndpoint and HttpMethod are required for the \
    authorization type OAUTH_CLIENT_CREDENTIALS.";
