//! The calls that Wharf makes to other servers: one request, one answer, bounded in size and in time.
//!
//! A full client library follows redirects, keeps cookies, reads proxy settings and unpacks what it is sent. None of
//! that is wanted where a stranger may have chosen the address, so this is hyper's connection with a limit on
//! everything, and nothing else. A redirect is an answer like any other.
//!
//! Architecture invariant: no other crate of the server opens a connection. What a tenant may name is called by
//! [`Client::guarded`], whose [`Dialler`] keeps out of the operator's network; [`Client::of_operator`] is for commands,
//! whose user named the server, and `cargo xtask tidy` finds it anywhere else.

#![warn(missing_docs)]

mod destination;
mod dialler;
mod roots;
mod send;

pub use dialler::Dialler;
pub use roots::{Roots, RootsError};
pub use send::{Client, Limits, OutboundError};
