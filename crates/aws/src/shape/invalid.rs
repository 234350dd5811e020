//! Errors for requests that are not valid, whatever is stored; and the exceptions of the models.

use super::violation::Constraint;

/// The kind of exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// A member violates a constraint.
    Parameter,
    /// A resource tag is not allowed.
    TagParameter,
    /// There are more resource tags than a resource may have.
    TooManyTags,
    /// The body is not JSON, or a member has the wrong type.
    Serialization,
}

/// An exception of an API's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The code on the wire.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The members, including `message`.
    pub members: &'static [&'static str],
}

/// A request that is not valid by its shape alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The kind of exception.
    pub kind: InvalidKind,
    /// The constraint of the model that is violated; None for other reasons.
    pub constraint: Option<Constraint>,
    /// The sentence for the caller.
    pub message: String,
}

impl Invalid {
    /// `Invalid parameter at 'member' failed to satisfy constraint: 'constraint'`.
    pub fn parameter(member: &str, constraint: &str) -> Self {
        Self {
            kind: InvalidKind::Parameter,
            constraint: None,
            message: format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        }
    }

    /// A resource tag that is not allowed.
    pub fn tag_parameter(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::TagParameter, constraint: None, message: message.into() }
    }

    /// A body that cannot be read.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::Serialization, constraint: None, message: message.into() }
    }

    /// The exception's name, as `__type` gives it.
    pub fn code(&self) -> &'static str {
        match self.kind {
            InvalidKind::Parameter => "InvalidParameterException",
            InvalidKind::TagParameter => "InvalidTagParameterException",
            InvalidKind::TooManyTags => "TooManyTagsException",
            InvalidKind::Serialization => "SerializationException",
        }
    }
}
