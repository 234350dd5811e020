//! What a row of the table says: how an operation is asked, what it must be decided on, and what behind the gate answers.
//!
//! Things that requests are about have `target` in their names, so that a row can also be asked about what is not
//! there: the same text with `absent` in its place.

use access::op::Op;

use super::wire::Ask;

/// Whose repositories, users and roles the requests are about: the management account.
pub(super) const ACCOUNT: &str = "123456789012";
/// The other account, a member of the same organisation.
pub(super) const OTHER: &str = "222233334444";
/// A member account that Organizations is asked about.
pub(super) const MEMBER: &str = "555566667777";
/// An account that is not there.
pub(super) const NO_ACCOUNT: &str = "888899990000";

/// A permission that a request must not be answered without.
#[derive(Clone)]
pub(super) struct Need {
    /// The IAM action. Where there are several, each of them suffices, and a refusal names the first.
    pub(super) actions: Vec<String>,
    /// The ARN that it is decided on.
    pub(super) resource: String,
    /// What a refusal says in the ARN's place, where that would tell too much.
    pub(super) shown: Option<String>,
    /// What is answered without it, where that is no refusal.
    pub(super) otherwise: Option<u16>,
}

impl Need {
    pub(super) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { actions: vec![action.into()], resource: resource.into(), shown: None, otherwise: None }
    }

    /// Another action suffices as well.
    pub(super) fn or(mut self, action: &str) -> Self {
        self.actions.push(action.to_owned());
        self
    }

    /// Without it another answer is given, which is no refusal.
    pub(super) fn or_else(mut self, status: u16) -> Self {
        self.otherwise = Some(status);
        self
    }

    pub(super) fn shown_as(mut self, text: &str) -> Self {
        self.shown = Some(text.to_owned());
        self
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Any status of success.
    Success,
    /// This status of success.
    Status(u16),
    /// A refusal or an error with this status and code.
    Code(u16, &'static str),
    /// One with this text too.
    Text(u16, &'static str, String),
}

/// What a caller of another account can do with the request.
#[derive(Clone)]
pub(super) enum Cross {
    /// The request can name the repository; its policy can let the other account in.
    Repository,
    /// The request can name the registry; its policy can let the other account in.
    Registry,
    /// The trust policy of the role `target` can.
    Trust,
    /// The request cannot name another account. Asked by one, it is about that account, and answered so.
    OwnAccount(Expected),
    /// As `OwnAccount`, but the ARN in the request names this account, and is what the decision is on.
    NamedArn(Expected),
    /// Only the management account may: members are refused, whatever their own policies allow.
    Management(Expected),
}

/// A row.
#[derive(Clone)]
pub(super) struct Row {
    /// The operation that it covers; a route of the data plane covers none.
    pub(super) op: Option<Op>,
    pub(super) name: String,
    pub(super) ask: Ask,
    /// All of them are needed, in the order in which they are asked for. None: nobody can be forbidden this.
    pub(super) needs: Vec<Need>,
    pub(super) cross: Cross,
    /// Who is permitted gets this.
    pub(super) allowed: Expected,
    /// What the administrator does before it is asked, so that it can succeed. A step that fails is passed over.
    pub(super) before: Vec<Ask>,
    /// Whether AWS's refusal says why.
    pub(super) tells_reason: bool,
    /// What a role's session gets, where that is another answer than the session policy's.
    pub(super) by_session: Option<Expected>,
    /// What is looked at to see that refusals changed nothing.
    pub(super) watched: Vec<Ask>,
}

impl Row {
    pub(super) fn new(name: &str, ask: Ask, cross: Cross) -> Self {
        Self {
            op: None,
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

    /// A row of an operation of the rules.
    pub(super) fn of(op: Op, ask: Ask, cross: Cross) -> Self {
        Self { op: Some(op), ..Self::new(op.name(), ask, cross) }
    }

    /// What sets this row off from another of the same operation.
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

    /// What the other account's administrator gets, where that is not what the kind of row makes one expect.
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

    /// The row about something that is not there; none if it is about nothing that could be missing.
    pub(super) fn absent(&self) -> Option<Self> {
        let ask = self.ask.replaced(absent);
        if ask == self.ask || self.needs.iter().all(|need| absent(&need.resource) == need.resource) {
            return None;
        }
        let mut row = Self { ask, ..self.clone() };
        for need in &mut row.needs {
            need.resource = absent(&need.resource);
        }
        Some(row)
    }
}

fn absent(text: &str) -> String {
    text.replace("target", "absent").replace(MEMBER, NO_ACCOUNT)
}

/// The ARN of a repository of [`ACCOUNT`].
pub(super) fn repository(name: &str) -> String {
    format!("arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{name}")
}

/// The ARN of something of IAM's of [`ACCOUNT`], such as `user/target`.
pub(super) fn iam(resource: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{resource}")
}
