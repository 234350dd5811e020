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

pub(super) const PARENT_ID: Rule =
    shaped(100, "^(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", is_parent_id);
pub(super) const CHILD_ID: Rule = shaped(100, r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", |text| {
    is_account_id(text) || is_unit_id(text)
});
pub(super) const TAGGABLE_ID: Rule = shaped(
    130,
    r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})|(^p-[0-9a-zA-Z_]{8,128})|(^rp-[0-9a-zA-Z_]{4,128})|(^rt-[0-9a-zA-Z_]{8,32})$",
    |text| is_account_id(text) || is_parent_id(text) || is_policy_id(text),
);

fn is_parent_id(text: &str) -> bool {
    text.strip_prefix("r-").is_some_and(|id| is_id(id, 4, 32)) || is_unit_id(text)
}

fn is_unit_id(text: &str) -> bool {
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

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether CreateAccount accepts a name: 1 to 50 printable ASCII characters.
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
    fn an_email_address_has_one_at_sign_and_a_dot_in_its_domain() {
        for good in ["a@b.c", "a.b+c@d.e.f"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["a", "a@b", "@b.c", "a@.c", "a@b.", "a@b@c.d", "a b@c.d"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn ids_of_taggable_resources_follow_their_patterns() {
        for good in ["123456789012", "r-abcd", "ou-abcd-12345678", "p-FullAWSAccess", "rp-a_b1"] {
            assert!(is_account_id(good) || is_parent_id(good) || is_policy_id(good), "{good}");
        }
        for bad in
            ["", "12345678901", "r-abc", "r-ABCD", "ou-abcd", "p-short", "arn:aws:iam::123456789012:root"]
        {
            assert!(!is_account_id(bad) && !is_parent_id(bad) && !is_policy_id(bad), "{bad}");
        }
    }

    #[test]
    fn the_id_of_a_request_differs_from_other_ids() {
        assert!(is_request_id("car-abcdef0123456789"));
        assert!(!is_request_id("car-short"));
        assert!(!is_request_id("CAR-abcdef0123456789"));
    }
}
