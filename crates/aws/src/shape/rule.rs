//! The members of a structure and the constraints on their values, as the service model has them.

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether the request must have it.
    pub is_required: bool,
    /// Whether its value is a secret, which no error text repeats.
    pub is_sensitive: bool,
    /// The constraints on its value.
    pub rule: Rule,
}

/// The type of a value, with its constraints.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A string; lengths in characters.
    Text {
        /// Minimum length.
        min: usize,
        /// Maximum length.
        max: usize,
        /// The expression that the whole string must match.
        pattern: Option<Pattern>,
    },
    /// One of a set of strings.
    Choice(&'static [&'static str]),
    /// A boolean.
    Flag,
    /// A whole number.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// Bytes as base64.
    Blob {
        /// Maximum length in bytes, decoded.
        max: usize,
    },
    /// A list.
    List {
        /// The constraints on each element.
        of: &'static Rule,
        /// Minimum number of elements.
        min: usize,
        /// Maximum number of elements.
        max: usize,
    },
    /// A map from strings.
    Map {
        /// The constraints on each key.
        key: &'static Rule,
        /// The constraints on each value.
        of: &'static Rule,
        /// Maximum number of keys.
        max: usize,
    },
    /// A nested structure.
    Structure {
        /// The shape's name.
        name: &'static str,
        /// The members.
        members: &'static [Member],
    },
}

/// A regular expression of the model.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// The expression, as the service's error text repeats it.
    pub text: &'static str,
    /// Whether ECR's error text puts quotes around it.
    pub is_quoted: bool,
    /// The expression as a function.
    pub matches: fn(&str) -> bool,
}

impl Member {
    /// A member that may be absent.
    pub(crate) const fn optional(name: &'static str, rule: Rule) -> Self {
        Self { name, is_required: false, is_sensitive: false, rule }
    }

    /// A member that must be present.
    pub(crate) const fn required(name: &'static str, rule: Rule) -> Self {
        Self { name, is_required: true, is_sensitive: false, rule }
    }

    /// The same member, with a secret as its value.
    #[must_use]
    pub(crate) const fn sensitive(self) -> Self {
        Self { is_sensitive: true, ..self }
    }
}

impl Rule {
    /// A string without constraints.
    pub(crate) const ANY_TEXT: Self = Self::Text { min: 0, max: usize::MAX, pattern: None };

    /// A string with a length.
    pub(crate) const fn text(min: usize, max: usize) -> Self {
        Self::Text { min, max, pattern: None }
    }

    /// The type's name in error texts.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::Choice(_) => "a String",
            Self::Flag => "a Boolean",
            Self::Integer { .. } => "an Integer",
            Self::Blob { .. } => "a Blob",
            Self::List { .. } => "a List",
            Self::Map { .. } => "a Map",
            Self::Structure { .. } => "a Structure",
        }
    }
}
