//! The form of a token: JWS compact serialisation (RFC 7515 §7.1), parsed strictly. Nothing is verified here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::OidcError;
use crate::members::Members;
use crate::signature::Algorithm;

/// The maximum length of a token that STS accepts (botocore's model of `AssumeRoleWithWebIdentity`,
/// `WebIdentityToken`).
pub const MAX_TOKEN_BYTES: usize = 20_000;

/// STS's text for a value that is not a token.
const NOT_A_JWT: &str =
    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";

/// A parsed token.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) claims: Members,
    /// The signed bytes: the first two parts with their dot.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, OidcError> {
        let malformed = || OidcError::invalid(NOT_A_JWT);
        if text.len() > MAX_TOKEN_BYTES {
            return Err(OidcError::invalid(format!("The token is longer than {MAX_TOKEN_BYTES} characters")));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let signed = text.get(..header.len() + 1 + claims.len()).ok_or_else(malformed)?.as_bytes();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let header = Members::parse(&decode(header)?).ok_or_else(malformed)?;
        let claims = Members::parse(&decode(claims)?).ok_or_else(malformed)?;
        let signature = decode(signature)?;
        let (algorithm, key_id) = read_header(&header)?;
        Ok(Self { algorithm, key_id, claims, signed, signature })
    }
}

/// The used members of the header. A key that the token contains or points to (`jwk`, `jku`, `x5c`, `x5u`) is never
/// used: a forged token would contain a matching key.
fn read_header(header: &Members) -> Result<(Algorithm, Option<String>), OidcError> {
    // RFC 7515 §4.1.11: critical extensions must be understood, and none is. RFC 7797's `b64` changes the signed bytes.
    if header.has("crit") || header.has("b64") {
        return Err(OidcError::invalid("The token's header has extensions that are not supported"));
    }
    let algorithm = header.text("alg").and_then(Algorithm::parse).ok_or_else(|| {
        OidcError::invalid(
            "The token's signature algorithm is not supported; use RS256 or ES256, for example",
        )
    })?;
    let key_id = match header.get("kid") {
        None => None,
        Some(value) => {
            let kid = value.as_str().ok_or_else(|| OidcError::invalid(NOT_A_JWT))?;
            Some(kid.to_owned())
        }
    };
    Ok((algorithm, key_id))
}

/// The issuer that a token claims, to find its provider. Nothing is verified.
pub fn issuer_of(token: &str) -> Result<String, OidcError> {
    let token = Token::parse(token)?;
    let issuer = token.claims.text("iss");
    issuer.map(str::to_owned).ok_or_else(|| OidcError::invalid("Missing a required claim: iss"))
}
