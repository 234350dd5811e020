//! The regular expressions of ECR's model, as functions. They decide which requests are accepted. `registry` checks the
//! stricter grammars of the OCI specification.

use super::validate::{Pattern, Rule};

/// The tag of an image that is being pushed. The model has only the lengths; ECR enforces the expression.
pub(super) const NEW_IMAGE_TAG: Rule = Rule::Text {
    min: 1,
    max: 300,
    pattern: Some(Pattern { text: "[a-zA-Z0-9-_.]+", is_quoted: true, matches: is_image_tag }),
};

pub(crate) fn is_registry_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_image_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) fn is_exclusion_filter(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*' | b'-'))
}

pub(crate) fn is_layer_digest(text: &str) -> bool {
    // Neither side accepts a colon, so there is exactly one.
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'.'))
            && !hex.is_empty()
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text
            .split('-')
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(super) fn is_repository_name(text: &str) -> bool {
    text.split('/').all(is_path_component)
}

/// Runs of letters and digits. They are joined by one dot, by one or two underscores, or by any number of hyphens.
fn is_path_component(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut rest = text.trim_start_matches(is_alphanumeric);
    if rest.len() == text.len() {
        return false;
    }
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|c: char| !is_alphanumeric(c));
        let separator = rest.strip_suffix(after).unwrap_or(rest);
        let is_separator = matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
        if !is_separator || after.is_empty() {
            return false;
        }
        rest = after.trim_start_matches(is_alphanumeric);
    }
    true
}

/// A repository name, optionally followed by a slash; or `ROOT`.
pub(super) fn is_prefix(text: &str) -> bool {
    text == "ROOT" || is_repository_name(text.strip_suffix('/').unwrap_or(text))
}

pub(super) fn is_region(text: &str) -> bool {
    (2..=25).contains(&text.len()) && consists_of(text, "-", |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// A wildcard for the repositories whose images are scanned: characters of a name, and stars. Two separators cannot
/// follow each other, and none can be at an end.
pub(super) fn is_scanning_filter(text: &str) -> bool {
    is_joined(text, "._-/", |c| c == '*' || is_small(c))
}

/// A wildcard for the repositories whose images are signed.
pub(super) fn is_signing_filter(text: &str) -> bool {
    text.split('/').all(|part| is_joined(part, "._-", |c| c == '*' || is_small(c)))
}

/// The prefix of repository names: each part begins with a letter or digit. The last part may be empty.
pub(super) fn is_repository_filter(text: &str) -> bool {
    let (folders, last) = text.rsplit_once('/').map_or((None, text), |(folders, last)| (Some(folders), last));
    let fits = |part: &str| part.chars().all(|c| is_small(c) || "._-".contains(c));
    folders
        .into_iter()
        .flat_map(|folders| folders.split('/'))
        .all(|part| part.starts_with(is_small) && fits(part))
        && fits(last)
}

pub(super) fn is_principal_arn(text: &str) -> bool {
    let Some([partition, "iam", "", account, resource]) = arn_parts(text) else { return false };
    let is_name = |name: &str| consists_of(name, "_+=,.@-", |b| b.is_ascii_alphanumeric());
    let Some((kind, names)) = resource.split_once('/') else { return false };
    is_partition(partition)
        && is_registry_id(account)
        && matches!(kind, "role" | "user")
        && names.split('/').all(is_name)
}

pub(super) fn is_signing_profile_arn(text: &str) -> bool {
    let Some([partition, "signer", region, account, resource]) = arn_parts(text) else { return false };
    let name = resource.strip_prefix("/signing-profiles/").unwrap_or_default();
    is_partition(partition)
        && is_hyphenated(region)
        && is_registry_id(account)
        && name.len() >= 2
        && consists_of(name, "_", |b| b.is_ascii_alphanumeric())
}

pub(super) fn is_credential_arn(text: &str) -> bool {
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

/// An empty text, or the ARN of a KMS key.
pub(super) fn is_no_key_or_key_arn(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let Some([partition, "kms", region, account, resource]) = arn_parts(text) else { return false };
    let is_partition =
        partition.strip_prefix("aws").is_some_and(|rest| rest.is_empty() || is_hyphenated(rest));
    is_partition
        && is_hyphenated(region)
        && is_registry_id(account)
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

fn is_hyphenated(text: &str) -> bool {
    consists_of(text, "-", |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_small(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn consists_of(text: &str, others: &str, is_member: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|b| is_member(b) || others.as_bytes().contains(&b))
}

/// Whether a text begins and ends with one class of characters, and each separator stands alone between them.
pub(crate) fn is_joined(text: &str, separators: &str, is_inner: fn(char) -> bool) -> bool {
    let mut parts = text.split(|c| separators.contains(c));
    parts.all(|part| !part.is_empty() && part.chars().all(is_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_model() {
        for name in ["ab", "team/app", "a__b", "a--b", "a---b", "a/b__c", "a.b_c-d/0/1"] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in
            ["", "Bad_Name!", "a___b", "a_-b", "_a", "a_", "a//b", "/a", "a/", "a..b", "a.-b", "é", "a b"]
        {
            assert!(!is_repository_name(name), "{name}");
        }
    }

    #[test]
    fn upload_ids_are_uuids() {
        assert!(is_uuid("0e54b2bc-7b8a-4d5f-9d53-5a1ce2a49D00"));
        for id in ["", "0e54b2bc7b8a4d5f9d535a1ce2a49d00", "0e54b2bc-7b8a-4d5f-9d53-5a1ce2a49d0g", "----"] {
            assert!(!is_uuid(id), "{id}");
        }
    }

    #[test]
    fn layer_digests_have_one_colon() {
        assert!(is_layer_digest("sha256:00ff"));
        for digest in ["", "sha256", ":00", "sha256:", "sha256:xyz", "sha256:00:00", "sha 256:00"] {
            assert!(!is_layer_digest(digest), "{digest}");
        }
    }
    #[test]
    fn filters_follow_the_model() {
        for filter in ["a", "team/*", "*", "a.b_c-d", "a*b/c"] {
            assert!(is_scanning_filter(filter) && is_signing_filter(filter), "{filter}");
        }
        for filter in ["", "A", "a//b", "-a", "a-", "a._b"] {
            assert!(!is_scanning_filter(filter) && !is_signing_filter(filter), "{filter}");
        }
        for filter in ["team", "team/", "a.b/c_", "a--", "a/.b"] {
            assert!(is_repository_filter(filter), "{filter}");
        }
        for filter in ["Team", "/a", "a//b", ".a/b", "a*"] {
            assert!(!is_repository_filter(filter), "{filter}");
        }
        assert!(is_prefix("ROOT") && is_prefix("team/") && is_prefix("team/app") && !is_prefix("team//"));
        assert!(is_region("eu-central-1") && !is_region("x") && !is_region("EU"));
    }

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
