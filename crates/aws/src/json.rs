//! The protocol `x-amz-json-1.1`: target header, error bodies, timestamps.

mod blob;
mod bounds;
mod decode;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::service::Service;
use crate::shape::{Answer, WriteError};

pub(crate) use blob::blob;
pub use decode::{decode, decode_with};

/// The `Content-Type` of requests and answers.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A timestamp in an answer: seconds since 1970, with milliseconds as the fraction.
pub fn epoch_seconds(at: jiff::Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay exact for 285,000 years")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// Splits an `X-Amz-Target` header into service and operation. The operation has a valid form but may not exist.
///
/// ```
/// use aws::json::parse_target;
/// use aws::service::Service;
/// let target = "AmazonEC2ContainerRegistry_V20150921.PutImage";
/// assert_eq!(parse_target(target), Some((Service::Ecr, "PutImage")));
/// ```
pub fn parse_target(target: &str) -> Option<(Service, &str)> {
    let (prefix, operation) = target.split_once('.')?;
    let service = Service::of_target_prefix(prefix)?;
    let is_name =
        (1..=128).contains(&operation.len()) && operation.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then_some((service, operation))
}

/// The body of an answer. An operation without output has an empty object as its answer.
pub fn answer(answer: &dyn Answer) -> Result<Vec<u8>, WriteError> {
    if answer.has_result() { answer.to_json() } else { Ok(b"{}".to_vec()) }
}

/// The members of an answer.
pub(crate) fn write(answer: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    Ok(serde_json::to_vec(answer)?)
}

/// The body of an error: `__type`, `message` and the other members of some exceptions.
pub fn error_body(code: &str, message: &str, extra: &[(&str, Value)]) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("__type".to_owned(), code.into());
    body.insert("message".to_owned(), message.into());
    for (name, value) in extra {
        body.insert((*name).to_owned(), value.clone());
    }
    Value::Object(body).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_recognised_by_its_prefix() {
        let services: Vec<_> = Service::ALL.into_iter().filter(|s| s.target_prefix().is_some()).collect();
        assert_eq!(
            services,
            [
                Service::Ecr,
                Service::EcrPublic,
                Service::Organizations,
                Service::EventBridge,
                Service::SecretsManager,
                Service::ServiceQuotas,
                Service::Tagging
            ]
        );
        for service in services {
            let target = format!("{}.DescribeThings", service.target_prefix().unwrap());
            assert_eq!(parse_target(&target), Some((service, "DescribeThings")));
        }
        for bad in [
            "",
            "PutImage",
            "AmazonEC2ContainerRegistry_V20150921",
            "AmazonEC2ContainerRegistry_V20150921.",
            "AmazonEC2ContainerRegistry_V20150921.Put Image",
            "AmazonEC2ContainerRegistry_V20150921.Put.Image",
            "amazonec2containerregistry_v20150921.PutImage",
            "DynamoDB_20120810.PutItem",
        ] {
            assert_eq!(parse_target(bad), None, "{bad}");
        }
    }

    #[test]
    fn errors_have_type_message_and_extra_members() {
        let body = error_body("InvalidLayerPartException", "a \"b\"", &[("lastValidByteReceived", 7.into())]);
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "__type": "InvalidLayerPartException", "message": "a \"b\"", "lastValidByteReceived": 7,
            })
        );
    }
}
