//! The error of a store that cannot answer now. The caller can try again later.

use std::io;

/// The server of the store cannot be reached, failed, or answered with something that it did not mean.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unavailable(String);

/// The error of a store that cannot answer now.
pub(crate) fn unavailable(text: impl Into<String>) -> io::Error {
    io::Error::other(Unavailable(text.into()))
}

/// Whether a store could not answer: the same request may succeed later.
pub fn is_unavailable(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Unavailable>)
}
