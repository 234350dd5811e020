//! The client side of the command line. It calls the AWS APIs of a running server with the caller's own credentials, so
//! the server's gate decides what a command may do.

mod answer;
mod ini;
mod own_server;
mod profile;
mod registry_access;
mod service;
mod wiring;

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use aws::ids::{AccessKeyId, Region, SecretKey};
use aws::sigv4::{self, Payload};
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;
use outbound::{Client, Limits};
use serde_json::Value;

pub(crate) use answer::{Refusal, XmlAnswer};
pub(crate) use own_server::ready;
pub(crate) use profile::access_key_of_file;
pub(crate) use registry_access::RegistryAccess;
pub(crate) use service::Service;
pub(crate) use wiring::{Connection, environment};

/// The longest answers of IAM are much smaller than this.
const LIMITS: Limits = Limits { bytes: 16 * 1024 * 1024, time: Duration::from_secs(30) };

/// An access key, possibly a temporary one. No `Debug`: it contains a secret.
#[derive(Clone)]
pub(crate) struct AccessKey {
    pub(crate) id: AccessKeyId,
    pub(crate) secret: SecretKey,
    pub(crate) session_token: Option<String>,
}

/// A client of one server.
pub(crate) struct AwsClient {
    http: Client,
    endpoints: wiring::Endpoints,
    /// None if the client makes only calls without a signature.
    access_key: Option<AccessKey>,
    region: Region,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The server returned an error.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer is not an answer of an AWS API.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl AwsClient {
    /// The URL of a service.
    pub(crate) fn endpoint_of(&self, service: Service) -> anyhow::Result<&str> {
        self.endpoints.of(service)
    }

    /// What calls the server.
    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    /// The Region that requests are signed for.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// The ID of the access key that signs, if there is one.
    pub(crate) fn access_key_id(&self) -> Option<&AccessKeyId> {
        self.access_key.as_ref().map(|key| &key.id)
    }

    /// Calls an action of a query service (STS, IAM). Lists are written as AWS writes them: `Tags.member.1.Key`.
    pub(crate) async fn query(
        &self,
        service: Service,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<XmlAnswer, CallError> {
        self.call_query(service, action, parameters, true).await
    }

    /// The same without a signature, for `AssumeRoleWithWebIdentity`.
    pub(crate) async fn query_unsigned(
        &self,
        service: Service,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<XmlAnswer, CallError> {
        self.call_query(service, action, parameters, false).await
    }

    async fn call_query(
        &self,
        service: Service,
        action: &str,
        parameters: &[(&str, &str)],
        is_signed: bool,
    ) -> Result<XmlAnswer, CallError> {
        let body = form(service, action, parameters);
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let answer =
            self.post(service, &[("content-type", content_type)], (body, is_signed), LIMITS.time).await?;
        let status = answer.status();
        let answer = XmlAnswer::read(answer.into_body(), status.as_u16())?;
        if status.is_success() { Ok(answer) } else { Err(answer.refusal(action, status.as_u16()).into()) }
    }

    /// Calls an operation of a JSON service (ECR, Organizations).
    pub(crate) async fn json(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
    ) -> Result<Value, CallError> {
        self.json_within(service, operation, input, LIMITS.time).await
    }

    /// The same for an operation that can take this long.
    pub(crate) async fn json_within(
        &self,
        service: Service,
        operation: &str,
        input: &Value,
        time: Duration,
    ) -> Result<Value, CallError> {
        let target = format!("{}.{operation}", service.version());
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let answer = self.post(service, &headers, (input.to_string(), true), time).await?;
        let status = answer.status();
        let body: Value = serde_json::from_slice(answer.body())
            .map_err(|_| anyhow!("the server answered {status} without JSON: is this a Wharf endpoint?"))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(Refusal::of_json(&body, operation, status.as_u16()).into())
    }

    async fn post(
        &self,
        service: Service,
        headers: &[(&'static str, &str)],
        (body, is_signed): (String, bool),
        time: Duration,
    ) -> anyhow::Result<Response<Bytes>> {
        let url = self.endpoints.of(service)?;
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        let uri = format!("{}/", url.trim_end_matches('/'));
        *request.uri_mut() = uri.parse().with_context(|| format!("the endpoint {url} is not a URL"))?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value)?);
        }
        if is_signed {
            self.sign(service, &mut request)?;
        }
        self.http.send(request, Limits { time, ..LIMITS }).await.with_context(|| format!("cannot call {url}"))
    }

    fn sign(&self, service: Service, request: &mut Request<Bytes>) -> anyhow::Result<()> {
        let key = self.access_key.as_ref().context(
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE \
             (for `wharf dev`: eval \"$(wharf env)\")",
        )?;
        let host = request.uri().authority().context("the endpoint has no host")?.as_str().to_owned();
        let path = request.uri().path().to_owned();
        let mut headers: Vec<(&str, &[u8])> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        headers.push(("host", host.as_bytes()));
        let unsigned = sigv4::Request {
            method: "POST",
            path: &path,
            query: "",
            headers: &headers,
            payload: Payload::of(request.body()),
        };
        let credentials = sigv4::Credentials {
            access_key_id: &key.id,
            secret: &key.secret,
            session_token: key.session_token.as_deref(),
        };
        let region = service.signing_region(&self.region)?;
        let added = sigv4::sign(&unsigned, credentials, &region, service.name(), Timestamp::now())
            .map_err(|error| anyhow!("cannot sign: {error}"))?;
        for (name, value) in added {
            request.headers_mut().insert(name, HeaderValue::from_str(&value)?);
        }
        Ok(())
    }
}

fn form(service: Service, action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", service.version());
    form.extend_pairs(parameters).finish()
}
