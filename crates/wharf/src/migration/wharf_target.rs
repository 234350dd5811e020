//! A Wharf server as the target: pushes by the distribution specification, with the caller's own permissions.

use std::time::Duration;

use aws::ids::AccountId;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use oci::digest::Digest;
use oci::name::{Reference, RepositoryName};
use outbound::Limits;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use upstream::RemoteManifest;

use super::CopyError;
use super::reader::Reader;
use super::target::{Moved, Place};
use crate::aws_client::{AwsClient, CallError, Service};

/// The bytes of one request. This much memory is held for each transfer.
const PART: usize = 8 * 1024 * 1024;
/// Answers are small; a part may arrive slowly.
const LIMITS: Limits = Limits { bytes: 1024 * 1024, time: Duration::from_mins(5) };
const CONTENT_DIGEST: &str = "docker-content-digest";

/// A server, and what authorizes requests to it.
pub(crate) struct WharfTarget {
    client: AwsClient,
    /// The start of every URL.
    base: String,
    /// The account of the registry, if it is not the caller's own.
    account: Option<AccountId>,
    authorization: Mutex<Option<HeaderValue>>,
    /// Whether missing repositories are created.
    creates: bool,
}

impl WharfTarget {
    pub(crate) fn new(client: AwsClient, account: Option<AccountId>, creates: bool) -> anyhow::Result<Self> {
        let base = client.endpoint_of(Service::Ecr)?.trim_end_matches('/').to_owned();
        Ok(Self { client, base, account, authorization: Mutex::new(None), creates })
    }

    fn path(&self, name: &RepositoryName) -> String {
        match &self.account {
            Some(account) => format!("/v2/{account}/{name}"),
            None => format!("/v2/{name}"),
        }
    }

    /// Creates the repository if it does not exist. Without the permission to create it, the first push reports it.
    pub(super) async fn begin(&self, name: &RepositoryName) -> Result<(), CopyError> {
        let url = format!("{}/tags/list?n=1", self.path(name));
        let answer = self.ask(Method::GET, &url).await?;
        if answer.status() != StatusCode::NOT_FOUND || !self.creates {
            return Ok(());
        }
        let mut input = json!({ "repositoryName": name });
        if let (Some(account), Some(members)) = (&self.account, input.as_object_mut()) {
            members.insert("registryId".to_owned(), account.to_string().into());
        }
        match Box::pin(self.client.json(Service::Ecr, "CreateRepository", &input)).await {
            Err(CallError::Refused(refusal)) if refusal.code == "RepositoryAlreadyExistsException" => Ok(()),
            created => Ok(created.map(|_| ())?),
        }
    }

    pub(super) async fn head(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Digest>, CopyError> {
        let found = self.find(&format!("{}/manifests/{reference}", self.path(name))).await?;
        Ok(found.as_ref().and_then(digest_of))
    }

    pub(super) async fn has_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<bool, CopyError> {
        Ok(self.find(&format!("{}/blobs/{digest}", self.path(name))).await?.is_some())
    }

    /// The answer to HEAD, if there is something at the path.
    async fn find(&self, path: &str) -> Result<Option<Response<Bytes>>, CopyError> {
        let answer = self.ask(Method::HEAD, path).await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(refused(&format!("HEAD {path}"), &answer)),
        }
    }

    /// A mount that is not possible becomes an upload (distribution specification, "Mounting a blob").
    pub(super) async fn put_blob(
        &self,
        name: &RepositoryName,
        (digest, size): (&Digest, u64),
        from: Option<&RepositoryName>,
        open: impl AsyncFn() -> Result<Reader, CopyError>,
    ) -> Result<Moved, CopyError> {
        let path = self.path(name);
        let from = from.map(|from| format!("&from={}", self.path(from).trim_start_matches("/v2/")));
        let url = format!("{path}/blobs/uploads/?mount={digest}{}", from.unwrap_or_default());
        let answer = self.ask(Method::POST, &url).await?;
        match answer.status() {
            StatusCode::CREATED => return Ok(Moved::Shared),
            StatusCode::ACCEPTED => {}
            _ => return Err(refused(&format!("POST {url}"), &answer)),
        }
        let mut session = self.location(&answer)?;
        let mut reader = open().await?;
        let mut sent = 0;
        let mut part = reader.part(PART).await?;
        while sent + (part.len() as u64) < size && !part.is_empty() {
            sent += part.len() as u64;
            session = self.append(&session, sent, part).await?;
            part = reader.part(PART).await?;
        }
        let separator = if session.contains('?') { '&' } else { '?' };
        let url = format!("{session}{separator}digest={digest}");
        let answer = self.send(Method::PUT, &url, octets(), part).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(Moved::Sent),
            _ => Err(refused(&format!("PUT {path}/blobs/uploads/…?digest={digest}"), &answer)),
        }
    }

    /// Sends a part that is not the last one and ends before `end`; returns where the next one goes.
    async fn append(&self, session: &str, end: u64, part: Bytes) -> Result<String, CopyError> {
        let mut headers = octets();
        let (first, last) = (end.saturating_sub(part.len() as u64), end.saturating_sub(1));
        if let Ok(range) = HeaderValue::from_str(&format!("{first}-{last}")) {
            headers.insert(CONTENT_RANGE, range);
        }
        let answer = self.send(Method::PATCH, session, headers, part).await?;
        match answer.status() {
            StatusCode::ACCEPTED => self.location(&answer),
            _ => Err(refused("PATCH of an upload", &answer)),
        }
    }

    pub(super) async fn put_manifest(
        &self,
        name: &RepositoryName,
        manifest: &RemoteManifest,
        place: &Place,
    ) -> Result<(), CopyError> {
        let reference = match place {
            Place::Tag(tag) if Digest::of(oci::Algorithm::Sha256, &manifest.body) == manifest.digest => {
                Reference::Tag(tag.clone())
            }
            _ => Reference::Digest(manifest.digest),
        };
        let url = match (place, &reference) {
            // A tag of an image whose digest is not SHA-256 (distribution specification, "Pushing Manifests").
            (Place::Tag(tag), Reference::Digest(digest)) => {
                format!("{}/manifests/{digest}?tag={tag}", self.path(name))
            }
            _ => format!("{}/manifests/{reference}", self.path(name)),
        };
        let mut headers = HeaderMap::new();
        if let Ok(media_type) = HeaderValue::from_str(&manifest.manifest.media_type) {
            headers.insert(CONTENT_TYPE, media_type);
        }
        let answer = self.send(Method::PUT, &url, headers, manifest.body.clone()).await?;
        if answer.status() != StatusCode::CREATED {
            return Err(refused(&format!("PUT {url}"), &answer));
        }
        match digest_of(&answer) {
            Some(stored) if stored != manifest.digest => {
                Err(CopyError::Other(format!("PUT {url}: stored as {stored}, not as {}", manifest.digest)))
            }
            _ => Ok(()),
        }
    }

    /// The path of an upload session. It is at this server, whatever host is in the header.
    fn location(&self, answer: &Response<Bytes>) -> Result<String, CopyError> {
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let path = location.map(|location| location.strip_prefix(&self.base).unwrap_or(location));
        let path = path.filter(|path| path.starts_with("/v2/"));
        path.map(str::to_owned)
            .ok_or_else(|| CopyError::Other("the server names no upload session".to_owned()))
    }

    /// Sends a request without a body.
    async fn ask(&self, method: Method, path: &str) -> Result<Response<Bytes>, CopyError> {
        self.send(method, path, HeaderMap::new(), Bytes::new()).await
    }

    /// Sends a request. A token that has expired is renewed once.
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, CopyError> {
        let mut authorization = self.authorize(None).await?;
        loop {
            let mut request = Request::new(body.clone());
            *request.method_mut() = method.clone();
            let url = format!("{}{path}", self.base);
            *request.uri_mut() = url.parse().map_err(|_| CopyError::Other(format!("{url} is not a URL")))?;
            *request.headers_mut() = headers.clone();
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
            let answer = Box::pin(self.client.http().send(request, LIMITS)).await;
            let answer = answer
                .map_err(|source| CopyError::Unanswered { what: format!("{method} {path}"), source })?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let renewed = self.authorize(Some(&authorization)).await?;
            if renewed == authorization {
                return Ok(answer);
            }
            authorization = renewed;
        }
    }

    /// The value of `Authorization`: another one than `refused`, which the server did not accept.
    async fn authorize(&self, refused: Option<&HeaderValue>) -> Result<HeaderValue, CopyError> {
        let mut kept = self.authorization.lock().await;
        if let Some(authorization) = kept.as_ref().filter(|kept| Some(*kept) != refused) {
            return Ok(authorization.clone());
        }
        let token = Box::pin(self.client.authorization_token()).await?;
        let header = HeaderValue::from_str(&format!("Basic {token}"));
        let mut header = header.map_err(|error| CopyError::Other(error.to_string()))?;
        header.set_sensitive(true);
        *kept = Some(header.clone());
        Ok(header)
    }
}

fn octets() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))])
}

fn digest_of(answer: &Response<Bytes>) -> Option<Digest> {
    answer.headers().get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

/// The error of an answer, with the server's own message.
fn refused(what: &str, answer: &Response<Bytes>) -> CopyError {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let member = |name: &str| body.pointer(&format!("/errors/0/{name}")).and_then(Value::as_str);
    let message = member("message").or_else(|| member("code")).unwrap_or("without a message").to_owned();
    CopyError::Refused { what: what.to_owned(), status: answer.status().as_u16(), message }
}
