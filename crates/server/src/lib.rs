//! HTTP only: listening, TLS, limits, drain, the data plane under `/v2/`, the control plane.
//!
//! Invariants: no rule of the registry is decided here (every effect is a call of `registry` or `identity`). This crate
//! contains no SQL and does not use the files of the stores. Only this crate knows status codes, headers and the two
//! error formats.

mod alarm;
mod anonymous_rate;
mod body;
mod brief;
mod bucket;
mod connection;
mod control;
mod deployment;
mod download;
mod error;
mod exchange;
mod finishing;
mod health;
mod host;
mod idle;
mod ledger;
mod linger;
mod listen;
mod log_lines;
mod logo;
mod metrics;
mod metrics_listen;
mod options;
mod pace;
mod peer;
mod proxy;
mod receiving;
mod registry_of;
mod request_id;
mod sendfile;
mod sending;
mod serve;
mod slots;
mod speak;
mod throttle;
mod tls;
mod traced;
mod transfer;
mod unsent;
mod v2;

pub use brief::serve as serve_briefly;
pub use deployment::Deployment;
pub use error::{Entry, table as error_table};
pub use listen::{ListenError, Listener, Server, Sockets, listen};
pub use log_lines::{DroppedLines, LogKind};
pub use options::{Limits, Options, TlsFiles};
pub use tls::{TlsError, check as check_tls};
pub use v2::RouteOp;
