//! The shapes of AWS Organizations' API (model 2016-11-28): accounts, the root that holds them, and their tags.

mod pattern;
mod request;
mod response;

use crate::shape::pattern::is_printable;

pub use request::*;
pub use response::*;

/// Whether CreateAccount accepts a name: 1 to 50 printable ASCII characters.
pub fn is_account_name(text: &str) -> bool {
    (1..=50).contains(&text.len()) && is_printable(text)
}
