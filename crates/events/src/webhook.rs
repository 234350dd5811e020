//! A request to an HTTPS endpoint, and what its answer means. The signature is that of the Standard Webhooks
//! specification: HMAC-SHA256 over ID, time and body.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;
use outbound::{Client, Limits, OutboundError};

use crate::retry::Failure;

/// The answer is read only to end the exchange.
const ANSWER: Limits = Limits { bytes: 64 * 1024, time: Duration::from_secs(10) };
/// What a text form of a secret begins with.
const SECRET_PREFIX: &[u8] = b"whsec_";

/// Signs a request: adds `webhook-id`, `webhook-timestamp` and `webhook-signature`.
pub(crate) fn sign(request: &mut Request<Bytes>, id: &str, secret: &[u8], now: Timestamp) {
    let decoded = secret.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text.trim_ascii()).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(secret));
    let time = now.as_second().to_string();
    let mut signed = hmac::Context::with_key(&key);
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", request.body()] {
        signed.update(part);
    }
    let signature = format!("v1,{}", STANDARD.encode(signed.sign()));
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", &signature)]
    {
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers_mut().insert(name, value);
        }
    }
}

/// Sends a request. An answer that is too long, or whose body ends early, still says with its status whether the target
/// took the event, but such a target is not trusted: it gets the event again.
pub(crate) async fn send(client: &Client, request: Request<Bytes>) -> Result<(), Failure> {
    match client.send(request, ANSWER).await {
        Ok(response) => answered(&response),
        Err(error @ (OutboundError::Url | OutboundError::Refused(_))) => Err(Failure::permanent(error)),
        Err(error) => Err(Failure::temporary(error)),
    }
}

/// EventBridge tries again after 401, 407, 409, 429 and 5xx (User Guide, "API destinations").
fn answered(response: &Response<Bytes>) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = format!("the target answered {status}");
    let is_temporary = status.is_server_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::PROXY_AUTHENTICATION_REQUIRED
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::CONFLICT
                | StatusCode::TOO_MANY_REQUESTS
        );
    if !is_temporary {
        return Err(Failure::permanent(text));
    }
    let after =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_unauthorized =
        matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    Err(Failure { after: after.map(Duration::from_secs), is_unauthorized, ..Failure::temporary(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<(), Failure> {
        let mut response = Response::builder().status(status);
        if let Some(seconds) = retry_after {
            response = response.header("retry-after", seconds);
        }
        answered(&response.body(Bytes::new()).unwrap())
    }

    #[test]
    fn statuses_say_whether_to_try_again() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answer(status, None), Ok(()), "{status}");
        }
        for status in [401, 407, 408, 409, 429, 500, 503] {
            assert!(answer(status, None).unwrap_err().is_temporary, "{status}");
        }
        for status in [301, 302, 307, 400, 403, 404, 413] {
            assert!(!answer(status, None).unwrap_err().is_temporary, "{status}");
        }
        assert_eq!(answer(429, Some("7")).unwrap_err().after, Some(Duration::from_secs(7)));
        assert_eq!(answer(503, Some("soon")).unwrap_err().after, None);
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let body = r#"{"test": 2432232314}"#;
        let mut request = Request::new(Bytes::from(body));
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        let secret = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        sign(&mut request, "msg_p5jXN8AQM9LWM0D4loKWxJek", secret, now);
        let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("webhook-timestamp"), "1614265330");
        assert_eq!(header("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
