//! IDs of accounts, uploads, layers, and of the resources of an organization.

use super::consists_of;

/// An account, and its registry.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text
            .split('-')
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub(crate) fn is_layer_digest(text: &str) -> bool {
    // Neither side admits a colon, so there is exactly one.
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'.'))
            && !hex.is_empty()
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

pub(crate) fn is_region(text: &str) -> bool {
    (2..=25).contains(&text.len()) && consists_of(text, "-", |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

pub(crate) fn is_parent_id(text: &str) -> bool {
    text.strip_prefix("r-").is_some_and(|id| is_id(id, 4, 32)) || is_unit_id(text)
}

pub(crate) fn is_unit_id(text: &str) -> bool {
    let parts = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(root, id)| is_id(root, 4, 32) && is_id(id, 8, 32))
}

/// The IDs of policies, resource policies and responsibility transfers.
fn is_policy_id(text: &str) -> bool {
    let fits = |prefix: &str, min: usize, max: usize| {
        text.strip_prefix(prefix).is_some_and(|id| {
            (min..=max).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    fits("p-", 8, 128) || fits("rp-", 4, 128) || fits("rt-", 8, 32)
}

/// Small letters and digits.
fn is_id(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

pub(crate) fn is_request_id(text: &str) -> bool {
    text.strip_prefix("car-").is_some_and(|id| {
        (8..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// An account or an organizational unit.
pub(crate) fn is_child_id(text: &str) -> bool {
    is_account_id(text) || is_unit_id(text)
}

/// A resource of an organization that can have tags.
pub(crate) fn is_taggable_id(text: &str) -> bool {
    is_account_id(text) || is_parent_id(text) || is_policy_id(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn ids_of_taggable_resources_follow_their_patterns() {
        for good in ["123456789012", "r-abcd", "ou-abcd-12345678", "p-FullAWSAccess", "rp-a_b1"] {
            assert!(is_taggable_id(good), "{good}");
        }
        for bad in
            ["", "12345678901", "r-abc", "r-ABCD", "ou-abcd", "p-short", "arn:aws:iam::123456789012:root"]
        {
            assert!(!is_taggable_id(bad), "{bad}");
        }
    }

    #[test]
    fn the_id_of_a_request_differs_from_other_ids() {
        assert!(is_request_id("car-abcdef0123456789"));
        assert!(!is_request_id("car-short"));
        assert!(!is_request_id("CAR-abcdef0123456789"));
    }
}
