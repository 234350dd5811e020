//! The regular expressions of Organizations' model, as functions.

use crate::ecr::{Pattern, Rule};

const fn shaped(max: usize, text: &'static str, matches: fn(&str) -> bool) -> Rule {
    Rule::Text { min: 1, max, pattern: Some(Pattern { text, is_quoted: false, matches }) }
}

pub(super) const ACCOUNT_ID: Rule = shaped(12, r"^\d{12}$", is_account_id);
pub(super) const ACCOUNT_NAME: Rule = shaped(50, r"[\u0020-\u007E]+", is_printable);
pub(super) const EMAIL: Rule = shaped(64, r"[^\s@]+@[^\s@]+\.[^\s@]+", is_email);
pub(super) const ROLE_NAME: Rule = shaped(64, r"[\w+=,.@-]{1,64}", is_role_name);
pub(super) const REQUEST_ID: Rule = shaped(36, "^car-[a-z0-9]{8,32}$", is_request_id);

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name is one that CreateAccount takes: 1 to 50 printable characters of ASCII.
pub fn is_account_name(text: &str) -> bool {
    (1..=50).contains(&text.len()) && is_printable(text)
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

fn is_email(text: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    let Some((local, domain)) = text.split_once('@') else { return false };
    let dotted = domain.char_indices().any(|(at, c)| c == '.' && at > 0 && at + 1 < domain.len());
    plain(local) && plain(domain) && dotted
}

fn is_role_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn is_request_id(text: &str) -> bool {
    text.strip_prefix("car-").is_some_and(|id| {
        (8..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_sign_and_a_dot_within_its_domain() {
        for good in ["a@b.c", "a.b+c@d.e.f"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a", "a@b", "@b.c", "a@.c", "a@b.", "a@b@c.d", "a b@c.d"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn the_id_of_a_request_is_told_from_others() {
        assert!(is_request_id("car-abcdef0123456789"));
        assert!(!is_request_id("car-short"));
        assert!(!is_request_id("CAR-abcdef0123456789"));
    }
}
