//! The HTTP/2 window: how much a client may send before the server reads it. These bytes are not charged as a body, so
//! the windows have their own limit: some wide windows, which are fast over long distances, and narrow windows for all
//! other connections.

use std::sync::Arc;

use super::{Book, Ledger};

/// 10 MB per second with a round trip of 50 ms.
const WIDE: u32 = 512 * 1024;
/// The minimum that HTTP/2 allows for a connection (RFC 9113 §6.9.2).
const NARROW: u32 = 65_535;

/// The window of a connection, counted for its lifetime.
#[derive(Debug)]
pub(crate) struct Window(Option<Arc<Book>>);

impl Ledger {
    /// A wide window while one is available, else a narrow one.
    pub(crate) fn window(&self) -> Window {
        let is_wide = self.0.windows.add(WIDE.into(), 0);
        Window(is_wide.then(|| Arc::clone(&self.0)))
    }

    /// The maximum number of HTTP/2 connections.
    pub(crate) fn most_windows(&self) -> usize {
        usize::try_from(self.0.total.most() / 4 / u64::from(NARROW + 1)).unwrap_or(usize::MAX)
    }
}

impl Window {
    /// For all streams together.
    pub(crate) fn bytes(&self) -> u32 {
        if self.0.is_some() { WIDE } else { NARROW }
    }

    /// For one stream; leaves room for the others.
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
