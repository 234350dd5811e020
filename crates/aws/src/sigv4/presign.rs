//! The query-string form: a URL that contains its signature ("presigned").

use super::canonical::{SIGNATURE_PARAMETER, parameters};
use super::date::AmzDate;
use super::presented::Claim;
use super::scope::parse_credential;
use super::signature::Signature;
use super::signed_headers::SignedHeaders;
use super::{ALGORITHM, SigV4Error};

/// The maximum of `X-Amz-Expires`: seven days, as in S3.
const MAX_EXPIRES_SECONDS: u32 = 604_800;
/// The maximum lifetime of a presigned URL. STS's URLs always have this lifetime, regardless of their own limit: the
/// tokens of aws-iam-authenticator and the logins of Vault contain 60 seconds or nothing, and are used for almost 15
/// minutes.
const GOOD_FOR_SECONDS: u32 = 15 * 60;

/// The query parameters of the form, each at most once. Names are matched exactly, after decoding.
#[derive(Default)]
pub(super) struct QueryAuth {
    algorithm: Option<String>,
    credential: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    /// May also accompany the header form.
    pub(super) security_token: Option<String>,
    /// The body's hash according to the signer.
    pub(super) content_sha256: Option<String>,
}

impl QueryAuth {
    /// Finds the form's parameters in a query string.
    pub(super) fn read(query: &str) -> Result<Self, SigV4Error> {
        let mut auth = Self::default();
        for (name, value) in parameters(query) {
            let place = match name.as_slice() {
                b"X-Amz-Algorithm" => &mut auth.algorithm,
                b"X-Amz-Credential" => &mut auth.credential,
                b"X-Amz-Date" => &mut auth.date,
                b"X-Amz-Expires" => &mut auth.expires,
                b"X-Amz-SignedHeaders" => &mut auth.signed_headers,
                name if name == SIGNATURE_PARAMETER.as_bytes() => &mut auth.signature,
                b"X-Amz-Security-Token" => &mut auth.security_token,
                b"X-Amz-Content-Sha256" => &mut auth.content_sha256,
                _ => continue,
            };
            let text =
                String::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_graphic()));
            let text = text.ok_or_else(|| malformed(&name))?;
            if place.replace(text).is_some() {
                return Err(SigV4Error::incomplete(format!(
                    "The query-string parameter '{}' must not be repeated.",
                    String::from_utf8_lossy(&name)
                )));
            }
        }
        Ok(auth)
    }

    /// Whether the query string contains credentials.
    pub(super) fn is_present(&self) -> bool {
        self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }

    /// The claim in the parameters.
    pub(super) fn claim(&self) -> Result<Claim, SigV4Error> {
        if required(self.algorithm.as_ref(), "X-Amz-Algorithm")? != ALGORITHM {
            return Err(SigV4Error::incomplete(format!(
                "Unsupported AWS 'algorithm'. Only {ALGORITHM} is supported."
            )));
        }
        let credential = required(self.credential.as_ref(), "X-Amz-Credential")?;
        let signature = required(self.signature.as_ref(), SIGNATURE_PARAMETER)?;
        let names = required(self.signed_headers.as_ref(), "X-Amz-SignedHeaders")?;
        let date = required(self.date.as_ref(), "X-Amz-Date")?;
        let (access_key_id, scope) = parse_credential(credential)?;
        let expires_seconds = good_for(self.expires.as_deref(), &scope.service)?;
        Ok(Claim {
            access_key_id,
            scope,
            date: AmzDate::parse(date).ok_or_else(|| malformed(b"X-Amz-Date"))?,
            signed_headers: SignedHeaders::parse(names)?,
            signature: Signature::parse(signature).ok_or(SigV4Error::SignatureMismatch)?,
            expires_seconds: Some(expires_seconds),
        })
    }
}

fn required<'a>(value: Option<&'a String>, name: &str) -> Result<&'a str, SigV4Error> {
    value.map(String::as_str).ok_or_else(|| {
        SigV4Error::incomplete(format!(
            "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
        ))
    })
}

fn malformed(name: &[u8]) -> SigV4Error {
    let name = String::from_utf8_lossy(name);
    SigV4Error::incomplete(format!("The query-string parameter '{name}' is malformed."))
}

/// SDKs for Go write no `X-Amz-Expires`, for any service.
fn good_for(expires: Option<&str>, service: &str) -> Result<u32, SigV4Error> {
    match expires {
        Some(text) if service != "sts" => Ok(parse_expires(text)?.min(GOOD_FOR_SECONDS)),
        Some(_) | None => Ok(GOOD_FOR_SECONDS),
    }
}

fn parse_expires(text: &str) -> Result<u32, SigV4Error> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SigV4Error::incomplete("X-Amz-Expires should be a number"));
    }
    // A number that does not fit is above the limit.
    match text.parse().unwrap_or(u32::MAX) {
        0 => Err(SigV4Error::incomplete("X-Amz-Expires must be greater than 0")),
        seconds if seconds > MAX_EXPIRES_SECONDS => Err(SigV4Error::incomplete(format!(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
             less than {MAX_EXPIRES_SECONDS} seconds"
        ))),
        seconds => Ok(seconds),
    }
}
