//! The regular expressions of Organizations' model, as functions.

use crate::shape::pattern::*;
use crate::shape::{Pattern, Rule};

const fn shaped(max: usize, text: &'static str, matches: fn(&str) -> bool) -> Rule {
    Rule::Text { min: 1, max, pattern: Some(Pattern { text, is_quoted: false, matches }) }
}

pub(super) const ACCOUNT_ID: Rule = shaped(12, r"^\d{12}$", is_account_id);
pub(super) const ACCOUNT_NAME: Rule = shaped(50, r"[\u0020-\u007E]+", is_printable);
pub(super) const EMAIL: Rule = shaped(64, r"[^\s@]+@[^\s@]+\.[^\s@]+", is_email);
pub(super) const ROLE_NAME: Rule = shaped(64, r"[\w+=,.@-]{1,64}", is_name);
pub(super) const REQUEST_ID: Rule = shaped(36, "^car-[a-z0-9]{8,32}$", is_request_id);

pub(super) const PARENT_ID: Rule =
    shaped(100, "^(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", is_parent_id);
pub(super) const CHILD_ID: Rule = shaped(100, r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$", is_child_id);
pub(super) const TAGGABLE_ID: Rule = shaped(
    130,
    r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})|(^p-[0-9a-zA-Z_]{8,128})|(^rp-[0-9a-zA-Z_]{4,128})|(^rt-[0-9a-zA-Z_]{8,32})$",
    is_taggable_id,
);
