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

/// Which rule of the model a member breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// It must be there, and is not.
    Missing,
    /// Too short a text or list.
    TooShort,
    /// Too long a text or list.
    TooLong,
    /// Too small a number.
    TooSmall,
    /// Too large a number.
    TooLarge,
    /// Not of the pattern.
    Pattern,
    /// None of the values that there are.
    Choice,
    /// Another rule than the model's.
    Other,
}

/// An exception of an API's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The code on the wire.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The members, `message` among them.
    pub members: &'static [&'static str],
}

/// A refusal of a request by its shape alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Which exception it is.
    pub kind: InvalidKind,
    /// Which rule is broken.
    pub breach: Breach,
    /// ECR's sentence for the caller.
    pub message: String,
}

impl Invalid {
    /// `Invalid parameter at 'member' failed to satisfy constraint: 'constraint'`.
    pub fn parameter(member: &str, constraint: &str) -> Self {
        Self {
            kind: InvalidKind::Parameter,
            breach: Breach::Other,
            message: format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"),
        }
    }

    /// A resource tag that is not allowed.
    pub fn tag_parameter(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::TagParameter, breach: Breach::Other, message: message.into() }
    }

    /// A body that cannot be read.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self { kind: InvalidKind::Serialization, breach: Breach::Other, message: message.into() }
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
