//! A request between its encoding and its struct: the values of the members that the shape has. A tree is never larger than
//! its shape allows.

use std::borrow::Cow;

/// A value of a member. A value of another type than its rule's has lost its content.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<'a> {
    /// Only in lists: a member that is null is left out.
    Null,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string, or bytes as base64.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Tree<'a>>),
    /// A map from strings.
    Map(Vec<(String, Tree<'a>)>),
    /// If a member occurs twice, the last one counts.
    Structure(Vec<(&'static str, Tree<'a>)>),
}

impl Tree<'_> {
    /// The text of a member of a structure.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        let Self::Structure(members) = self else { return None };
        members.iter().find_map(|(known, value)| match value {
            Self::Text(text) if *known == name => Some(&**text),
            _ => None,
        })
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}
