//! An answer of any operation, as one type: what sends answers is compiled once, not once for each operation.

use std::fmt::Display;

use super::Request;

/// An answer, which its service can write.
pub trait Answer: Send {
    /// The operation's name.
    fn operation(&self) -> &'static str;
    /// Whether the operation has an output.
    fn has_result(&self) -> bool;
    /// Its members as JSON.
    fn to_json(&self) -> Result<Vec<u8>, WriteError>;
    /// Writes its members into an element.
    fn to_xml(&self, element: &str, out: &mut String) -> Result<(), WriteError>;
}

/// The answer to a request.
pub struct Answered<T: Request>(pub T::Response);

impl<T: Request> Answer for Answered<T> {
    fn operation(&self) -> &'static str {
        T::OPERATION
    }

    fn has_result(&self) -> bool {
        T::HAS_RESULT
    }

    fn to_json(&self) -> Result<Vec<u8>, WriteError> {
        T::to_json(&self.0)
    }

    fn to_xml(&self, element: &str, out: &mut String) -> Result<(), WriteError> {
        T::to_xml(&self.0, element, out)
    }
}

/// An answer that cannot be written: it contains something that the protocol does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(String);

impl WriteError {
    pub(crate) fn no_xml() -> Self {
        Self("the service has no answers in XML".to_owned())
    }
}

impl From<serde_json::Error> for WriteError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl serde::ser::Error for WriteError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}
