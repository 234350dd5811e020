//! A policy whose document is valid, with its rules in the order of their priority.

use crate::document::{self, Invalid};
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
    text: String,
}

impl Policy {
    /// Reads a policy document.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let (rules, text) = document::read(text)?;
        Ok(Self { rules, text })
    }

    /// The rules, in the order of their priority.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The document as ECR shows it: no spaces, members in the order of the documentation, rules by priority.
    pub fn text(&self) -> &str {
        &self.text
    }
}
