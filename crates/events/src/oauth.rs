//! Tokens of OAuth servers for connections (RFC 6749, section 4.4). They are kept in memory until they expire.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use outbound::{Client, Limits};
use serde::Deserialize;

use crate::authorization::OAuth;
use crate::invocation::{add, with_query};
use crate::retry::Failure;

const ANSWER: Limits = Limits { bytes: 64 * 1024, time: Duration::from_secs(10) };
/// Connections whose tokens are kept.
const KEPT: usize = 1_000;
/// How long a token without a lifetime is used.
const LIFETIME: u64 = 300;
/// A token is not used in its last seconds.
const MARGIN: Duration = Duration::from_secs(10);
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A connection at its version.
type Connection = (String, i64);

/// The tokens of connections.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<Connection, (String, Instant)>>);

/// The answer of a token endpoint (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// A token of a connection.
    pub(crate) async fn token(
        &self,
        client: &Client,
        connection: &Connection,
        oauth: &OAuth,
    ) -> Result<String, Failure> {
        let kept = self.kept().get(connection).cloned();
        if let Some((token, _)) = kept.filter(|(_, until)| *until > Instant::now()) {
            return Ok(token);
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::temporary(format!("no token from the authorization endpoint: {error}"))
        };
        let response = client.send(request(oauth)?, ANSWER).await.map_err(|error| failed(&error))?;
        if !response.status().is_success() {
            return Err(failed(&format!("it answered {}", response.status())));
        }
        let granted = serde_json::from_slice(response.body());
        let Granted { access_token, expires_in } =
            granted.map_err(|_| failed(&"the answer has no access_token"))?;
        let lifetime = Duration::from_secs(expires_in.unwrap_or(LIFETIME).min(24 * 3600));
        let until = Instant::now() + lifetime.saturating_sub(MARGIN);
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.retain(|_, (_, until)| *until > Instant::now());
        }
        if kept.len() < KEPT {
            kept.insert(connection.clone(), (access_token.clone(), until));
        }
        Ok(access_token)
    }

    /// Forgets a token that an endpoint refused.
    pub(crate) fn forget(&self, connection: &Connection) {
        self.kept().remove(connection);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Connection, (String, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request(oauth: &OAuth) -> Result<Request<Bytes>, Failure> {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", oauth.client_id.as_str()),
        ("client_secret", oauth.client_secret.as_str()),
    ];
    let mut query = Vec::new();
    let mut request = Request::new(Bytes::new());
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, FORM);
    if let Some(parameters) = &oauth.parameters {
        for header in &parameters.header_parameters {
            if let (Some(name), Some(value)) = (&header.key, &header.value) {
                add(headers, name, value)?;
            }
        }
        for body in &parameters.body_parameters {
            if let (Some(key), Some(value)) = (&body.key, &body.value) {
                form.retain(|(known, _)| known != key);
                form.push((key, value));
            }
        }
        for parameter in &parameters.query_string_parameters {
            if let (Some(key), Some(value)) = (&parameter.key, &parameter.value) {
                query.push((key.as_str(), value.as_str()));
            }
        }
    }
    let method = Method::from_bytes(oauth.method.as_str().as_bytes()).map_err(Failure::permanent)?;
    if method == Method::GET {
        query.extend(form);
    } else {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        *request.body_mut() = body.into();
    }
    *request.method_mut() = method;
    *request.uri_mut() = with_query(oauth.endpoint.clone(), &query).parse().map_err(Failure::permanent)?;
    Ok(request)
}
