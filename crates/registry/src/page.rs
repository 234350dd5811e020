//! Pages of names, as the data plane lists tags and repositories.

/// Most names in one answer; a client that asks for more gets this many and a link.
pub const MAX_PAGE: usize = 1_000;

/// One page of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePage {
    /// The names, in byte order.
    pub names: Vec<String>,
    /// Whether more follow.
    pub more: bool,
}

impl NamePage {
    /// Keeps `limit` names of a list that was read with one more than that.
    pub(crate) fn cut(mut names: Vec<String>, limit: usize) -> Self {
        let more = names.len() > limit;
        names.truncate(limit);
        Self { names, more }
    }
}

/// A name to begin after. No name holds a NUL, which PostgreSQL's text cannot hold either: the part before it sorts
/// alike.
pub(crate) fn after(last: Option<&str>) -> Option<String> {
    last.map(|last| last.split('\0').next().unwrap_or_default().to_owned())
}

/// The number of names to read for a page of `n`: at most [`MAX_PAGE`].
pub(crate) fn page_size(n: Option<usize>) -> usize {
    n.unwrap_or(MAX_PAGE).min(MAX_PAGE)
}
