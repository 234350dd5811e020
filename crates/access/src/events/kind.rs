//! The kinds of events, with their names in the outbox. Whoever delivers events says for each kind how: the compiler finds
//! a kind that nobody delivers.

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $stored:literal,)*) => {
        /// What an event of the outbox tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)*
        }

        impl EventKind {
            /// Its name in the outbox.
            pub fn stored(self) -> &'static str {
                match self {
                    $(Self::$kind => $stored,)*
                }
            }

            /// The kind with this name in the outbox; None for a kind of a newer version.
            pub fn of_stored(name: &str) -> Option<Self> {
                match name {
                    $($stored => Some(Self::$kind),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// An image was pushed, or got tags.
    ImagePush = "ecr.image.push",
    /// An image was deleted.
    ImageDelete = "ecr.image.delete",
    /// A tag was deleted, or moved by replication.
    ImageUntag = "ecr.image.untag",
    /// An image went to the archive or came back.
    ImageUpdateStorageClass = "ecr.image.update-storage-class",
    /// In the registry that an image was replicated to.
    ImageReplicate = "ecr.image.replicate",
    /// In the registry that an image was replicated from.
    ImageReplicated = "ecr.image.replicated",
    /// An image with a subject was pushed.
    ReferrerPush = "ecr.referrer.push",
    /// An image was deleted with its subject.
    ReferrerDelete = "ecr.referrer.delete",
    /// The pull-through cache asked an upstream registry.
    PullThroughCache = "ecr.pull-through-cache",
    RepositoryCreate = "ecr.repository.create",
    RepositoryDelete = "ecr.repository.delete",
    /// A repository has another name, or another account.
    RepositoryMove = "ecr.repository.move",
    RepositoryPolicySet = "ecr.repository.policy.set",
    RepositoryPolicyDelete = "ecr.repository.policy.delete",
    RepositoryLifecyclePolicySet = "ecr.repository.lifecycle-policy.set",
    RepositoryLifecyclePolicyDelete = "ecr.repository.lifecycle-policy.delete",
    RegistryPolicySet = "ecr.registry.policy.set",
    RegistryPolicyDelete = "ecr.registry.policy.delete",
}
