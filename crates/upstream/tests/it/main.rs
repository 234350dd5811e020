//! The client of other registries against a registry that lies.

mod credentials;
mod hostile;
mod lists;
mod server;
