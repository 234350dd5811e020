//! A client of other registries: it reads what they hold by the distribution specification.
//!
//! The pull-through cache and imports use it. The account that chose the registry is not trusted, and the registry is
//! not trusted either. Hence:
//!
//! * Every connection is made by `outbound`, with its rules about networks. Plain HTTP is only for the hosts that the
//!   operator lists.
//! * Credentials are sent to the registry that they are for, and to the token service that belongs to it
//!   (`token_service`). A redirect to another host carries no credentials. Access keys only sign (`ecr`).
//! * Everything that is read is limited in size and time. Content that is read by digest is verified: a manifest before
//!   it is returned, a blob before its last bytes are.

#![warn(missing_docs)]

mod blob;
mod challenge;
mod connector;
mod ecr;
mod endpoint;
mod error;
mod list;
mod location;
mod manifest;
mod peer;
mod registry;
mod rules;
mod token;
mod token_service;

pub use blob::BlobDownload;
pub use connector::Connector;
pub use ecr::{EcrApi, EcrToken, UpstreamRole};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::UpstreamError;
pub use list::Page;
pub use manifest::{ManifestHead, RemoteManifest};
pub use peer::{PeerClient, PeerResponse};
pub use registry::{Credentials, Upstream};
pub use rules::{Rules, SettingNames};
