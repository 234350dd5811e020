//! The values that metadata operations take and give: surrogate keys, times, rows.

use std::{sync::Arc, time::Duration};

/// A moment in UTC microseconds since 1970 (docs/adr/0004-ids-types-and-locks.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub i64);

impl Micros {
    /// A length of time.
    pub fn of(span: Duration) -> Self {
        Self(i64::try_from(span.as_micros()).unwrap_or(i64::MAX))
    }

    /// The moment this much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(Self::of(span).0))
    }

    /// The moment this much earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(Self::of(span).0))
    }
}

/// Surrogate key of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountKey(pub i64);

/// Surrogate key of a registry: one account in one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryKey(pub i64);

/// Key of a repository. It leads with its registry, so that registries can be spread over databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryKey {
    /// The registry that the repository belongs to.
    pub registry: RegistryKey,
    /// Unique within the registry, never reused.
    pub id: i64,
}

/// Id of an image within its repository; grows with the time of the push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub i64);

/// The id of the request that causes a write; kept by the row it makes, so that a repeat of the same
/// operation after a lost COMMIT answer is recognised as success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationId(pub Arc<str>);

impl RepositoryKey {
    /// The key as text, for the keys of queued work.
    pub fn to_text(self) -> String {
        format!("{}/{}", self.registry.0, self.id)
    }

    /// Reads back what [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let (registry, id) = text.split_once('/')?;
        Some(Self { registry: RegistryKey(registry.parse().ok()?), id: id.parse().ok()? })
    }
}

/// The key of a row that an operation changes. Operations are generic over it: a permit opens them only with a key that
/// nobody but the permit makes, and the work of a service uses a `String`.
pub trait Key: AsRef<str> + Send + Sync + 'static {}

impl<T: AsRef<str> + Send + Sync + 'static> Key for T {}

/// The account that an operation adds something to: [`AccountKey`], or a key that nobody but a permit makes.
pub trait InAccount: Copy + Into<AccountKey> + Send + Sync + 'static {}

impl<T: Copy + Into<AccountKey> + Send + Sync + 'static> InAccount for T {}
