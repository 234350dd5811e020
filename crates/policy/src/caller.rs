//! The caller of a request, as policies can name it.

/// The principal of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The account the principal belongs to; empty for principals outside all accounts.
    pub account: &'a str,
    /// What kind of principal it is.
    pub kind: CallerKind<'a>,
}

/// The kinds of principals. ARNs are the ones that policies contain. Unique IDs are IAM's `AIDA…` and `AROA…`; a stored
/// policy contains these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind<'a> {
    /// The account itself.
    Root,
    /// An IAM user.
    User {
        /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`
        arn: &'a str,
        /// `AIDA…`
        unique_id: &'a str,
    },
    /// A session of a role.
    RoleSession {
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
        session_arn: &'a str,
        /// `arn:aws:iam::ACCOUNT:role/PATH/ROLE`
        role_arn: &'a str,
        /// `AROA…`
        role_id: &'a str,
    },
    /// A session from GetFederationToken.
    FederatedUser {
        /// `arn:aws:sts::ACCOUNT:federated-user/NAME`
        arn: &'a str,
        /// The ARN and unique ID of the user who requested the session; none for the root user.
        user: Option<(&'a str, &'a str)>,
    },
    /// A client with a token of an identity provider, before it has a session.
    WebIdentity {
        /// The provider's ARN, or its name if AWS knows it by name.
        provider: &'a str,
    },
    /// An AWS service, or a part of this server that acts as one.
    Service {
        /// For example `replication.ecr.amazonaws.com`.
        name: &'a str,
    },
    /// An anonymous caller.
    Anonymous,
}

impl Caller<'_> {
    /// Whether the principal belongs to an account, whose policies then apply.
    pub(crate) fn has_account(&self) -> bool {
        !matches!(
            self.kind,
            CallerKind::WebIdentity { .. } | CallerKind::Service { .. } | CallerKind::Anonymous
        )
    }
}
