//! The wire shapes of Amazon ECR's API: one request and one response struct for each operation that Wharf
//! has, the rules that the API's model puts on their members, and the names of all its operations.
//!
//! [`decode`] is the only way in: it refuses what the model refuses, with ECR's texts, so that what it
//! returns holds every required member and nothing out of bounds. Whether a repository exists or a manifest
//! makes sense is not its business.

mod image;
mod invalid;
mod layer;
mod operation;
mod pattern;
mod policy;
mod referrer;
mod registry;
mod repository;
mod tagging;
mod token;
mod tree;
mod validate;

#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;

use image::IMAGE_STATUS_FILTER;
pub use image::*;
pub use invalid::{Breach, Invalid, InvalidKind};
pub use layer::*;
pub use operation::{OPERATIONS, is_operation};
pub use policy::*;
pub use referrer::*;
pub use registry::*;
pub use repository::*;
pub use tagging::*;
pub use token::*;
pub use validate::{Member, Pattern, Rule};

/// A request of ECR's API, with what the API's model says about it.
pub trait Request: DeserializeOwned {
    /// The operation's name, as `X-Amz-Target` gives it.
    const OPERATION: &'static str;
    /// The members and their rules.
    const MEMBERS: &'static [Member];

    /// The rules that look at more than one member, or that the model does not hold but ECR enforces.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Reads a request body and holds it against every rule of its shape. Members that the shape does not know
/// are ignored and `null` is the same as absent, as in AWS's own JSON services. An empty body is `{}`.
pub fn decode<T: Request>(body: &[u8]) -> Result<T, Invalid> {
    let tree = validate::read(body, T::MEMBERS)?;
    let request = T::deserialize(tree)
        .map_err(|error| Invalid::serialization(format!("The request body cannot be read: {error}")))?;
    request.validate()?;
    Ok(request)
}

/// A moment as ECR's JSON gives it: seconds since 1970 with the milliseconds as fraction.
pub fn epoch_seconds(at: jiff::Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds stay exact for 285,000 years")]
    let milliseconds = at.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// A list of what to describe comes whole: the model forbids `nextToken` beside it.
fn check_no_page_of<T>(member: &str, list: &[T], next_token: Option<&str>) -> Result<(), Invalid> {
    if list.is_empty() || next_token.is_none() {
        return Ok(());
    }
    Err(Invalid::parameter("nextToken", &format!("must not be given together with {member}")))
}
