//! The operations of each service that Wharf has, listed once. The lists are macros that call another macro with every
//! entry, so that enums, permits, dispatch and tests are made from the same list.

mod ecr;
mod iam;
mod organizations;
mod sts;

/// What an operation's IAM action is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One repository's ARN.
    Repository,
    /// The ARN of a repository that the operation makes.
    NewRepository,
    /// Every repository of the registry: `…:repository/*`.
    AllRepositories,
    /// `*`: the account itself.
    Account,
    /// What the request names: a user, a role, an account.
    Named,
    /// Nothing is decided: AWS allows the operation to every caller.
    Everyone,
}
