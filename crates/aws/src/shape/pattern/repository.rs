//! Names of repositories and images, and filters over them.

pub(crate) fn is_repository_name(text: &str) -> bool {
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

/// Stricter than in private registries: one separator between two runs of letters and digits.
pub(crate) fn is_public_repository_name(text: &str) -> bool {
    text.split('/').all(|part| is_joined(part, "._-", |c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

/// A repository's name, and perhaps a slash; or `ROOT`.
pub(crate) fn is_prefix(text: &str) -> bool {
    text == "ROOT" || is_repository_name(text.strip_suffix('/').unwrap_or(text))
}

/// A wildcard over repositories whose images are scanned: characters of a name, and stars. No two of the name's
/// separators follow each other, and none is at an end.
pub(crate) fn is_scanning_filter(text: &str) -> bool {
    is_joined(text, "._-/", |c| c == '*' || is_small(c))
}

/// A wildcard over repositories whose images are signed.
pub(crate) fn is_signing_filter(text: &str) -> bool {
    text.split('/').all(|part| is_joined(part, "._-", |c| c == '*' || is_small(c)))
}

/// The beginning of repositories' names: each part begins with a letter or digit. The last one may be empty.
pub(crate) fn is_repository_filter(text: &str) -> bool {
    let (folders, last) = text.rsplit_once('/').map_or((None, text), |(folders, last)| (Some(folders), last));
    let fits = |part: &str| part.chars().all(|c| is_small(c) || "._-".contains(c));
    folders
        .into_iter()
        .flat_map(|folders| folders.split('/'))
        .all(|part| part.starts_with(is_small) && fits(part))
        && fits(last)
}

pub(crate) fn is_exclusion_filter(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*' | b'-'))
}

pub(crate) fn is_image_tag(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn is_small(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// Whether a text begins and ends with one kind of characters, and separators stand alone between them.
fn is_joined(text: &str, separators: &str, is_inner: fn(char) -> bool) -> bool {
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
    }

    #[test]
    fn names_have_single_separators() {
        for name in ["ab", "team/app", "a.b_c-d/0"] {
            assert!(is_public_repository_name(name), "{name}");
        }
        for name in ["", "a__b", "a--b", "a/", "A"] {
            assert!(!is_public_repository_name(name), "{name}");
        }
    }
}
