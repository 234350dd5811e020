//! Strings by their characters: names, paths, documents, tags.

pub(crate) use crate::tag::is_text as is_tag_text;

/// `[\w]*`
pub(crate) fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `[\d]*`
pub(crate) fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[\s\S]*`
pub(crate) fn is_anything(_: &str) -> bool {
    true
}

/// `[\w+=,.@-]*`: the names of IAM. The minimum length excludes the empty name.
pub(crate) fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// `[\w+=,.@:\/-]*`
pub(crate) fn is_external_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

pub(crate) fn is_policy_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".,+@=_-".contains(&byte);
    let between = text.strip_suffix('/').map(|rest| rest.split('/'));
    between.is_some_and(|mut parts| {
        parts.next() == Some("") && parts.all(|part| !part.is_empty() && part.bytes().all(is_plain))
    })
}

pub(crate) fn is_path(text: &str) -> bool {
    text == "/"
        || (text.len() > 2
            && text.starts_with('/')
            && text.ends_with('/')
            && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)))
}

pub(crate) fn is_path_prefix(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| (0x21..=0x7f).contains(&byte))
}

/// `v1`, `v2`; IAM's expression allows a suffix after a dot.
pub(crate) fn is_version_id(text: &str) -> bool {
    let Some(number) = text.strip_prefix('v') else { return false };
    let (number, suffix) = number.split_once('.').unwrap_or((number, ""));
    number.starts_with(|c: char| matches!(c, '1'..='9'))
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// 3 to 63 lower-case letters, digits and hyphens: no hyphen at either end, and no two in a row.
pub(crate) fn is_account_alias(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.contains("--")
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(crate) fn is_latin(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
}

pub(crate) fn is_printable_latin(text: &str) -> bool {
    is_latin(text) && !text.chars().any(|c| matches!(c, '\u{7f}'..='\u{a0}'))
}

/// The characters of markers.
pub(crate) fn is_marker(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' '..='\u{ff}'))
}

/// The characters of XML, without most control characters.
pub(crate) fn is_xml_text(text: &str) -> bool {
    text.chars().all(
        |c| matches!(c, '\t' | '\n' | '\r' | '\u{85}' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..),
    )
}

pub(crate) fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

pub(crate) fn is_email(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    let Some((local, domain)) = text.split_once('@') else { return false };
    let dotted = domain.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < domain.len());
    plain(local) && plain(domain) && dotted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for path in ["/", "/a/", "/a/b/"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["", "a/", "//", "/a", "/a b/"] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn paths_of_policies_have_fewer_characters() {
        for path in ["/", "/a/", "/a.b/c,d+e@f=g_h-1/"] {
            assert!(is_policy_path(path), "{path}");
        }
        for path in ["", "//", "a/", "/a", "/a!/", "/a//b/"] {
            assert!(!is_policy_path(path), "{path}");
        }
    }

    #[test]
    fn documents_and_descriptions_have_only_latin_1() {
        for (text, document, description) in [
            ("{ é }\r\n\t", true, true),
            ("\u{a0}", true, false),
            ("\u{7f}", true, false),
            ("\u{100}", false, false),
            ("\u{1}", false, false),
        ] {
            assert_eq!(is_latin(text), document, "{text:?}");
            assert_eq!(is_printable_latin(text), description, "{text:?}");
        }
    }

    #[test]
    fn versions_of_policies_are_numbered_from_one() {
        for id in ["v1", "v10", "v2.", "v2.a-1"] {
            assert!(is_version_id(id), "{id}");
        }
        for id in ["", "v", "v0", "1", "v1a", "v1.!", "v1.a.b"] {
            assert!(!is_version_id(id), "{id}");
        }
    }

    #[test]
    fn an_email_address_has_one_at_sign_and_a_dot_in_its_domain() {
        for good in ["a@b.c", "a.b+c@d.e.f"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a", "a@b", "@b.c", "a@.c", "a@b.", "a@b@c.d", "a b@c.d"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn aliases_have_single_hyphens_inside() {
        for alias in ["abc", "a-b", "1a2", "my-company-2"] {
            assert!(is_account_alias(alias), "{alias}");
        }
        for alias in ["ab", "-ab", "ab-", "a--b", "aBc", "a_b", "a.b"] {
            assert!(!is_account_alias(alias), "{alias}");
        }
    }
}
