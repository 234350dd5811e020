//! The `Principal` and `NotPrincipal` elements.
//!
//! Source: IAM User Guide, "Principal", "NotPrincipal" and "Policy evaluation for requests within a single account":
//! the form in which a principal is named decides which other policies still limit the grant.

use crate::caller::{Caller, CallerKind};
use crate::error::PolicyError;

/// How specifically a statement names a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// By the account: the account's own policies must allow too.
    Account,
    /// By the role, or by the user of a federated session: boundary and session policy still limit the grant.
    Role,
    /// By the user, the session, the service, or everybody: only an explicit deny limits the grant.
    Direct,
}

/// One principal in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    Everyone,
    Account(Box<str>),
    /// The ARN of a user, a role or a session, or a unique ID.
    Named(Box<str>),
    Federated(Box<str>),
    Service(Box<str>),
    /// Amazon S3's name for an account. It is parsed and stored, but never matches a caller here.
    CanonicalUser,
}

impl Principal {
    /// Parses one entry of a principal map.
    pub(crate) fn parse(kind: &str, text: &str) -> Result<Self, PolicyError> {
        let refused = |kind| PolicyError::InvalidPrincipal { kind, value: text.to_owned() };
        match kind {
            "AWS" => Self::aws(text).ok_or_else(|| refused("AWS")),
            "Service" if text == "*" => Err(refused("Service")),
            "Service" => named(text).map(Self::Service).ok_or_else(|| refused("Service")),
            "Federated" => named(text).map(Self::Federated).ok_or_else(|| refused("Federated")),
            "CanonicalUser" => match named(text) {
                Some(_) => Ok(Self::CanonicalUser),
                None => Err(refused("CanonicalUser")),
            },
            other => Err(PolicyError::UnknownPrincipalType(other.to_owned())),
        }
    }

    fn aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everyone);
        }
        Some(match AwsPrincipal::parse(text)? {
            AwsPrincipal::Account(account) => Self::Account(account.into()),
            _ => Self::Named(text.into()),
        })
    }

    /// The account ID, ARN or unique ID of an AWS principal.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Account(name) | Self::Named(name) => Some(name),
            _ => None,
        }
    }

    /// How this entry names the caller, if it does.
    fn names(&self, caller: &Caller<'_>) -> Option<Naming> {
        match self {
            Self::Everyone => (caller.kind != CallerKind::Anonymous).then_some(Naming::Direct),
            Self::Account(account) => {
                (caller.has_account() && **account == *caller.account).then_some(Naming::Account)
            }
            Self::Named(name) => named_as(name, &caller.kind),
            Self::Federated(wanted) => {
                matches!(caller.kind, CallerKind::WebIdentity { provider } if **wanted == *provider)
                    .then_some(Naming::Direct)
            }
            Self::Service(wanted) => matches!(caller.kind, CallerKind::Service { name } if **wanted == *name)
                .then_some(Naming::Direct),
            Self::CanonicalUser => None,
        }
    }
}

/// The meaning of an entry under `AWS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsPrincipal<'a> {
    /// An account: its ID, or the ARN of its root.
    Account(&'a str),
    /// The ARN of a user or a role.
    Entity {
        /// Its account.
        account: &'a str,
        /// `user` or `role`.
        kind: &'a str,
        /// Path without its first slash, and name: `team/deploy`.
        path_and_name: &'a str,
    },
    /// One session of a role.
    Session {
        /// Its account.
        account: &'a str,
        /// The role's name.
        role: &'a str,
        /// The session's name.
        session: &'a str,
    },
    /// A session of GetFederationToken.
    FederatedUser,
    /// `AIDA…`, `AROA…`, or `AROA…:SESSION`: the stored form of principals, which is shown after they are deleted.
    UniqueId {
        /// The ID of the user or role.
        id: &'a str,
        /// The session of the role, if there is one.
        session: Option<&'a str>,
    },
}

impl<'a> AwsPrincipal<'a> {
    /// Parses an entry; None if it is not a principal, or is `*`.
    pub fn parse(text: &'a str) -> Option<Self> {
        if is_account(text) {
            return Some(Self::Account(text));
        }
        let (id, session) = match text.split_once(':') {
            Some((id, session)) => (id, Some(session)),
            None => (text, None),
        };
        if is_unique_id(id) {
            let named = session
                .is_none_or(|name| !name.is_empty() && id.starts_with("AROA") && !name.contains([':', '*']));
            return named.then_some(Self::UniqueId { id, session });
        }
        let mut fields = text.splitn(6, ':');
        let (arn, partition, service) = (fields.next()?, fields.next()?, fields.next()?);
        let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
        // A principal of another partition is invalid: partitions share no accounts (IAM User Guide, "IAM ARNs").
        if arn != "arn"
            || partition != "aws"
            || !region.is_empty()
            || !is_account(account)
            || text.contains(['*', '?'])
        {
            return None;
        }
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        match (service, kind) {
            ("iam", "root") if rest.is_empty() && !resource.contains('/') => Some(Self::Account(account)),
            ("iam", "user" | "role") if !rest.is_empty() => {
                Some(Self::Entity { account, kind, path_and_name: rest })
            }
            ("sts", "federated-user") if !rest.is_empty() => Some(Self::FederatedUser),
            ("sts", "assumed-role") => {
                let (role, session) = rest.split_once('/')?;
                Some(Self::Session { account, role, session })
            }
            _ => None,
        }
    }
}

/// The principals of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Principals {
    These(Box<[Principal]>),
    AllBut(Box<[Principal]>),
}

impl Principals {
    /// How an Allow statement names the caller. `NotPrincipal` names nobody: it "must be used with Deny" (IAM User
    /// Guide, "NotPrincipal"). A web identity must be named: `*` would allow every token of the provider.
    pub(crate) fn grant(&self, caller: &Caller<'_>) -> Option<Naming> {
        match self {
            Self::These(these) => these
                .iter()
                .filter(|entry| !(is_web_identity(caller) && **entry == Principal::Everyone))
                .filter_map(|entry| entry.names(caller))
                .max(),
            Self::AllBut(_) => None,
        }
    }

    /// Whether a Deny statement names the caller. `NotPrincipal` exempts a caller only if it lists each level of it
    /// (account and user; account, role and session), and never a caller with a permissions boundary (IAM User Guide,
    /// "NotPrincipal with Deny").
    pub(crate) fn denies(&self, caller: &Caller<'_>, has_boundary: bool) -> bool {
        match self {
            Self::These(these) => these.iter().any(|entry| entry.names(caller).is_some()),
            Self::AllBut(_) if has_boundary => true,
            Self::AllBut(them) => !spared(them, caller),
        }
    }

    /// The entries, for checks of a whole policy.
    pub(crate) fn entries(&self) -> &[Principal] {
        match self {
            Self::These(entries) | Self::AllBut(entries) => entries,
        }
    }
}

fn is_web_identity(caller: &Caller<'_>) -> bool {
    matches!(caller.kind, CallerKind::WebIdentity { .. })
}

fn spared(them: &[Principal], caller: &Caller<'_>) -> bool {
    if them.contains(&Principal::Everyone) {
        return caller.kind != CallerKind::Anonymous;
    }
    let lists = |name: &str| them.iter().any(|entry| matches!(entry, Principal::Named(n) if **n == *name));
    let lists_account =
        them.iter().any(|entry| matches!(entry, Principal::Account(account) if **account == *caller.account));
    match caller.kind {
        CallerKind::Root => lists_account,
        CallerKind::User { arn, unique_id } => lists_account && (lists(arn) || lists(unique_id)),
        CallerKind::RoleSession { session_arn, role_arn, role_id } => {
            let lists_session = them.iter().any(
                |entry| matches!(entry, Principal::Named(name) if is_session(name, session_arn, role_id)),
            );
            lists_account && (lists(role_arn) || lists(role_id)) && lists_session
        }
        CallerKind::FederatedUser { arn, .. } => lists_account && lists(arn),
        _ => them.iter().any(|entry| entry.names(caller).is_some()),
    }
}

fn named_as(name: &str, caller: &CallerKind<'_>) -> Option<Naming> {
    match *caller {
        CallerKind::User { arn, unique_id } if name == arn || name == unique_id => Some(Naming::Direct),
        CallerKind::RoleSession { session_arn, role_id, .. } if is_session(name, session_arn, role_id) => {
            Some(Naming::Direct)
        }
        CallerKind::RoleSession { role_arn, role_id, .. } if name == role_arn || name == role_id => {
            Some(Naming::Role)
        }
        CallerKind::FederatedUser { arn, .. } if name == arn => Some(Naming::Direct),
        CallerKind::FederatedUser { user: Some((arn, id)), .. } if name == arn || name == id => {
            Some(Naming::Role)
        }
        _ => None,
    }
}

/// Whether a name is the session's: its ARN, or `AROA…:SESSION`.
fn is_session(name: &str, session_arn: &str, role_id: &str) -> bool {
    let of_role = || name.strip_prefix(role_id)?.strip_prefix(':');
    name == session_arn
        || of_role()
            .is_some_and(|session| session_arn.rsplit_once('/').is_some_and(|(_, name)| name == session))
}

fn named(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `AIDA…`, `AROA…`: the stored form of a principal, which is shown after it is deleted.
fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AIDA") || text.starts_with("AROA"))
        && (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
