//! A row of the table: the request of an operation, the permissions that it needs, and the answer to an allowed caller.
//!
//! The things that requests are about have `target` in their names, so a row can also be requested for things that do
//! not exist: the same text with `absent` instead.

use access::op::Op;
use server::RouteOp;

use super::wire::Ask;

/// The owner of the repositories, users and roles: the management account.
pub(super) const ACCOUNT: &str = "123456789012";
/// The other account, a member of the same organization.
pub(super) const OTHER: &str = "222233334444";
/// A member account that requests to Organizations are about.
pub(super) const MEMBER: &str = "555566667777";
/// An account that does not exist.
pub(super) const NO_ACCOUNT: &str = "888899990000";

/// A permission that a request needs.
#[derive(Clone)]
pub(super) struct Need {
    /// The IAM action. If there are several, each of them suffices, and a refusal names the first.
    pub(super) actions: Vec<String>,
    /// The ARN that it is decided on.
    pub(super) resource: String,
    /// The ARN in a refusal, if the real one would tell too much.
    pub(super) shown: Option<String>,
    /// The answer without the permission, if it is not a refusal.
    pub(super) otherwise: Option<u16>,
}

impl Need {
    pub(super) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { actions: vec![action.into()], resource: resource.into(), shown: None, otherwise: None }
    }

    /// Another action is also sufficient.
    pub(super) fn or(mut self, action: &str) -> Self {
        self.actions.push(action.to_owned());
        self
    }

    /// Without it there is another answer, which is not a refusal.
    pub(super) fn or_else(mut self, status: u16) -> Self {
        self.otherwise = Some(status);
        self
    }

    pub(super) fn shown_as(mut self, text: &str) -> Self {
        self.shown = Some(text.to_owned());
        self
    }
}

/// The expected answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any success status.
    Success,
    /// This success status.
    Status(u16),
    /// A refusal or an error with this status and code.
    Code(u16, &'static str),
    /// The same with this text.
    Text(u16, &'static str, String),
}

/// What a caller of another account can do with the request.
#[derive(Clone)]
pub(super) enum Cross {
    /// The request can name the repository, whose policy can allow the other account.
    Repository,
    /// The request can name the registry, whose policy can allow the other account.
    Registry,
    /// The trust policy of the role `target` can allow the other account.
    Trust,
    /// The request cannot name another account. From another account it is about that account.
    OwnAccount(Expected),
    /// Like `OwnAccount`, but the ARN in the request names this account, and is decided on.
    NamedArn(Expected),
    /// Only the management account may call it: members are refused regardless of their own policies.
    Management(Expected),
}

/// A row.
#[derive(Clone)]
pub(super) struct Row {
    /// The operation of an AWS API that it covers.
    pub(super) op: Option<Op>,
    /// The route of the data plane that it covers.
    pub(super) route: Option<RouteOp>,
    pub(super) name: String,
    pub(super) ask: Ask,
    /// All needed permissions, in the order in which they are checked. None: the request cannot be denied.
    pub(super) needs: Vec<Need>,
    pub(super) cross: Cross,
    /// The answer to an allowed caller.
    pub(super) allowed: Expected,
    /// What the administrator does before the request so that it can succeed. A failing step is ignored.
    pub(super) before: Vec<Ask>,
    /// Whether AWS's refusal gives a reason.
    pub(super) tells_reason: bool,
    /// The answer to a role's session, if it differs from the answer for its session policy.
    pub(super) by_session: Option<Expected>,
    /// What is read to check that refusals changed nothing.
    pub(super) watched: Vec<Ask>,
}

impl Row {
    pub(super) fn new(name: &str, ask: Ask, cross: Cross) -> Self {
        Self {
            op: None,
            route: None,
            name: name.to_owned(),
            ask,
            needs: Vec::new(),
            cross,
            allowed: Expected::Success,
            before: Vec::new(),
            tells_reason: true,
            by_session: None,
            watched: Vec::new(),
        }
    }

    /// A row of an operation.
    pub(super) fn of(op: Op, ask: Ask, cross: Cross) -> Self {
        Self { op: Some(op), ..Self::new(op.name(), ask, cross) }
    }

    /// A row of a route.
    pub(super) fn on(route: RouteOp, name: &str, ask: Ask, cross: Cross) -> Self {
        Self { route: Some(route), ..Self::new(name, ask, cross) }
    }

    /// The difference between this row and another one of the same operation.
    pub(super) fn variant(mut self, words: &str) -> Self {
        self.name = format!("{} {words}", self.name);
        self
    }

    pub(super) fn needs(self, action: impl Into<String>, resource: impl Into<String>) -> Self {
        self.needing(Need::new(action, resource))
    }

    pub(super) fn needing(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    pub(super) fn gives(mut self, allowed: Expected) -> Self {
        self.allowed = allowed;
        self
    }

    pub(super) fn after(mut self, steps: impl IntoIterator<Item = Ask>) -> Self {
        self.before.extend(steps);
        self
    }

    /// The answer to the other account's administrator, if it differs from the usual one for the kind of row.
    pub(super) fn elsewhere(mut self, expected: Expected) -> Self {
        self.cross = match self.cross {
            Cross::NamedArn(_) => Cross::NamedArn(expected),
            Cross::Management(_) => Cross::Management(expected),
            _ => Cross::OwnAccount(expected),
        };
        self
    }

    pub(super) fn without_reason(mut self) -> Self {
        self.tells_reason = false;
        self
    }

    pub(super) fn by_session(mut self, expected: Expected) -> Self {
        self.by_session = Some(expected);
        self
    }

    /// The row for a thing that does not exist; none if it is about nothing that can be missing.
    pub(super) fn absent(&self) -> Option<Self> {
        let ask = self.ask.replaced(absent);
        if ask == self.ask || self.needs.iter().all(|need| absent(&need.resource) == need.resource) {
            return None;
        }
        let mut row = Self { ask, ..self.clone() };
        for need in &mut row.needs {
            // The decision on a thing that does not exist is about what a refusal shows.
            need.resource = absent(&need.shown.take().unwrap_or_else(|| need.resource.clone()));
        }
        Some(row)
    }
}

fn absent(text: &str) -> String {
    // The name of a member is not the name of a thing.
    let text = text.replace("target", "absent").replace("absentStorageClass", "targetStorageClass");
    text.replace(MEMBER, NO_ACCOUNT)
}

/// The ARN of a repository of [`ACCOUNT`].
pub(super) fn repository(name: &str) -> String {
    format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}")
}

/// The ARN of a thing of IAM in [`ACCOUNT`], such as `user/target`.
pub(super) fn iam(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}
