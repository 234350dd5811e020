//! What a commit changes, and what an answer depends on: the two meet in a scope.

use crate::{RegistryKey, RepositoryKey};

/// A part of the store. A commit that changes a part ends all answers that were kept from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Accounts and their organization, principals, groups, access keys, policies of principals, and which registries
    /// exist. One scope for the whole deployment, because one policy can concern principals of any number.
    Identity,
    /// The policy and the settings of a registry.
    Registry(RegistryKey),
    /// A repository's row, policy and resource tags.
    Repository(RepositoryKey),
    /// A repository's images, tags and blobs. The times of pulls are not kept with any answer.
    Contents(RepositoryKey),
    /// All of them.
    Everything,
}
