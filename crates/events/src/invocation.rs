//! Calls of an API destination for a target of a rule (EventBridge User Guide, "API destinations as targets").

use access::op::event_bridge;
use access::permit::Permit;
use access::store::ApiDestinationFields;
use aws::event_bridge::{ConnectionHttpParameters, Target};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::authorization::{Authorization, Credentials};
use crate::event_bridge::is_allowed_header;
use crate::input::{Input, RuleNames};
use crate::retry::{Failure, Retries};

const USER_AGENT: HeaderValue = HeaderValue::from_static("Amazon/EventBridge/ApiDestinations");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// What stays as it is in a part of a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The default of EventBridge.
const RATE: u32 = 300;

/// Everything that a call needs. It exists only with the decision that the target's role may invoke the API destination.
pub(crate) struct Invocation {
    pub(crate) permit: Permit<event_bridge::InvokeApiDestination>,
    pub(crate) destination_arn: String,
    pub(crate) destination: ApiDestinationFields,
    /// The connection at its version.
    pub(crate) connection: (String, i64),
    pub(crate) authorization: Authorization,
    pub(crate) target: Target,
    pub(crate) input: Input,
    pub(crate) rule: (String, String),
}

impl Invocation {
    pub(crate) fn retries(&self) -> Retries {
        let policy = self.target.retry_policy.unwrap_or_default();
        let default = Retries::default();
        Retries {
            attempts: policy.maximum_retry_attempts.map_or(default.attempts, i64::from),
            age: policy
                .maximum_event_age_in_seconds
                .map_or(default.age, |seconds| std::time::Duration::from_secs(seconds.into())),
        }
    }

    /// Calls in a second.
    pub(crate) fn rate(&self) -> u32 {
        self.destination.rate.unwrap_or(RATE).max(1)
    }

    /// The request for an event. `bearer` is the token of an OAuth server.
    pub(crate) fn request(&self, event: &Value, bearer: Option<&str>) -> Result<Request<Bytes>, Failure> {
        let method = Method::from_bytes(self.destination.method.as_bytes()).map_err(Failure::permanent)?;
        let has_body = !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut request = Request::new(if has_body { self.body(event)? } else { Bytes::new() });
        *request.uri_mut() = self.url()?.parse().map_err(Failure::permanent)?;
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        let own = self.target.http_parameters.iter().flat_map(|parameters| &parameters.header_parameters);
        for (name, value) in own {
            add(headers, name, value)?;
        }
        let shared = self.parameters().map(|parameters| parameters.header_parameters.as_slice());
        for parameter in shared.unwrap_or_default() {
            if let (Some(name), Some(value)) = (&parameter.key, &parameter.value) {
                add(headers, name, value)?;
            }
        }
        match &self.authorization.credentials {
            Credentials::Basic { username, password } => {
                let pair = STANDARD.encode(format!("{username}:{password}"));
                add(headers, "authorization", &format!("Basic {pair}"))?;
            }
            Credentials::ApiKey { name, value } => add(headers, name, value)?,
            Credentials::OAuth(_) => {
                add(headers, "authorization", &format!("Bearer {}", bearer.unwrap_or_default()))?;
            }
        }
        headers.insert(header::USER_AGENT, USER_AGENT);
        Ok(request)
    }

    fn parameters(&self) -> Option<&ConnectionHttpParameters> {
        self.authorization.parameters.as_ref()
    }

    /// The input of the target, with the connection's members if it is an object.
    fn body(&self, event: &Value) -> Result<Bytes, Failure> {
        let (arn, name) = &self.rule;
        let made = self.input.make(event, RuleNames { arn, name });
        let made = made.ok_or_else(|| Failure::permanent("the input of the target is too long"))?;
        let added = self.parameters().map(|parameters| parameters.body_parameters.as_slice());
        let added = added.unwrap_or_default();
        let parsed = if added.is_empty() { None } else { serde_json::from_str(&made).ok() };
        let Some(Value::Object(mut members)) = parsed else { return Ok(made.into()) };
        for parameter in added {
            if let (Some(key), Some(value)) = (&parameter.key, &parameter.value) {
                members.insert(key.clone(), value.as_str().into());
            }
        }
        Ok(Value::Object(members).to_string().into())
    }

    /// The endpoint with the values of the target. The connection's parameters replace the target's.
    fn url(&self) -> Result<String, Failure> {
        let of_target = self.target.http_parameters.as_ref();
        let mut values = of_target.iter().flat_map(|parameters| &parameters.path_parameter_values);
        let mut parts = self.destination.endpoint.split('*');
        let mut url = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let value = values.next().ok_or_else(|| {
                Failure::permanent("the endpoint has more * than the target has PathParameterValues")
            })?;
            url.extend(utf8_percent_encode(value, IN_PATH));
            url.push_str(part);
        }
        let mut query: Vec<(&str, &str)> = Vec::new();
        let own = of_target.iter().flat_map(|parameters| &parameters.query_string_parameters);
        query.extend(own.map(|(key, value)| (key.as_str(), value.as_str())));
        let shared = self.parameters().map(|parameters| parameters.query_string_parameters.as_slice());
        for parameter in shared.unwrap_or_default() {
            if let (Some(key), Some(value)) = (&parameter.key, &parameter.value) {
                query.retain(|(known, _)| known != key);
                query.push((key, value));
            }
        }
        Ok(with_query(url, &query))
    }
}

/// The URL with more parameters.
pub(crate) fn with_query(mut url: String, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return url;
    }
    url.push(if url.contains('?') { '&' } else { '?' });
    url.push_str(&form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish());
    url
}

/// Adds a header that a tenant chose. Its value may be a secret.
pub(crate) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Failure> {
    let unusable = || Failure::permanent(format!("the header {name} cannot be sent"));
    if !is_allowed_header(name) {
        return Err(unusable());
    }
    let name: HeaderName = name.parse().map_err(|_| unusable())?;
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unusable())?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
