//! The shapes of Secrets Manager's API and the names of its operations.

#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;

pub use shapes::*;
