//! Pages of names, as the data plane lists tags and repositories.

/// The maximum number of names in one answer; a larger request gets this many and a link.
pub const MAX_PAGE: usize = 1_000;

/// One page of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePage {
    /// The names, in byte order.
    pub names: Vec<String>,
    /// Whether there are more.
    pub more: bool,
}

impl NamePage {
    /// Keeps `limit` names of a list that was read with one more.
    pub(crate) fn cut(mut names: Vec<String>, limit: usize) -> Self {
        let more = names.len() > limit;
        names.truncate(limit);
        Self { names, more }
    }
}

/// A name to begin after. No name contains NUL, and PostgreSQL's text cannot contain it either: the part before it
/// sorts in the same way.
pub(crate) fn after(last: Option<&str>) -> Option<String> {
    last.map(|last| last.split('\0').next().unwrap_or_default().to_owned())
}

/// The number of names to read for a page of `n`: at most [`MAX_PAGE`].
pub(crate) fn page_size(n: Option<usize>) -> usize {
    n.unwrap_or(MAX_PAGE).min(MAX_PAGE)
}
