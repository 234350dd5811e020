//! The verifier compared with the official Rust signer, and with changed requests.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as OfficialCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as official_sign,
};
use aws_sigv4::sign::v4;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Credentials, Payload, Presented, Request, SigV4Error, presign, sign};
use crate::ids::SecretKey;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SIGNED_AT: i64 = 1_700_000_000;

/// A request as on the wire, owned so that a test can change any byte.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, path: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        let headers = headers.collect();
        Self { method: method.into(), path: path.into(), query: query.into(), headers, body: body.into() }
    }

    fn ecr_call() -> Self {
        let headers = [
            ("host", "api.ecr.us-east-1.amazonaws.com"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry"),
        ];
        Self::new("POST", "/", "", &headers, b"{}")
    }

    fn sts_url() -> Self {
        let host = [("host", "sts.amazonaws.com")];
        Self::new("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", &host, b"")
    }

    fn decide(&self, service: &str, now: Timestamp) -> Result<(), SigV4Error> {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let request = Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            payload: Payload::of(&self.body),
        };
        let presented = Presented::from_request(&request)?.ok_or(SigV4Error::MissingToken)?;
        if presented.access_key_id().as_str() != KEY {
            return Err(SigV4Error::UnknownKey);
        }
        presented.verify(&request, &SecretKey::new(SECRET), service, now)
    }

    /// Signs like the official signer of AWS's Rust SDK.
    fn officially(mut self, service: &str, expires: Option<u64>) -> Self {
        let identity = OfficialCredentials::new(KEY, SECRET, None, None, "test").into();
        let mut settings = SigningSettings::default();
        if let Some(seconds) = expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(Duration::from_secs(seconds));
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(SIGNED_AT.unsigned_abs()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let host = self.headers.iter().find(|(name, _)| name == "host").unwrap().1.clone();
        let mark = if self.query.is_empty() { "" } else { "?" };
        let uri = format!("https://{}{}{mark}{}", String::from_utf8(host).unwrap(), self.path, self.query);
        let headers = self.headers.iter().map(|(n, v)| (n.as_str(), std::str::from_utf8(v).unwrap()));
        let signable =
            SignableRequest::new(&self.method, uri, headers, SignableBody::Bytes(&self.body)).unwrap();
        let (added, _) = official_sign(signable, &params).unwrap().into_parts();
        let (headers, parameters) = added.into_parts();
        for header in headers {
            self.headers.push((header.name().to_owned(), header.value().as_bytes().to_vec()));
        }
        for (name, value) in parameters {
            let value = super::canonical::encode_parameter(value.as_bytes());
            let mark = if self.query.is_empty() { "" } else { "&" };
            self.query = format!("{}{mark}{name}={value}", self.query);
        }
        self
    }
}

fn at(offset: i64) -> Timestamp {
    Timestamp::from_second(SIGNED_AT).unwrap() + SignedDuration::from_secs(offset)
}

#[test]
fn requests_of_the_official_signer_are_accepted() {
    assert_eq!(Sent::ecr_call().officially("ecr", None).decide("ecr", at(0)), Ok(()));
    assert_eq!(Sent::sts_url().officially("sts", Some(60)).decide("sts", at(0)), Ok(()));
    assert_eq!(Sent::ecr_call().decide("ecr", at(0)), Err(SigV4Error::MissingToken));
}

#[test]
fn the_authority_of_http2_is_signed_as_host() {
    // The signature does not depend on the order of header lines: the server can put `:authority` anywhere.
    let mut sent = Sent::ecr_call().officially("ecr", None);
    let host = sent.headers.remove(0);
    assert!(matches!(sent.decide("ecr", at(0)), Err(SigV4Error::SignatureMismatch)));
    sent.headers.push(host);
    assert_eq!(sent.decide("ecr", at(0)), Ok(()));
}

#[test]
fn a_header_signature_is_valid_for_five_minutes() {
    let sent = Sent::ecr_call().officially("ecr", None);
    for offset in [-300, -1, 0, 299, 300] {
        assert_eq!(sent.decide("ecr", at(offset)), Ok(()), "{offset}");
    }
    assert!(matches!(sent.decide("ecr", at(301)), Err(SigV4Error::Expired(_))));
    assert!(matches!(sent.decide("ecr", at(-301)), Err(SigV4Error::NotYetCurrent(_))));
    let said = sent.decide("ecr", at(600)).unwrap_err().to_string();
    assert_eq!(
        said,
        "Signature expired: 20231114T221320Z is now earlier than 20231114T221820Z (20231114T222320Z - 5 min.)"
    );
}

#[test]
fn a_presigned_url_is_valid_for_its_own_time() {
    let sent = Sent::sts_url().officially("iam", Some(60));
    assert_eq!(sent.decide("iam", at(60)), Ok(()));
    assert!(matches!(sent.decide("iam", at(61)), Err(SigV4Error::Expired(_))));
    assert!(matches!(sent.decide("iam", at(-301)), Err(SigV4Error::NotYetCurrent(_))));
    let mut longer = sent.clone();
    longer.query = longer.query.replace("X-Amz-Expires=60", "X-Amz-Expires=120");
    assert_eq!(longer.decide("iam", at(0)), Err(SigV4Error::SignatureMismatch));
    for expires in ["0", "604801", "-1", "1e3", "", "99999999999999999999"] {
        let mut wrong = sent.clone();
        wrong.query = wrong.query.replace("X-Amz-Expires=60", &format!("X-Amz-Expires={expires}"));
        assert!(matches!(wrong.decide("iam", at(0)), Err(SigV4Error::Incomplete(_))), "{expires}");
    }
}

#[test]
fn no_presigned_url_is_valid_for_more_than_15_minutes() {
    for service in ["iam", "ecr", "sts"] {
        let sent = Sent::sts_url().officially(service, Some(604_800));
        assert_eq!(sent.decide(service, at(900)), Ok(()), "{service}");
        assert!(matches!(sent.decide(service, at(901)), Err(SigV4Error::Expired(_))), "{service}");
    }
}

#[test]
fn a_url_of_sts_is_valid_for_15_minutes() {
    for expires in [0, 1, 60, 900, 3_600, 700_000] {
        let sent = Sent::sts_url().officially("sts", Some(expires));
        assert_eq!(sent.decide("sts", at(900)), Ok(()), "{expires}");
        assert!(matches!(sent.decide("sts", at(901)), Err(SigV4Error::Expired(_))), "{expires}");
        assert!(matches!(sent.decide("sts", at(-301)), Err(SigV4Error::NotYetCurrent(_))), "{expires}");
    }
}

#[test]
fn a_url_without_x_amz_expires_is_valid_for_15_minutes() {
    for service in ["sts", "iam"] {
        let mut sent = Sent::sts_url();
        let request = Request {
            method: "GET",
            path: "/",
            query: &sent.query,
            headers: &[("host", b"sts.amazonaws.com")],
            payload: Payload::Empty,
        };
        let (id, secret) = (KEY.parse().unwrap(), SecretKey::new(SECRET));
        let credentials = Credentials { access_key_id: &id, secret: &secret, session_token: None };
        let region = "us-east-1".parse().unwrap();
        sent.query = presign(&request, credentials, &region, service, None, at(0)).unwrap();
        assert!(!sent.query.contains("X-Amz-Expires"));
        assert_eq!(sent.decide(service, at(900)), Ok(()), "{service}");
        assert!(matches!(sent.decide(service, at(901)), Err(SigV4Error::Expired(_))), "{service}");
    }
}

#[test]
fn the_signature_of_another_service_is_refused() {
    let sent = Sent::ecr_call().officially("ecr-public", None);
    let refused = sent.decide("ecr", at(0)).unwrap_err();
    assert_eq!(refused.to_string(), "Credential should be scoped to correct service: 'ecr'. ");
}

#[test]
fn the_headers_that_name_the_operation_must_be_signed() {
    let mut sent = Sent::ecr_call();
    let target = sent.headers.remove(2);
    let mut sent = sent.officially("ecr", None);
    sent.headers.push(target);
    assert_eq!(sent.decide("ecr", at(0)), Err(SigV4Error::HeaderNotSigned("x-amz-target".into())));
}

#[test]
fn a_request_signed_twice_is_refused() {
    let mut sent = Sent::sts_url().officially("sts", Some(60));
    let header = Sent::sts_url().officially("sts", None);
    sent.headers.extend(header.headers.into_iter().skip(1));
    assert!(matches!(sent.decide("sts", at(0)), Err(SigV4Error::Incomplete(_))));
}

#[test]
fn our_own_signer_agrees_with_the_verifier() {
    let (key, secret, region) = (KEY.parse().unwrap(), SecretKey::new(SECRET), "eu-west-1".parse().unwrap());
    let credentials = Credentials { access_key_id: &key, secret: &secret, session_token: None };
    let mut sent = Sent::ecr_call();
    let owned = sent.clone();
    let headers: Vec<_> = owned.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let payload = Payload::of(b"{}");
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, payload };
    for (name, value) in sign(&request, credentials, &region, "ecr", at(0)).unwrap() {
        sent.headers.push((name.to_owned(), value.into_bytes()));
    }
    assert_eq!(sent.decide("ecr", at(0)), Ok(()));
    let mut url = Sent::sts_url();
    let request = Request {
        method: "GET",
        query: &url.query,
        headers: &headers[..1],
        payload: Payload::Empty,
        ..request
    };
    url.query = presign(&request, credentials, &region, "sts", Some(60), at(0)).unwrap();
    url.headers[0].1 = headers[0].1.to_vec();
    assert_eq!(url.decide("sts", at(0)), Ok(()));
}

/// Changes the byte at a position of the request, counted over everything that is sent. None after the end, and for a
/// change that is not valid text: HTTP refuses it earlier.
fn with_byte(sent: &Sent, mut place: usize, byte: u8) -> Option<Sent> {
    let mut changed = sent.clone();
    let Sent { method, path, query, headers, body } = &mut changed;
    let lengths = [method.len(), path.len(), query.len()];
    for (part, length) in [method, path, query].into_iter().zip(lengths) {
        if let Some(inside) = place.checked_sub(length) {
            place = inside;
            continue;
        }
        let mut bytes = part.clone().into_bytes();
        bytes[place] = byte;
        *part = String::from_utf8(bytes).ok()?;
        place = usize::MAX;
        break;
    }
    for part in headers.iter_mut().map(|(_, value)| value).chain([body]) {
        if place == usize::MAX {
            break;
        }
        if let Some(inside) = place.checked_sub(part.len()) {
            place = inside;
        } else {
            part[place] = byte;
            place = usize::MAX;
        }
    }
    (place == usize::MAX).then_some(changed)
}

/// Whether two requests mean the same: spaces in headers and the spelling of escapes do not matter.
fn is_same(a: &Sent, b: &Sent) -> bool {
    let fold = |value: &[u8]| -> Vec<Vec<u8>> {
        value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let headers = |sent: &Sent| -> Vec<_> { sent.headers.iter().map(|(_, value)| fold(value)).collect() };
    let query = |sent: &Sent| -> Vec<_> { super::canonical::parameters(&sent.query).collect() };
    a.method == b.method
        && a.path == b.path
        && a.body == b.body
        && headers(a) == headers(b)
        && query(a) == query(b)
}

#[test]
fn every_change_of_one_byte_is_refused() {
    for sent in [Sent::ecr_call().officially("ecr", None), Sent::sts_url().officially("sts", Some(60))] {
        let service = if sent.body.is_empty() { "sts" } else { "ecr" };
        assert_eq!(sent.decide(service, at(0)), Ok(()));
        let length = sent.method.len()
            + sent.path.len()
            + sent.query.len()
            + sent.body.len()
            + sent.headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        let mut tried = 0;
        for place in 0..length {
            for byte in [b'a', b'0', b'/', b'=', b';', b',', b' ', b'Z', b'%', b'&', b'+', b'\n', 0, 0xff] {
                let Some(changed) = with_byte(&sent, place, byte) else { continue };
                if is_same(&sent, &changed) {
                    continue;
                }
                tried += 1;
                assert!(changed.decide(service, at(0)).is_err(), "{place} {byte}: {changed:?}");
            }
        }
        assert!(tried > length * 10, "only {tried} changes were tried");
    }
}

proptest! {
    #[test]
    fn official_signatures_are_accepted_and_changed_ones_are_not(
        path in "(/[a-zA-Z0-9._~-]{1,8}){0,3}",
        value in "[ -~]{0,20}",
        query in "([a-z]{1,5}=[a-zA-Z0-9._~-]{0,5}&){0,3}[a-z]{1,5}=x",
        body in proptest::collection::vec(any::<u8>(), 0..64),
        place in 0_usize..2000,
        byte in any::<u8>(),
    ) {
        let path = if path.is_empty() { "/".to_owned() } else { path };
        prop_assume!(!path.split('/').any(|part| part == "." || part == ".."));
        let headers = [("host", "localhost:5100"), ("x-amz-meta", value.as_str())];
        let sent = Sent::new("POST", &path, &query, &headers, &body).officially("ecr", None);
        prop_assert_eq!(sent.decide("ecr", at(0)), Ok(()));
        if let Some(changed) = with_byte(&sent, place, byte)
            && !is_same(&sent, &changed)
        {
            prop_assert!(changed.decide("ecr", at(0)).is_err(), "{:?}", changed);
        }
    }

    #[test]
    fn hostile_headers_and_queries_never_panic(header in any::<String>(), query in any::<String>()) {
        for authorization in [header.clone(), format!("AWS4-HMAC-SHA256 {header}")] {
            let mut sent = Sent::ecr_call();
            sent.query.clone_from(&query);
            sent.headers.push(("authorization".into(), authorization.into_bytes()));
            prop_assert!(sent.decide("ecr", at(0)).is_err());
        }
    }
}
