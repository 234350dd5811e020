//! Requests to a registry: with its credentials, through its redirects.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use oci::manifest::MAX_MANIFEST_BYTES;
use oci::name::RepositoryName;
use outbound::{Client, Download};

use crate::challenge::Challenge;
use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::error::UpstreamError;
use crate::location::{Origin, resolve};
use crate::rules::Rules;
use crate::token::Tokens;

/// The maximum number of redirects of one request.
const MOST_REDIRECTS: usize = 5;
/// The maximum number of challenges that are read from one answer.
const MOST_CHALLENGES: usize = 8;

/// User name and password of a registry. There is no Debug: the password is never logged.
#[derive(Clone)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password or access token.
    pub password: String,
}

/// A registry, with the credentials of one account for it.
pub struct Upstream {
    http: Client,
    endpoint: Endpoint,
    basic: Option<HeaderValue>,
    rules: Arc<Rules>,
    tokens: Tokens,
}

/// One request.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Path and query, from `/v2/`.
    pub(crate) path: String,
    pub(crate) accept: Option<&'a str>,
    /// The scope of the token.
    pub(crate) scope: String,
}

impl Upstream {
    /// The client of a registry.
    pub fn new(
        connector: Connector,
        endpoint: Endpoint,
        credentials: Option<&Credentials>,
        rules: Arc<Rules>,
    ) -> Self {
        let Connector(http) = connector;
        let basic = credentials.and_then(|Credentials { username, password }| {
            let encoded = STANDARD.encode(format!("{username}:{password}"));
            let mut header = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
            header.set_sensitive(true);
            Some(header)
        });
        Self { http, endpoint, basic, rules, tokens: Tokens::default() }
    }

    /// Where the registry is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        self.basic.clone()
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Whether the registry answers, and accepts the credentials.
    pub async fn ping(&self) -> Result<(), UpstreamError> {
        let ask = Ask { method: Method::GET, path: "/v2/".to_owned(), accept: None, scope: String::new() };
        self.ask(&ask).await.map(|_| ())
    }

    /// Sends a request, authenticates if the registry wants it, and follows redirects. Only success is an answer.
    /// On the heap, so it is compiled with this crate and not again in each crate that awaits it.
    pub(crate) fn ask<'a>(
        &'a self,
        ask: &'a Ask<'_>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Download>, UpstreamError>> + Send + 'a>> {
        Box::pin(self.ask_patiently(ask))
    }

    async fn ask_patiently(&self, ask: &Ask<'_>) -> Result<Response<Download>, UpstreamError> {
        let known = self.tokens.get(&ask.scope);
        let answer = self.follow(ask, known.as_ref()).await?;
        let (answer, from_registry) = answer;
        if answer.status() != StatusCode::UNAUTHORIZED || !from_registry {
            return self.successful(answer);
        }
        // A token that was valid before can have been revoked, so the challenge is answered once in any case.
        let header = self.authorization(&answer, &ask.scope).await?;
        drop(answer);
        let (answer, _) = self.follow(ask, Some(&header)).await?;
        self.successful(answer)
    }

    /// The body of a manifest or of a page of a list.
    pub(crate) async fn document(&self, body: Download) -> Result<Bytes, UpstreamError> {
        let host = body.host().to_owned();
        let read = tokio::time::timeout(self.rules.document, body.collect(MAX_MANIFEST_BYTES)).await;
        Ok(read.map_err(|_| UpstreamError::Unavailable(format!("{host} is too slow")))??)
    }

    fn successful(&self, answer: Response<Download>) -> Result<Response<Download>, UpstreamError> {
        match answer.status() {
            StatusCode::OK => Ok(answer),
            status => Err(refused(self.endpoint.host(), status, answer.headers())),
        }
    }

    /// What authorizes the request after the registry's challenge.
    async fn authorization(
        &self,
        answer: &Response<Download>,
        scope: &str,
    ) -> Result<HeaderValue, UpstreamError> {
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter().take(MOST_CHALLENGES);
        let challenges: Vec<_> =
            challenges.filter_map(|value| Challenge::parse(value.to_str().ok()?)).collect();
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm.as_str(), service.as_deref())),
            Challenge::Basic => None,
        });
        if let Some(bearer) = bearer {
            return self.fetch_token(bearer, scope).await;
        }
        let denied = || refused(self.endpoint.host(), StatusCode::UNAUTHORIZED, answer.headers());
        let basic = self.basic().filter(|_| challenges.contains(&Challenge::Basic)).ok_or_else(denied)?;
        self.tokens.put(scope, basic.clone(), BASIC_LASTS);
        Ok(basic)
    }

    /// Sends a request and follows its redirects. A host that is not the registry's gets no credentials, and its
    /// challenges count for nothing. Also returns whether the registry itself answered.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response<Download>, bool), UpstreamError> {
        let invalid = |why| UpstreamError::invalid(self.endpoint.host(), why);
        let url = format!("{}{}", self.endpoint.base(), ask.path);
        let mut uri: Uri = url.parse().map_err(|_| invalid("it has no valid URL"))?;
        let registry = Origin::of(&uri).ok_or_else(|| invalid("it has no valid URL"))?;
        for _ in 0..=MOST_REDIRECTS {
            let origin = Origin::of(&uri).ok_or_else(|| invalid("it redirects to an invalid URL"))?;
            origin.check(&self.rules)?;
            let is_registry = origin == registry;
            let request = request(ask, &uri, authorization.filter(|_| is_registry));
            let answer = self.http.open(request, self.rules.waits).await?;
            if !is_redirect(answer.status()) {
                return Ok((answer, is_registry));
            }
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| resolve(&uri, location));
            uri = next.ok_or_else(|| invalid("it redirects to an invalid URL"))?;
        }
        Err(invalid("it redirects too often"))
    }

    /// The scope of a token that pulls from a repository.
    pub(crate) fn pull_scope(name: &RepositoryName) -> String {
        format!("repository:{name}:pull")
    }
}

/// How long a registry is sent the password without a challenge.
const BASIC_LASTS: Duration = Duration::from_mins(10);

fn request(ask: &Ask<'_>, uri: &Uri, authorization: Option<&HeaderValue>) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = ask.method.clone();
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("wharf/", env!("CARGO_PKG_VERSION"))));
    if let Some(accept) = ask.accept.and_then(|accept| HeaderValue::from_str(accept).ok()) {
        headers.insert(ACCEPT, accept);
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    request
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The error of an answer that is not a success.
pub(crate) fn refused(host: &str, status: StatusCode, headers: &HeaderMap) -> UpstreamError {
    let host = host.to_owned();
    match status.as_u16() {
        401 | 403 => UpstreamError::AccessDenied { host, status: status.as_u16() },
        404 => UpstreamError::NotFound(host),
        429 => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            UpstreamError::TooManyRequests { host, retry_after: seconds.map(Duration::from_secs) }
        }
        _ => UpstreamError::Unavailable(format!("{host} answered {}", status.as_u16())),
    }
}
