//! Amazon ECR's API. Generated: a request and a response for each operation, and the rules of the model. Written by
//! hand: the rules that span members, and how requests are read.
//!
//! [`decode`] is the only way to read a request. It refuses what the model refuses, with ECR's texts, so a decoded
//! request has every required member and every value is within its limits. It does not check whether a repository
//! exists or a manifest is valid.

mod blob;
mod invalid;
pub(crate) mod pattern;
mod rules;
#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;
mod tagging;
mod tree;
mod validate;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;

pub use blob::MAX_LAYER_PART_BYTES;
pub(crate) use blob::blob;
pub use invalid::{Breach, Exception, Invalid, InvalidKind};
pub use shapes::*;
pub use tagging::MAX_TAGS;
pub use validate::{Member, Pattern, Rule};

/// A request of ECR's API, with what the API's model says about it.
pub trait Request: DeserializeOwned {
    /// The operation's name, as `X-Amz-Target` gives it.
    const OPERATION: &'static str;
    /// The members and their rules.
    const MEMBERS: &'static [Member];

    /// The rules that span members, and those that ECR enforces although the model does not contain them.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Reads a request body and checks it against every rule of its shape. Unknown members are ignored and `null` is the
/// same as absent, as in AWS's own JSON services. An empty body is `{}`.
pub fn decode<T: Request>(body: &[u8]) -> Result<T, Invalid> {
    let tree = validate::read(body, T::MEMBERS)?;
    let request = T::deserialize(tree)
        .map_err(|error| Invalid::serialization(format!("The request body cannot be read: {error}")))?;
    request.validate()?;
    Ok(request)
}

/// A time in ECR's JSON: seconds since 1970, with the milliseconds as a fraction.
pub fn epoch_seconds(at: jiff::Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay exact for 285,000 years")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// Whether the API has an operation with this name.
pub fn is_operation(name: &str) -> bool {
    OPERATIONS.binary_search(&name).is_ok()
}
