//! The `Authorization` header form.

use super::date::AmzDate;
use super::presented::Claim;
use super::scope::parse_credential;
use super::signature::Signature;
use super::signed_headers::SignedHeaders;
use super::{ALGORITHM, MAX_AUTHORIZATION_BYTES, Request, SigV4Error};

/// The parameters of an `Authorization` header, each at most once.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

/// Parses `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` and its date.
pub(super) fn parse(request: &Request<'_>, authorization: &str) -> Result<Claim, SigV4Error> {
    if authorization.len() > MAX_AUTHORIZATION_BYTES {
        return Err(SigV4Error::incomplete("The Authorization header is too long."));
    }
    let (algorithm, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if algorithm != ALGORITHM {
        return Err(SigV4Error::incomplete(format!(
            "Unsupported AWS 'algorithm'. Only {ALGORITHM} is supported."
        )));
    }
    let parameters = split_parameters(rest)?;
    let date = match request.sole_header("x-amz-date")? {
        Some(text) => Some(AmzDate::parse(text).ok_or_else(malformed_date)?),
        None => match request.sole_header("date")? {
            Some(text) => Some(AmzDate::parse_http(text).ok_or_else(malformed_date)?),
            None => None,
        },
    };
    let Parameters { credential: Some(credential), signed_headers: Some(names), signature: Some(signature) } =
        parameters
    else {
        return Err(missing(&parameters, date.is_some()));
    };
    let Some(date) = date else { return Err(missing(&parameters, false)) };
    let (access_key_id, scope) = parse_credential(credential)?;
    Ok(Claim {
        access_key_id,
        scope,
        date,
        signed_headers: SignedHeaders::parse(names)?,
        signature: Signature::parse(signature).ok_or(SigV4Error::SignatureMismatch)?,
        expires_seconds: None,
    })
}

fn split_parameters(text: &str) -> Result<Parameters<'_>, SigV4Error> {
    let mut parameters = Parameters::default();
    for part in text.split(',').map(|part| part.trim_matches(' ')) {
        // If there are no parts, each missing parameter is reported.
        if text.is_empty() {
            break;
        }
        let (name, value) = part.split_once('=').ok_or_else(|| {
            SigV4Error::incomplete("Authorization header contains a part that is not a key=value pair.")
        })?;
        let place = match name {
            "Credential" => &mut parameters.credential,
            "SignedHeaders" => &mut parameters.signed_headers,
            "Signature" => &mut parameters.signature,
            _ => return Err(SigV4Error::incomplete("Authorization header contains an unknown parameter.")),
        };
        if place.replace(value).is_some() {
            return Err(SigV4Error::incomplete(format!(
                "Authorization header contains the '{name}' parameter more than once."
            )));
        }
    }
    Ok(parameters)
}

/// AWS lists all missing parameters in one text.
fn missing(parameters: &Parameters<'_>, has_date: bool) -> SigV4Error {
    let mut texts: Vec<&str> = Vec::new();
    if parameters.credential.is_none() {
        texts.push("Authorization header requires 'Credential' parameter.");
    }
    if parameters.signature.is_none() {
        texts.push("Authorization header requires 'Signature' parameter.");
    }
    if parameters.signed_headers.is_none() {
        texts.push("Authorization header requires 'SignedHeaders' parameter.");
    }
    if !has_date {
        texts.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    }
    SigV4Error::incomplete(texts.join(" "))
}

fn malformed_date() -> SigV4Error {
    SigV4Error::incomplete("Date must be in ISO-8601 'basic format' (YYYYMMDD'T'HHMMSS'Z').")
}
