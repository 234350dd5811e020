//! The credential scope: the day, Region and service of a signing key.

use std::fmt;

use super::SigV4Error;
use crate::ids::{AccessKeyId, Region};

/// The end of every scope.
const TERMINATOR: &str = "aws4_request";

/// Day, Region and service of a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The day in UTC: `20240102`.
    pub date: String,
    /// The Region that the client uses.
    pub region: Region,
    /// The signing name of the service (`ecr`, `ecr-public`, `sts`, `iam`).
    pub service: String,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// Parses `AKID/20240102/us-east-1/ecr/aws4_request`.
pub(super) fn parse_credential(text: &str) -> Result<(AccessKeyId, Scope), SigV4Error> {
    let parts: Vec<&str> = text.splitn(6, '/').collect();
    let &[key, date, region, service, terminator] = parts.as_slice() else {
        return Err(SigV4Error::incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        ));
    };
    if terminator != TERMINATOR {
        return Err(SigV4Error::InvalidTerminator);
    }
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SigV4Error::InvalidScopeDate);
    }
    if !is_service(service) {
        return Err(SigV4Error::incomplete("Credential should be scoped to a service."));
    }
    let key = key.parse().map_err(|_| SigV4Error::UnknownKey)?;
    let region = region.parse().map_err(|_| SigV4Error::WrongRegion)?;
    Ok((key, Scope { date: date.to_owned(), region, service: service.to_owned() }))
}

fn is_service(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsed_credential_prints_unchanged() {
        let text = "AKIAIOSFODNN7EXAMPLE/20240102/us-east-1/ecr-public/aws4_request";
        let (key, scope) = parse_credential(text).unwrap();
        assert_eq!(format!("{key}/{scope}"), text);
    }

    #[test]
    fn each_part_is_checked() {
        let refusal = |text: &str| parse_credential(text).unwrap_err();
        let key = "AKIAIOSFODNN7EXAMPLE";
        for text in ["", "/", "a/b/c/d", &format!("{key}/20240102/us-east-1/ecr/aws4_request/")] {
            assert!(matches!(refusal(text), SigV4Error::Incomplete(_)), "{text}");
        }
        let refused = |rest: &str| refusal(&format!("{key}/{rest}"));
        assert_eq!(refused("20240102/us-east-1/ecr/aws4"), SigV4Error::InvalidTerminator);
        assert_eq!(refused("2024010/us-east-1/ecr/aws4_request"), SigV4Error::InvalidScopeDate);
        assert_eq!(refused("2024010x/us-east-1/ecr/aws4_request"), SigV4Error::InvalidScopeDate);
        assert_eq!(refused("20240102/US/ecr/aws4_request"), SigV4Error::WrongRegion);
        assert_eq!(refused("20240102/local/ecr/aws4_request"), SigV4Error::WrongRegion);
        assert!(matches!(refused("20240102/us-east-1//aws4_request"), SigV4Error::Incomplete(_)));
        assert_eq!(refusal("short/20240102/us-east-1/ecr/aws4_request"), SigV4Error::UnknownKey);
    }
}
