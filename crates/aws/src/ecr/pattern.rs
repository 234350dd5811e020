//! The regular expressions of ECR's model, as functions. They decide what the wire admits; the stricter
//! grammars of the OCI specification are the registry's.

use super::validate::{Pattern, Rule};

/// Twelve digits. ECR's text gives this expression without quotes of its own.
pub(super) const REGISTRY_ID: Rule = Rule::Text {
    min: 0,
    max: usize::MAX,
    pattern: Some(Pattern { text: "[0-9]{12}", is_quoted: false, matches: is_registry_id }),
};

/// ECR's text leaves the slash unescaped where the model escapes it.
pub(super) const REPOSITORY_NAME: Rule = Rule::Text {
    min: 2,
    max: 256,
    pattern: Some(Pattern {
        text: r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
        is_quoted: true,
        matches: is_repository_name,
    }),
};

/// The tag of an image that is being pushed. The model has only the lengths; ECR enforces the expression.
pub(super) const NEW_IMAGE_TAG: Rule = Rule::Text {
    min: 1,
    max: 300,
    pattern: Some(Pattern { text: "[a-zA-Z0-9-_.]+", is_quoted: true, matches: is_image_tag }),
};

/// A layer's digest.
pub(super) const LAYER_DIGEST: Rule = Rule::Text {
    min: 0,
    max: usize::MAX,
    pattern: Some(Pattern {
        text: "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+",
        is_quoted: true,
        matches: is_layer_digest,
    }),
};

/// A UUID.
pub(super) const UPLOAD_ID: Rule = Rule::Text {
    min: 0,
    max: usize::MAX,
    pattern: Some(Pattern {
        text: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        is_quoted: true,
        matches: is_uuid,
    }),
};

/// A wildcard over tags.
pub(super) const EXCLUSION_FILTER: Rule = Rule::Text {
    min: 1,
    max: 128,
    pattern: Some(Pattern {
        text: "^[0-9a-zA-Z._*-]{1,128}$",
        is_quoted: true,
        matches: is_exclusion_filter,
    }),
};

fn is_registry_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_image_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_exclusion_filter(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*' | b'-'))
}

fn is_layer_digest(text: &str) -> bool {
    // Neither side admits a colon, so there is exactly one.
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty()
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'.'))
            && !hex.is_empty()
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    text.split('-').count() == lengths.len()
        && text
            .split('-')
            .zip(lengths)
            .all(|(group, length)| group.len() == length && group.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_repository_name(text: &str) -> bool {
    text.split('/').all(is_path_component)
}

/// Runs of letters and digits, joined by one dot, one or two underscores, or any number of hyphens.
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
}
