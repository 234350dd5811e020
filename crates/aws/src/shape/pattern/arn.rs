//! ARNs.

use super::{consists_of, is_account_id, is_hyphenated};

pub(crate) fn is_principal_arn(text: &str) -> bool {
    let Some([partition, "iam", "", account, resource]) = arn_parts(text) else { return false };
    let is_name = |name: &str| consists_of(name, "_+=,.@-", |b| b.is_ascii_alphanumeric());
    let Some((kind, names)) = resource.split_once('/') else { return false };
    is_partition(partition)
        && is_account_id(account)
        && matches!(kind, "role" | "user")
        && names.split('/').all(is_name)
}

pub(crate) fn is_signing_profile_arn(text: &str) -> bool {
    let Some([partition, "signer", region, account, resource]) = arn_parts(text) else { return false };
    let name = resource.strip_prefix("/signing-profiles/").unwrap_or_default();
    is_partition(partition)
        && is_hyphenated(region)
        && is_account_id(account)
        && name.len() >= 2
        && consists_of(name, "_", |b| b.is_ascii_alphanumeric())
}

pub(crate) fn is_credential_arn(text: &str) -> bool {
    let (Some((partition, rest)), Some((_, name))) = (
        text.strip_prefix("arn:").and_then(|rest| rest.split_once(":secretsmanager:")),
        text.split_once(":secret:ecr-pullthroughcache/"),
    ) else {
        return false;
    };
    let place = rest.split_once(":secret:").map(|(place, _)| place).unwrap_or_default();
    partition.strip_prefix("aws").is_some_and(|rest| {
        rest.is_empty() || (rest.starts_with('-') && consists_of(rest, "-_", |b| b.is_ascii_alphanumeric()))
    }) && consists_of(place, "-:", |b| b.is_ascii_alphanumeric())
        && consists_of(name, "/_+=.@-", |b| b.is_ascii_alphanumeric())
}

/// Nothing, or the ARN of a KMS key.
pub(crate) fn is_no_key_or_key_arn(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some([partition, "kms", region, account, resource]) = arn_parts(text) else { return false };
    let is_partition =
        partition.strip_prefix("aws").is_some_and(|rest| rest.is_empty() || is_hyphenated(rest));
    is_partition
        && is_hyphenated(region)
        && is_account_id(account)
        && resource.strip_prefix("key/").is_some_and(is_hyphenated)
}

/// Partition, service, region, account and resource of an ARN.
fn arn_parts(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
    Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?])
}

/// `aws`, `aws-cn`, `aws-us-gov`.
fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws") && words.all(|word| consists_of(word, "", |b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_follow_the_model() {
        for arn in ["arn:aws:iam::123456789012:role/ci", "arn:aws-us-gov:iam::123456789012:user/a/b.c@d"] {
            assert!(is_principal_arn(arn), "{arn}");
        }
        for arn in
            ["arn:aws:iam::123456789012:root", "arn:aws:iam::1:role/a", "arn:aws:iam::123456789012:role/"]
        {
            assert!(!is_principal_arn(arn), "{arn}");
        }
        let profile = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/ab";
        assert!(is_signing_profile_arn(profile) && !is_signing_profile_arn(&profile[..profile.len() - 1]));
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/a/b";
        assert!(is_credential_arn(secret) && !is_credential_arn(&secret.replace("ecr-", "")));
        let key = "arn:aws:kms:us-east-1:123456789012:key/12-ab";
        assert!(is_no_key_or_key_arn("") && is_no_key_or_key_arn(key) && !is_no_key_or_key_arn("alias/x"));
    }
}
