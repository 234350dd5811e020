//! Why a request is refused before anything is looked up.

/// Which exception a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// A member breaks a rule of the model.
    Parameter,
    /// A resource tag is not allowed.
    TagParameter,
    /// More resource tags than a resource may have.
    TooManyTags,
    /// The body is not JSON, or a member has the wrong type.
    Serialization,
}

/// A refusal of a request by its shape alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Which exception it is.
    pub kind: InvalidKind,
    /// ECR's sentence for the caller.
    pub message: String,
}

impl Invalid {
    /// `Invalid parameter at 'member' failed to satisfy constraint: 'constraint'`.
    pub fn parameter(member: &str, constraint: &str) -> Self {
        Self {
            kind: InvalidKind::Parameter,
            message: format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        }
    }

    /// A resource tag that is not allowed.
    pub fn tag_parameter(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::TagParameter, message: message.into() }
    }

    /// A body that cannot be read.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::Serialization, message: message.into() }
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
