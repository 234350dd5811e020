//! Calls of Wharf to other servers: one request, one answer, limited in size and time.
//!
//! A full client library follows redirects, stores cookies, reads proxy settings and decompresses answers. None of this
//! is wanted if a stranger can have chosen the address. This is therefore only hyper's connection with limits on
//! everything. A redirect is returned as an answer.
//!
//! Architecture invariant: no other crate of the server opens a connection. An address that a tenant can choose is
//! called by [`Client::guarded`], whose [`Dialler`] does not connect to the operator's network. [`Client::of_operator`]
//! is only for commands, whose user chose the server, and [`Client::of_own_server`] only for a health check of the machine's
//! own server; `cargo xtask tidy` reports any other use.

#![warn(missing_docs)]

mod destination;
mod dialler;
mod download;
mod own_server;
mod roots;
mod send;

pub use dialler::Dialler;
pub use download::{Download, Waits};
pub use roots::{Roots, RootsError};
pub use send::{Client, Limits, OutboundError};
