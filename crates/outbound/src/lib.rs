//! The calls that Wharf makes to other servers: one request, one answer, bounded in size and in time.
//!
//! A full client library follows redirects, keeps cookies, reads proxy settings and unpacks what it is sent. None of
//! that is wanted where a stranger may have chosen the address, so this is hyper's connection with a limit on
//! everything, and nothing else. A redirect is an answer like any other.

mod roots;
mod send;

pub use roots::{Roots, RootsError};
pub use send::{Client, Limits, OutboundError};
