//! The decision, the deciding statement, and AWS's text for it.

use std::fmt;
use std::sync::Arc;

use crate::budget::Excess;

/// The name of a policy for messages: its ARN, or the name of an inline policy. Cheap to copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceName(Arc<str>);

impl SourceName {
    /// Names a policy.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The roles of policies in a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// No policy: the root user of an account has all permissions in it.
    Root,
    /// Policies of a user, its groups, or a role.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// Policies of the resource: a repository or registry policy.
    Resource,
    /// The trust policy of a role.
    RoleTrust,
    /// A service control policy of an organization.
    ServiceControl,
    /// A resource control policy of an organization.
    ResourceControl,
}

impl PolicyKind {
    /// AWS's name for the kind, without an article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Root => "root user",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Resource => "resource-based policy",
            Self::RoleTrust => "role trust policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
        }
    }
}

/// The kind of policy that does not allow the request.
pub type MissingIn = PolicyKind;

/// The deciding statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The role of its policy.
    pub kind: PolicyKind,
    /// The policy; none if the root user needed none.
    pub source: Option<SourceName>,
    /// The position of the statement in the policy, from 0.
    pub statement_index: usize,
    /// The statement's ID, if it has one.
    pub sid: Option<Arc<str>>,
}

/// The result for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// A statement allows it, and no statement denies it.
    Allow(By),
    /// A statement denies it.
    ExplicitDeny(By),
    /// No statement of this kind allows it.
    ImplicitDeny(MissingIn),
    /// The decision exceeded its limits, and the request is denied.
    Exceeded(Excess),
}

impl Decision {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The end of AWS's text "User: … is not authorized to perform: … on resource: …"; none for an Allow. Source: IAM
    /// User Guide, "Troubleshoot access denied error messages".
    pub fn reason(&self, action: &str) -> Option<String> {
        match self {
            Self::Allow(_) => None,
            Self::ExplicitDeny(by) => {
                let article = if by.kind == PolicyKind::Identity { "an" } else { "a" };
                Some(format!("with an explicit deny in {article} {}", by.kind.words()))
            }
            Self::ImplicitDeny(kind) => {
                Some(format!("because no {} allows the {action} action", kind.words()))
            }
            Self::Exceeded(excess) => Some(format!("because {}", excess.words())),
        }
    }
}
