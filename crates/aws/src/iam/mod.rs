//! The shapes of IAM's API and the names of its operations, with Wharf's own. [`crate::query::decode`] reads the requests.

#[expect(missing_docs, reason = "the names are the API's own")]
mod shapes;

pub use shapes::*;

impl From<Tag> for (String, String) {
    fn from(tag: Tag) -> Self {
        (tag.key, tag.value)
    }
}

impl From<(String, String)> for Tag {
    fn from((key, value): (String, String)) -> Self {
        Self { key, value }
    }
}

#[cfg(test)]
mod tests;
