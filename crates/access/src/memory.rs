//! The memory that a request may use for what it asks for, accounted for by whoever serves it.

use futures::future::BoxFuture;

use crate::error::Result;

/// An account of memory that lasts until the request's answer has been sent.
pub trait Memory: std::fmt::Debug + Send + Sync {
    /// Takes room for this many bytes more. An operation calls it before it reads or builds what is large.
    fn hold(&self, bytes: u64) -> BoxFuture<'_, Result<()>>;
}
