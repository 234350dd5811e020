//! The shapes of AWS Organizations' API and the names of its operations, with Wharf's own.

#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;

pub use shapes::*;

use crate::shape::pattern::is_printable;

/// Whether CreateAccount accepts a name: 1 to 50 printable ASCII characters.
pub fn is_account_name(text: &str) -> bool {
    (1..=50).contains(&text.len()) && is_printable(text)
}
