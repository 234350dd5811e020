//! Requests in the protocol of each API, signed or not, and their answers.

use aws::ids::{AccessKeyId, Region, SecretKey};
use aws::service::Service;
use aws::sigv4::{Credentials, Payload, Request, sign};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpStream;

use super::stage::Stage;
use super::table::ACCOUNT;
use crate::client::over_http1;

/// A request without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A JSON service: the target of the operation, and its input.
    Json { service: &'static str, target: String, body: String },
    /// A query service.
    Form { service: &'static str, body: String },
    /// The data plane.
    Data { method: Method, path: String, content_type: &'static str, body: String },
}

/// An operation of ECR.
pub(super) fn ecr(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::Ecr.target_prefix().unwrap());
    Ask::Json { service: "ecr", target, body: input.to_string() }
}

/// An operation of ECR Public.
pub(super) fn ecr_public(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::EcrPublic.target_prefix().unwrap());
    Ask::Json { service: "ecr-public", target, body: input.to_string() }
}

/// An operation of Organizations.
pub(super) fn organizations(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::Organizations.target_prefix().unwrap());
    Ask::Json { service: "organizations", target, body: input.to_string() }
}

/// An operation of EventBridge.
pub(super) fn events(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::EventBridge.target_prefix().unwrap());
    Ask::Json { service: "events", target, body: input.to_string() }
}

/// An operation of Secrets Manager.
pub(super) fn secrets(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::SecretsManager.target_prefix().unwrap());
    Ask::Json { service: "secretsmanager", target, body: input.to_string() }
}

/// An operation of Service Quotas.
pub(super) fn service_quotas(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::ServiceQuotas.target_prefix().unwrap());
    Ask::Json { service: "servicequotas", target, body: input.to_string() }
}

/// An operation of the Resource Groups Tagging API.
pub(super) fn tagging(operation: &str, input: &Value) -> Ask {
    let target = format!("{}.{operation}", Service::Tagging.target_prefix().unwrap());
    Ask::Json { service: "tagging", target, body: input.to_string() }
}

/// An operation of IAM.
pub(super) fn iam(operation: &str, parameters: &[(&str, &str)]) -> Ask {
    form("iam", "2010-05-08", operation, parameters)
}

/// An operation of STS.
pub(super) fn sts(operation: &str, parameters: &[(&str, &str)]) -> Ask {
    form("sts", "2011-06-15", operation, parameters)
}

fn form(service: &'static str, version: &str, operation: &str, parameters: &[(&str, &str)]) -> Ask {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation).append_pair("Version", version);
    form.extend_pairs(parameters);
    Ask::Form { service, body: form.finish() }
}

/// A request of the data plane.
pub(super) fn data(method: Method, path: &str) -> Ask {
    Ask::Data { method, path: path.to_owned(), content_type: "application/octet-stream", body: String::new() }
}

/// A request with a body.
pub(super) fn data_with(method: Method, path: &str, content_type: &'static str, body: &str) -> Ask {
    Ask::Data { method, path: path.to_owned(), content_type, body: body.to_owned() }
}

impl Ask {
    /// The same with changed texts.
    pub(super) fn replaced(&self, change: impl Fn(&str) -> String) -> Self {
        match self.clone() {
            Self::Json { service, target, body } => Self::Json { service, target, body: change(&body) },
            Self::Form { service, body } => Self::Form { service, body: change(&body) },
            Self::Data { method, path, content_type, body } => {
                Self::Data { method, path: change(&path), content_type, body: change(&body) }
            }
        }
    }

    /// The same with the registry of [`ACCOUNT`]. Requests of the data plane always name it by their host, and an ARN
    /// names it too.
    pub(super) fn naming_registry(&self) -> Self {
        let Self::Json { service: service @ ("ecr" | "ecr-public"), target, body } = self else {
            return self.clone();
        };
        let mut input: Value = serde_json::from_str(body).unwrap();
        if input.get("resourceArn").is_none() {
            input["registryId"] = ACCOUNT.into();
        }
        Self::Json { service, target: target.clone(), body: input.to_string() }
    }

    /// Status and code of a refusal by the gate.
    pub(super) fn denial(&self) -> (u16, &'static str) {
        match self {
            Self::Json { .. } => (400, "AccessDeniedException"),
            Self::Form { .. } => (403, "AccessDenied"),
            Self::Data { .. } => (403, "DENIED"),
        }
    }

    pub(super) fn is_data(&self) -> bool {
        matches!(self, Self::Data { .. })
    }

    /// Whether answers have no body.
    pub(super) fn is_head(&self) -> bool {
        matches!(self, Self::Data { method, .. } if *method == Method::HEAD)
    }
}

/// The caller: credentials of an AWS API, and the docker password that they requested.
pub(super) struct Identity {
    pub(super) arn: String,
    pub(super) access_key_id: AccessKeyId,
    pub(super) secret: SecretKey,
    pub(super) session_token: Option<String>,
    /// The value after `Basic`.
    pub(super) password: String,
}

impl Identity {
    /// The credentials that STS issued to `arn`.
    pub(super) fn given(arn: String, answer: &Answer) -> Self {
        Self {
            arn,
            access_key_id: element(&answer.body, "AccessKeyId").parse().unwrap(),
            secret: SecretKey::new(element(&answer.body, "SecretAccessKey")),
            session_token: Some(element(&answer.body, "SessionToken")),
            password: String::new(),
        }
    }
}

/// An answer of any API.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) body: String,
    pub(super) headers: HeaderMap,
}

impl Stage {
    /// Sends the request, with credentials or anonymously.
    pub(super) async fn ask(&self, ask: &Ask, who: Option<&Identity>) -> Answer {
        let (method, path, headers, body) = match ask {
            Ask::Json { service, target, body } => {
                let fixed = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
                ("POST", "/", self.signed(who, service, &fixed, body), body)
            }
            Ask::Form { service, body } => {
                let fixed = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
                ("POST", "/", self.signed(who, service, &fixed, body), body)
            }
            Ask::Data { method, path, content_type, body } => {
                let mut headers = HeaderMap::new();
                let host = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com");
                headers.insert(HOST, host.parse().unwrap());
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
                if let Some(who) = who {
                    headers.insert(AUTHORIZATION, format!("Basic {}", who.password).parse().unwrap());
                }
                (method.as_str(), path.as_str(), headers, body)
            }
        };
        let mut request = http::Request::new(Full::new(body.clone().into()));
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = path.parse().unwrap();
        *request.headers_mut() = headers;
        let reply = over_http1(TcpStream::connect(self.address()).await.unwrap(), request).await;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        let (code, message) = read(ask, &body);
        Answer { status: reply.status.as_u16(), code, message, body, headers: reply.headers }
    }

    fn signed(
        &self,
        who: Option<&Identity>,
        service: &str,
        fixed: &[(&'static str, &str)],
        body: &str,
    ) -> HeaderMap {
        let host = self.address().to_string();
        let mut lines = vec![("host", host.as_bytes())];
        lines.extend(fixed.iter().map(|(name, value)| (*name, value.as_bytes())));
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &[u8]| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        };
        for (name, value) in &lines {
            add(name, value);
        }
        if let Some(who) = who {
            let payload = Payload::of(body.as_bytes());
            let request = Request { method: "POST", path: "/", query: "", headers: &lines, payload };
            let credentials = Credentials {
                access_key_id: &who.access_key_id,
                secret: &who.secret,
                session_token: who.session_token.as_deref(),
            };
            let region: Region = "us-east-1".parse().unwrap();
            let signed = sign(&request, credentials, &region, service, Timestamp::now()).unwrap();
            for (name, value) in &signed {
                add(name, value.as_bytes());
            }
        }
        headers
    }
}

/// The code and the text of an error; empty if there is none.
fn read(ask: &Ask, body: &str) -> (String, String) {
    let json = || serde_json::from_str::<Value>(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match ask {
        Ask::Json { .. } => (text(&json()["__type"]), text(&json()["message"])),
        Ask::Form { .. } if body.contains("<Error>") => (element(body, "Code"), element(body, "Message")),
        Ask::Form { .. } => Default::default(),
        Ask::Data { .. } => {
            let error = &json()["errors"][0];
            (text(&error["code"]), text(&error["message"]))
        }
    }
}

/// The text of the first element with this name.
pub(super) fn element(xml: &str, name: &str) -> String {
    let begin = xml.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
    let inner = begin.split_once(&format!("</{name}>")).map_or("", |(inner, _)| inner);
    let mut text = inner.to_owned();
    for (escaped, plain) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
    {
        text = text.replace(escaped, plain);
    }
    text
}
