//! The requests of the suite, signed if necessary (IAM User Guide, "Create a signed AWS API request").

use anyhow::{Result, anyhow};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, Request, header};
use sha2::{Digest as _, Sha256};

/// The Region of all signatures.
const REGION: &str = "us-east-1";
const JSON: &str = "application/x-amz-json-1.1";
const FORM: &str = "application/x-www-form-urlencoded";

/// An access key. No `Debug`: it contains a secret.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    /// The same ID with a wrong secret.
    pub(super) fn forged(&self) -> Self {
        Self { id: self.id.clone(), secret: "0".repeat(40) }
    }

    /// A signed call of ECR or Organizations.
    pub(crate) fn json(
        &self,
        host: &str,
        service: Service,
        operation: &str,
        body: Bytes,
    ) -> Result<Request<Bytes>> {
        let (name, prefix) = match service {
            Service::Ecr => ("ecr", "AmazonEC2ContainerRegistry_V20150921"),
            Service::Organizations => ("organizations", "AWSOrganizationsV20161128"),
        };
        self.post(host, name, JSON, Some(&format!("{prefix}.{operation}")), body)
    }

    /// A signed call of IAM or STS.
    pub(super) fn query(&self, host: &str, parameters: &[(&str, &str)]) -> Result<Request<Bytes>> {
        let is_sts = parameters.contains(&("Version", STS));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(parameters);
        self.post(host, if is_sts { "sts" } else { "iam" }, FORM, None, form.finish().into())
    }

    fn post(
        &self,
        host: &str,
        service: &str,
        kind: &str,
        target: Option<&str>,
        body: Bytes,
    ) -> Result<Request<Bytes>> {
        let at = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = at.get(..8).unwrap_or_default();
        let (line, name) = target
            .map_or((String::new(), ""), |target| (format!("x-amz-target:{target}\n"), ";x-amz-target"));
        let names = format!("content-type;host;x-amz-date{name}");
        let hash = hex::encode(Sha256::digest(&body));
        let canonical =
            format!("POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{at}\n{line}\n{names}\n{hash}");
        let scope = format!("{day}/{REGION}/{service}/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = hmac(format!("AWS4{}", self.secret).as_bytes(), day)?;
        for part in [REGION, service, "aws4_request"] {
            key = hmac(&key, part)?;
        }
        let signature = hex::encode(hmac(&key, &text)?);
        let credential = format!("{}/{scope}", self.id);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        let mut request = Request::builder().method(Method::POST).uri(format!("http://{host}/"));
        request = request.header(header::CONTENT_TYPE, kind).header("x-amz-date", &at);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        Ok(request.header(header::AUTHORIZATION, authorization).body(body)?)
    }
}

/// The services that speak JSON.
#[derive(Clone, Copy)]
pub(crate) enum Service {
    Ecr,
    Organizations,
}

/// The version of STS's API, which distinguishes its calls from IAM's.
pub(super) const STS: &str = "2011-06-15";
/// The version of IAM's API.
pub(super) const IAM: &str = "2010-05-08";

/// A request with a body and, if `basic` is given, a password.
pub(super) fn plain(
    host: &str,
    method: Method,
    path: &str,
    basic: Option<&str>,
    kind: Option<&str>,
    body: Bytes,
) -> Result<Request<Bytes>> {
    let mut request = Request::builder().method(method).uri(format!("http://{host}{path}"));
    if let Some(basic) = basic {
        request = request.header(header::AUTHORIZATION, format!("Basic {basic}"));
    }
    if let Some(kind) = kind {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    Ok(request.body(body)?)
}

fn hmac(key: &[u8], message: &str) -> Result<Vec<u8>> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|_| anyhow!("a key of a length that HMAC refuses"))?;
    mac.update(message.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}
