//! Why a request is refused before anything is read from the store.

/// The exception of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// A member breaks a rule of the model.
    Parameter,
    /// A resource tag is not allowed.
    TagParameter,
    /// There are more resource tags than a resource may have.
    TooManyTags,
    /// The body is not JSON, or a member has the wrong type.
    Serialization,
}

/// The rule of the model that a member breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// The member is required and absent.
    Missing,
    /// The text or list is too short.
    TooShort,
    /// The text or list is too long.
    TooLong,
    /// The number is too small.
    TooSmall,
    /// The number is too large.
    TooLarge,
    /// The text does not match the pattern.
    Pattern,
    /// The value is not one of the enum.
    Choice,
    /// A rule that the model does not contain.
    Other,
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

/// A request that is refused because of its shape alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The exception.
    pub kind: InvalidKind,
    /// The rule that is broken.
    pub breach: Breach,
    /// ECR's text for the caller.
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
