//! What a client may send over a connection of HTTP/2 before anybody reads it. No body is charged for it yet, so the
//! windows have bounds of their own: some wide ones, which are fast over long distances, and narrow ones for as many
//! connections as there may be beside them.

use std::sync::Arc;

use super::{Book, Ledger};

/// 10 MB a second where an answer takes 50 ms.
const WIDE: u32 = 512 * 1024;
/// The least that HTTP/2 allows for a connection (RFC 9113 §6.9.2).
const NARROW: u32 = 65_535;

/// The window of a connection, counted as long as it lives.
#[derive(Debug)]
pub(crate) struct Window(Option<Arc<Book>>);

impl Ledger {
    /// A wide window while there is room for one, or else a narrow one.
    pub(crate) fn window(&self) -> Window {
        let is_wide = self.0.windows.add(WIDE.into(), 0);
        Window(is_wide.then(|| Arc::clone(&self.0)))
    }

    /// The connections of HTTP/2 that there may be at a time.
    pub(crate) fn most_windows(&self) -> usize {
        usize::try_from(self.0.total.most() / 4 / u64::from(NARROW + 1)).unwrap_or(usize::MAX)
    }
}

impl Window {
    /// For all streams together.
    pub(crate) fn bytes(&self) -> u32 {
        if self.0.is_some() { WIDE } else { NARROW }
    }

    /// For one stream, which leaves something to the others.
    pub(crate) fn of_stream(&self) -> u32 {
        if self.0.is_some() { WIDE / 2 } else { NARROW }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(book) = &self.0 {
            book.windows.subtract(WIDE.into());
        }
    }
}
