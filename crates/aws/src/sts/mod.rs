//! The shapes of STS's API, and the names of its operations. [`crate::query::decode`] reads the requests.

#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;

pub use shapes::*;

#[cfg(test)]
mod tests;
