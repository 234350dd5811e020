//! Amazon ECR's API: a request and a response for each of its operations and the constraints of its model, generated; and
//! by hand the rules that span members. [`crate::json::decode`] reads the requests.

mod rules;
#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;
mod tagging;

#[cfg(test)]
mod tests;

pub use shapes::*;
pub use tagging::MAX_TAGS;

/// The maximum size of one part of a layer, decoded.
pub const MAX_LAYER_PART_BYTES: usize = 20_971_520;

/// Whether the API has an operation with this name.
pub fn is_operation(name: &str) -> bool {
    OPERATIONS.binary_search(&name).is_ok()
}
