//! A policy whose document is valid, with its rules in the order of their priority.

use crate::document::{self, Document, Invalid};
use crate::pattern::Pattern;

/// Where the bytes of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StorageClass {
    Standard,
    Archive,
}

/// What a rule does with the images that it marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Deletes them.
    Expire,
    /// Moves them to the archive.
    Archive,
}

/// The tag requirement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Any,
    Untagged,
    /// Each of these must match a tag of the image.
    Tagged(Vec<Pattern>),
}

impl Selector {
    /// Whether an image with these tags meets it.
    pub fn matches<T: AsRef<str>>(&self, tags: &[T]) -> bool {
        match self {
            Self::Any => true,
            Self::Untagged => tags.is_empty(),
            Self::Tagged(patterns) => {
                patterns.iter().all(|pattern| tags.iter().any(|tag| pattern.matches(tag.as_ref())))
            }
        }
    }
}

/// When a rule marks an image that meets its tag requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// If this many newer images meet the requirement.
    ImageCountMoreThan(u64),
    /// If it was pushed or activated more than this many days ago.
    SinceImagePushed(u64),
    /// If it was pulled more than this many days ago.
    SinceImagePulled(u64),
    /// If it last got a tag, or was pushed or activated, more than this many days ago. An extension of Wharf.
    SinceImageTagged(u64),
    /// If it was archived more than this many days ago.
    SinceImageTransitioned(u64),
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Lower numbers are applied first.
    pub priority: u32,
    pub selector: Selector,
    /// The rule sees only images of this class.
    pub storage_class: StorageClass,
    pub count: Count,
    pub action: Action,
}

/// A valid policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    keeps: Vec<Selector>,
    text: String,
    uses_extensions: bool,
}

impl Policy {
    /// Reads a policy document. Extensions of Wharf are refused.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let document = document::read(text)?;
        match document.extension {
            None => Ok(Self::of(document)),
            Some(name) => Err(Invalid::closed(&format!(
                "{name} is an extension of Wharf. It needs the account setting WHARF_LIFECYCLE_EXTENSIONS."
            ))),
        }
    }

    /// Reads a policy document that may use extensions of Wharf.
    pub fn parse_with_extensions(text: &str) -> Result<Self, Invalid> {
        document::read(text).map(Self::of)
    }

    fn of(document: Document) -> Self {
        let Document { rules, keeps, text, extension } = document;
        Self { rules, keeps, text, uses_extensions: extension.is_some() }
    }

    /// Whether it uses extensions of Wharf.
    pub fn uses_extensions(&self) -> bool {
        self.uses_extensions
    }

    /// The tag requirements of the rules that keep images. No rule marks an image that meets one of them, whatever the
    /// priorities and the storage class of the image.
    pub fn keeps(&self) -> &[Selector] {
        &self.keeps
    }

    /// The rules that mark images, in the order of their priority.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The document as ECR shows it: no spaces, members in the order of the documentation, rules by priority.
    pub fn text(&self) -> &str {
        &self.text
    }
}
