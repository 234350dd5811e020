//! Credentials of a role for a node or a pod, so that its software needs no long-term key. They come from STS
//! ([`source`]), are kept while they are valid ([`cache`] for one call, [`keeper`] for an agent), and are served where
//! SDKs look for them ([`agent`]).

pub(crate) mod agent;
#[cfg(test)]
mod agent_tests;
mod cache;
mod container;
mod imds;
pub(crate) mod keeper;
pub(crate) mod process;
pub(crate) mod source;
mod temporary;

pub(crate) use container::load_or_make_token;
pub(crate) use temporary::Temporary;
