//! The regular expressions of ECR Public's model, as functions.

pub(super) use crate::ecr::pattern::{is_layer_digest, is_registry_id, is_uuid};

use crate::ecr::pattern::is_joined;

/// Stricter than in private registries: one separator between two runs of letters and digits.
pub(super) fn is_repository_name(text: &str) -> bool {
    text.split('/').all(|part| is_joined(part, "._-", |c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_single_separators() {
        for name in ["ab", "team/app", "a.b_c-d/0"] {
            assert!(is_repository_name(name), "{name}");
        }
        for name in ["", "a__b", "a--b", "a/", "A"] {
            assert!(!is_repository_name(name), "{name}");
        }
    }
}
