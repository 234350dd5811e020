//! The caller: an IAM user, the root of an account, or a session, with everything that its credentials contain; or
//! nobody, for a pull from a public repository.

use std::sync::Arc;

use aws::arn::Arn;
use aws::ids::{AccessKeyId, AccountId, IdError, Region};
use jiff::Timestamp;
use meta::Entity;
use serde::{Deserialize, Serialize};

/// An authenticated principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that the principal belongs to.
    pub account_id: AccountId,
    /// The unique ID of the principal whose policies decide (`AIDA…`, `AROA…`; for a root, the account ID). A principal
    /// that is created again with the same name has another one.
    pub unique_id: String,
    /// What kind of principal it is.
    pub kind: CallerKind,
    /// The ARN in error texts.
    pub arn: String,
    /// The access key that signed the request, or that requested the token.
    pub access_key_id: AccessKeyId,
    /// The long-term key that must still be active: the access key itself, or the one that requested the session. A
    /// role's session has none: it ends with the role.
    pub long_term_key: Option<AccessKeyId>,
    /// What temporary credentials contain.
    pub session: Option<Arc<Session>>,
    /// The Region that a docker token was issued for; a signed request has its Region in its scope.
    pub token_region: Option<Region>,
    /// When the credentials of the request expire, in seconds since 1970. Long-term keys do not expire.
    pub ends_at: Option<i64>,
}

/// The kinds of callers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallerKind {
    /// The account itself.
    #[serde(rename = "o")]
    Root,
    /// An IAM user.
    #[serde(rename = "u")]
    User {
        /// IAM path, from `/` to `/`.
        #[serde(rename = "p")]
        path: String,
        #[serde(rename = "n")]
        name: String,
    },
    /// A session of a role.
    #[serde(rename = "r")]
    Role {
        /// IAM path of the role.
        #[serde(rename = "p")]
        path: String,
        /// The role's name.
        #[serde(rename = "n")]
        name: String,
        /// The session's name.
        #[serde(rename = "s")]
        session_name: String,
    },
    /// A session of GetFederationToken.
    #[serde(rename = "f")]
    Federated {
        /// The session's name.
        #[serde(rename = "n")]
        name: String,
        /// Path and name of the user that requested it; none for root.
        #[serde(rename = "u")]
        user: Option<(String, String)>,
    },
    /// Nobody: a request without credentials. The gate refuses it everything except pulls from public repositories. No
    /// sealed value contains it.
    #[serde(skip)]
    Anonymous,
}

/// What temporary credentials contain in addition to their principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When it was issued, in seconds since 1970 (`aws:TokenIssueTime`).
    #[serde(rename = "i")]
    pub issued_at: i64,
    /// When the credentials expire, in seconds since 1970.
    #[serde(rename = "e")]
    pub expires_at: i64,
    /// The session's policies. None: not limited; an empty list allows nothing.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<SessionPolicy>>,
    /// Session tags (`aws:PrincipalTag/…`).
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// The tag keys that the next session of a chain inherits.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive: Vec<String>,
    /// `aws:SourceIdentity`.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// Whether the caller used a second factor (`aws:MultiFactorAuthPresent`).
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
    /// The token of an identity provider for which the session was issued.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub web_identity: Option<WebIdentity>,
    /// Whether a session of a role requested it (role chaining).
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub chained: bool,
}

/// A policy that limits a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPolicy {
    /// Its JSON text.
    #[serde(rename = "d")]
    Inline(String),
    /// The ARN of a managed policy.
    #[serde(rename = "a")]
    Managed(String),
}

/// The subject of an identity provider's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebIdentity {
    /// The provider's ARN (`aws:FederatedProvider`).
    #[serde(rename = "p")]
    pub provider_arn: String,
    /// The issuer without its scheme; the prefix of the condition keys.
    #[serde(rename = "i")]
    pub issuer: String,
    /// `sub`.
    #[serde(rename = "s")]
    pub subject: String,
    /// `aud`.
    #[serde(rename = "a")]
    pub audience: String,
}

/// The name of nobody (Amazon S3 logs it in the same way).
const ANONYMOUS: &str = "anonymous";

impl CallerKind {
    /// The ARN of such a principal in error texts and GetCallerIdentity.
    pub fn arn(&self, account: &AccountId) -> String {
        match self {
            Self::Root => Arn::iam_root(account).to_string(),
            Self::User { path, name } => Arn::iam_user(account, path, name).to_string(),
            Self::Role { name, session_name, .. } => {
                Arn::sts_assumed_role(account, name, session_name).to_string()
            }
            Self::Federated { name, .. } => format!("arn:aws:sts::{account}:federated-user/{name}"),
            Self::Anonymous => ANONYMOUS.to_owned(),
        }
    }
}

impl Caller {
    /// A caller with a long-term key.
    pub fn with_key(account_id: AccountId, unique_id: String, kind: CallerKind, key: AccessKeyId) -> Self {
        Self {
            arn: kind.arn(&account_id),
            account_id,
            unique_id,
            kind,
            access_key_id: key.clone(),
            long_term_key: Some(key),
            session: None,
            token_region: None,
            ends_at: None,
        }
    }

    /// A session of a role. Its access key is a placeholder until credentials are issued.
    pub fn of_role(role: Entity, session_name: String, session: Session) -> Result<Self, IdError> {
        let kind = CallerKind::Role { path: role.path, name: role.name, session_name };
        let key: AccessKeyId = "ASIA000000000000".parse()?;
        let caller = Self::with_key(role.account_id, role.unique_id, kind, key);
        Ok(Self { long_term_key: None, session: Some(Arc::new(session)), ..caller })
    }

    /// Nobody. It belongs to an account that does not exist.
    pub fn anonymous() -> Result<Self, IdError> {
        let account = "000000000000".parse()?;
        let caller =
            Self::with_key(account, ANONYMOUS.to_owned(), CallerKind::Anonymous, "ANONYMOUS_CALLER".parse()?);
        Ok(Self { long_term_key: None, token_region: Some(Region::public()), ..caller })
    }

    /// Whether the request has no credentials.
    pub fn is_anonymous(&self) -> bool {
        self.kind == CallerKind::Anonymous
    }

    /// Whether the request has the password or the token of ECR Public, or no credentials.
    pub fn is_of_public_registries(&self) -> bool {
        self.token_region.as_ref().is_some_and(Region::is_public)
    }

    /// Whether the credentials of the request have expired.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends_at| now.as_second() >= ends_at)
    }

    /// `aws:userid`: the unique ID of a user, `AROA…:session`, `account:name` of a federated user, the account ID of a
    /// root.
    pub fn user_id(&self) -> String {
        match &self.kind {
            CallerKind::Root | CallerKind::User { .. } | CallerKind::Anonymous => self.unique_id.clone(),
            CallerKind::Role { session_name, .. } => format!("{}:{session_name}", self.unique_id),
            CallerKind::Federated { name, .. } => format!("{}:{name}", self.account_id),
        }
    }

    /// The owner of an upload: for a role, the role in any session. Two users can give their sessions of
    /// GetFederationToken the same name, and then the same `aws:userid`: those are two owners.
    pub fn upload_owner(&self) -> String {
        match &self.kind {
            CallerKind::Federated { name, .. } => format!("{}:{name}", self.unique_id),
            CallerKind::Root | CallerKind::User { .. } | CallerKind::Role { .. } | CallerKind::Anonymous => {
                self.unique_id.clone()
            }
        }
    }

    /// `aws:PrincipalArn`: for a role's session, the ARN of the role with its path.
    pub fn principal_arn(&self) -> String {
        match &self.kind {
            CallerKind::Role { path, name, .. } => Arn::iam_role(&self.account_id, path, name).to_string(),
            _ => self.arn.clone(),
        }
    }

    /// `aws:PrincipalType`.
    pub fn principal_type(&self) -> &'static str {
        match self.kind {
            CallerKind::Root => "Account",
            CallerKind::User { .. } => "User",
            CallerKind::Role { .. } => "AssumedRole",
            CallerKind::Federated { .. } => "FederatedUser",
            CallerKind::Anonymous => "Anonymous",
        }
    }

    /// Sessions of GetFederationToken, and those of GetSessionToken without a second factor, cannot call IAM (IAM User
    /// Guide, "Compare AWS STS credentials").
    pub fn may_not_use_iam(&self) -> bool {
        match self.kind {
            CallerKind::Role { .. } => false,
            CallerKind::Federated { .. } | CallerKind::Anonymous => true,
            CallerKind::Root | CallerKind::User { .. } => {
                self.session.as_ref().is_some_and(|session| !session.mfa)
            }
        }
    }

    /// Of STS's operations, sessions of GetFederationToken can call GetCallerIdentity, and those of GetSessionToken
    /// also AssumeRole (the same page). The caller's policies do not decide these two, so this is about all other
    /// operations.
    pub fn may_not_use_sts(&self) -> bool {
        self.session.is_some() && !matches!(self.kind, CallerKind::Role { .. })
    }

    /// The caller with the current name of its principal; None if nothing changed. Only users can be renamed.
    pub fn renamed(&self, path: &str, name: &str) -> Option<Self> {
        let kind = match &self.kind {
            CallerKind::User { path: old_path, name: old } if old != name || old_path != path => {
                CallerKind::User { path: path.to_owned(), name: name.to_owned() }
            }
            _ => return None,
        };
        Some(Self { arn: kind.arn(&self.account_id), kind, ..self.clone() })
    }
}
