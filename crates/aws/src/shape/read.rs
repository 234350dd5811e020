//! How the generated structs take the values of a checked request: one plain function for each type. Derived visitors of
//! serde were compiled for each type, each of its members and the list around them (docs/performance.md).

use std::collections::BTreeMap;
use std::fmt;

use super::tree::Tree;

/// A type that a request can contain.
pub trait Read: Sized {
    /// Takes the value.
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch>;
}

/// A value that is not of the type of its member. The check of the rules leaves few of them: numbers out of range, and bytes
/// that are not base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl Mismatch {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The members of a structure that are present.
pub struct Members<'a>(Vec<(&'static str, Tree<'a>)>);

impl<'a> Members<'a> {
    fn take(&mut self, name: &str) -> Option<Tree<'a>> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn present(&mut self, name: &str) -> Result<Tree<'a>, Mismatch> {
        self.take(name).ok_or_else(|| Mismatch(format!("missing field `{name}`")))
    }

    pub(crate) fn required<T: Read>(&mut self, name: &str) -> Result<T, Mismatch> {
        T::read(self.present(name)?)
    }

    pub(crate) fn optional<T: Read>(&mut self, name: &str) -> Result<Option<T>, Mismatch> {
        self.take(name).map(T::read).transpose()
    }

    /// A member whose absence means the same as its empty value.
    pub(crate) fn or_empty<T: Read + Default>(&mut self, name: &str) -> Result<T, Mismatch> {
        Ok(self.optional(name)?.unwrap_or_default())
    }

    /// Bytes, which are base64 in both protocols.
    pub(crate) fn required_blob(&mut self, name: &str) -> Result<Vec<u8>, Mismatch> {
        crate::json::blob(&self.present(name)?)
    }

    pub(crate) fn blob(&mut self, name: &str) -> Result<Vec<u8>, Mismatch> {
        self.take(name).map_or(Ok(Vec::new()), |tree| crate::json::blob(&tree))
    }
}

impl<'a> Tree<'a> {
    pub(crate) fn members(self) -> Result<Members<'a>, Mismatch> {
        match self {
            Self::Structure(members) => Ok(Members(members)),
            _ => Err(Mismatch::new("a value is not a structure")),
        }
    }

    /// One of the texts of an enum.
    pub(crate) fn choice<T>(self, parse: fn(&str) -> Option<T>) -> Result<T, Mismatch> {
        let text = String::read(self)?;
        parse(&text).ok_or_else(|| Mismatch(format!("unknown variant `{text}`")))
    }

    fn number(self) -> Result<serde_json::Number, Mismatch> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(Mismatch::new("a value is not a number")),
        }
    }
}

impl Read for String {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        match tree {
            Tree::Text(text) => Ok(text.into_owned()),
            _ => Err(Mismatch::new("a value is not a string")),
        }
    }
}

impl Read for bool {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        match tree {
            Tree::Flag(flag) => Ok(flag),
            _ => Err(Mismatch::new("a value is not a boolean")),
        }
    }
}

impl Read for u64 {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        let number = tree.number()?;
        number.as_u64().ok_or_else(|| out_of_range(&number))
    }
}

impl Read for i64 {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        let number = tree.number()?;
        number.as_i64().ok_or_else(|| out_of_range(&number))
    }
}

impl Read for u32 {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        let number = tree.number()?;
        number.as_u64().and_then(|whole| whole.try_into().ok()).ok_or_else(|| out_of_range(&number))
    }
}

impl Read for i32 {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        let number = tree.number()?;
        number.as_i64().and_then(|whole| whole.try_into().ok()).ok_or_else(|| out_of_range(&number))
    }
}

fn out_of_range(number: &serde_json::Number) -> Mismatch {
    Mismatch(format!("the number {number} is out of range"))
}

impl<T: Read> Read for Vec<T> {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        match tree {
            Tree::List(items) => items.into_iter().map(T::read).collect(),
            _ => Err(Mismatch::new("a value is not a list")),
        }
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(tree: Tree<'_>) -> Result<Self, Mismatch> {
        match tree {
            Tree::Map(entries) => {
                entries.into_iter().map(|(name, value)| Ok((name, T::read(value)?))).collect()
            }
            _ => Err(Mismatch::new("a value is not a map")),
        }
    }
}
