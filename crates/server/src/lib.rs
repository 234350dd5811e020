//! HTTP, and nothing but HTTP: listening, TLS, limits, drain, the data plane under `/v2/`, the control plane.
//!
//! Invariants: no rule of the registry is decided here (every effect is a call into `registry`); no SQL and
//! no file of the stores is touched; only this crate knows status codes, headers and the two error dialects.

mod body;
mod control;
mod download;
mod error;
mod exchange;
mod health;
mod ledger;
mod linger;
mod listen;
mod metrics;
mod metrics_listen;
mod options;
mod proxy;
mod receiving;
mod sending;
mod serve;
mod tls;
mod v2;

pub use error::{Entry, table as error_table};
pub use listen::{ListenError, Listener, Server};
pub use options::{Limits, Options, TlsFiles};
pub use tls::{TlsError, check as check_tls};
