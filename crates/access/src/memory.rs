//! The memory that a request may use, accounted for by the server.

use futures::future::BoxFuture;

use crate::error::Result;

/// An account of memory until the request's answer has been sent.
pub trait Memory: std::fmt::Debug + Send + Sync {
    /// Reserves room for this many more bytes if there is room now.
    fn hold_now(&self, bytes: u64) -> bool;

    /// Reserves room for this many more bytes. An operation calls it before it reads or builds large values.
    fn hold(&self, bytes: u64) -> BoxFuture<'_, Result<()>>;
}
