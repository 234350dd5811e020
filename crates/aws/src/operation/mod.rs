//! The operations of each service that Wharf has, in one list. The lists are macros that call another macro with every
//! entry, so enums, permits, dispatch and tests are generated from the same list.

mod ecr;
mod ecr_public;
mod event_bridge;
mod iam;
mod organizations;
mod secrets_manager;
mod service_quotas;
mod sts;
mod tagging;

/// The resource on which an operation's IAM action is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One repository's ARN.
    Repository,
    /// The ARN of the repository that the operation creates.
    NewRepository,
    /// Every repository of the registry: `…:repository/*`.
    AllRepositories,
    /// `*`: the account itself.
    Account,
    /// A resource that the request names: a user, a role, an account.
    Named,
    /// No decision: AWS allows the operation to every caller.
    Everyone,
}
