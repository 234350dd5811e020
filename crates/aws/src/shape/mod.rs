//! The description of requests that every service shares: members, their constraints, and the errors for requests that
//! violate one. The services' `shapes.rs` are generated from AWS's service models in these terms.
//!
//! Two codecs read requests by the description: [`crate::json::decode`] and [`crate::query::decode`]. Both build the
//! members that the shape has and nothing else, and compare them with the constraints here.

mod answer;
mod check;
mod invalid;
pub(crate) mod pattern;
mod read;
mod rule;
mod tree;
mod violation;

pub use answer::{Answer, Answered, WriteError};
pub(crate) use check::{Path, Report, check};
pub use invalid::{Exception, Invalid, InvalidKind};
pub use read::{Members, Mismatch, Read};
pub use rule::{Member, Pattern, Rule};
pub use tree::Tree;
pub use violation::Constraint;
pub(crate) use violation::Violation;

/// A request of an API, with its description.
pub trait Request: Read + Send + 'static {
    /// The operation's name, as `X-Amz-Target` or `Action` contains it.
    const OPERATION: &'static str;
    /// The members and their constraints.
    const MEMBERS: &'static [Member];
    /// Whether the operation has an output. The query protocol leaves out the element of one that has none.
    const HAS_RESULT: bool = true;
    /// The answer to it; `()` if the operation has no output.
    type Response: Send + 'static;

    /// Checks the rules that span members, or that the model does not have but the service enforces.
    fn validate(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// The answer's members as JSON.
    fn to_json(answer: &Self::Response) -> Result<Vec<u8>, WriteError>;

    /// Writes the answer's members into an element. Only the services with the query protocol have XML.
    fn to_xml(_: &Self::Response, _element: &str, _out: &mut String) -> Result<(), WriteError> {
        Err(WriteError::no_xml())
    }
}
