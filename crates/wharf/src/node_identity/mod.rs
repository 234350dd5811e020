//! Credentials of a role for a node or a pod, so that no long-term key has to lie where its software runs: obtained from
//! STS ([`source`]), kept while they are good ([`cache`] for one call, [`keeper`] for an agent), and handed out where
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
