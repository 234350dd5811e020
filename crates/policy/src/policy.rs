//! A compiled policy, and which of its statements speak of a request.

use std::sync::Arc;

use crate::arn::Target;
use crate::budget::{Budget, Excess, all, any, bounded};
use crate::caller::Caller;
use crate::condition::Condition;
use crate::context::Context;
use crate::document::Document;
use crate::error::PolicyError;
use crate::pattern::{Case, Glob};
use crate::principal::Principals;
use crate::resource::ResourcePattern;

/// The longest document that is read, in bytes: what the IAM API takes at most (type `policyDocumentType`). The limits
/// of single kinds of policies are lower and not of the language.
pub const MAX_POLICY_BYTES: usize = 131_072;

/// A version of the policy language. Without the element a policy is of the older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 2008-10-17: no policy variables, `${…}` is literal text.
    V2008,
    /// 2012-10-17.
    V2012,
}

/// What a statement does with the requests that it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows them.
    Allow,
    /// It denies them, whatever else allows.
    Deny,
}

/// What is asked for. The principal is no part of it: it stands beside the policies.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The action, such as `ecr:BatchGetImage`.
    pub action: &'a str,
    /// The resource's ARN, or `*` for operations that have no resource.
    pub resource: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}

/// A request as statements are asked it.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    /// The resource's ARN. None for `*`, the resource of operations that have none, and for all that is no ARN.
    pub(crate) resource: Option<&'a str>,
    /// The condition keys, and what may be spent on the whole question.
    pub(crate) budget: Budget<'a>,
}

impl<'a> Question<'a> {
    pub(crate) fn of(request: &Request<'a>) -> Result<Self, Excess> {
        let resource = bounded(request.resource)?;
        Ok(Self {
            action: bounded(request.action)?,
            resource: Target::of(resource).is_arn().then_some(resource),
            budget: Budget::of(request.context),
        })
    }
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone)]
pub(crate) enum Actions {
    These(Box<[Glob]>),
    AllBut(Box<[Glob]>),
}

/// `Resource` or `NotResource`; a repository policy has neither and means its repository.
#[derive(Debug, Clone)]
pub(crate) enum Resources {
    Unstated,
    These(Box<[ResourcePattern]>),
    AllBut(Box<[ResourcePattern]>),
}

impl Resources {
    /// The patterns, negated or not, in the order in which they are written.
    pub(crate) fn patterns(&self) -> &[ResourcePattern] {
        match self {
            Self::Unstated => &[],
            Self::These(patterns) | Self::AllBut(patterns) => patterns,
        }
    }
}

/// One statement.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Arc<str>>,
    pub(crate) effect: Effect,
    pub(crate) principals: Option<Principals>,
    pub(crate) actions: Actions,
    pub(crate) resources: Resources,
    pub(crate) conditions: Box<[Condition]>,
    /// What a check for one kind of policy looks at.
    pub(crate) written: Written,
}

/// How parts of a statement were written, for the checks that differ between kinds of policies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) actions: Box<[Box<str>]>,
    pub(crate) resources: Box<[Box<str>]>,
}

impl Statement {
    /// Whether the statement speaks of the request, its principals left aside.
    pub(crate) fn covers(&self, question: &Question<'_>) -> Result<bool, Excess> {
        Ok(self.covers_action(question.action, &question.budget)?
            && self.covers_resource(question)?
            && all(&self.conditions, |condition| condition.holds(self.effect, &question.budget))?)
    }

    /// Whether its principals, if it has any, are the caller.
    pub(crate) fn speaks_of(&self, caller: &Caller<'_>, has_boundary: bool) -> bool {
        match (&self.principals, self.effect) {
            (None, _) => true,
            (Some(principals), Effect::Deny) => principals.denies(caller, has_boundary),
            (Some(principals), Effect::Allow) => principals.grant(caller).is_some(),
        }
    }

    pub(crate) fn covers_action(&self, action: &str, budget: &Budget<'_>) -> Result<bool, Excess> {
        let is_one = |globs: &[Glob]| any(globs, |glob| glob.matches(action, Case::Ignored, budget));
        match &self.actions {
            Actions::These(globs) => is_one(globs),
            Actions::AllBut(globs) => is_one(globs).map(|is| !is),
        }
    }

    pub(crate) fn covers_resource(&self, question: &Question<'_>) -> Result<bool, Excess> {
        let is_one = |patterns: &[ResourcePattern]| {
            any(patterns, |pattern| pattern.matches(question.resource, &question.budget))
        };
        match &self.resources {
            Resources::Unstated => Ok(true),
            Resources::These(patterns) => is_one(patterns),
            Resources::AllBut(patterns) => is_one(patterns).map(|is| !is),
        }
    }
}

/// A policy document, compiled.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) version: Version,
    pub(crate) has_id: bool,
    pub(crate) statements: Box<[Statement]>,
}

impl Policy {
    /// Reads and compiles a document. It accepts the whole language; [`Policy::check`] then tells whether the policy
    /// can serve as an identity policy, a repository policy, and so on.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Document::parse(text)?.policy()
    }

    /// The version of the language it is written in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many statements it has; never none.
    pub fn statement_count(&self) -> usize {
        self.statements.len()
    }

    /// The actions that its statements name, as written.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| statement.written.actions.iter().map(|text| &**text))
    }

    /// The condition keys that its conditions and variables mention, as written, each perhaps more than once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| {
            let in_conditions = statement.conditions.iter().flat_map(|condition| {
                let in_values = condition.wanted.iter().flat_map(|wanted| wanted.keys());
                std::iter::once(&*condition.key).chain(in_values)
            });
            statement.resources.patterns().iter().flat_map(ResourcePattern::keys).chain(in_conditions)
        })
    }

    /// Whether it mentions a key that begins so, such as `aws:ResourceTag/`: what it does not mention need not be
    /// loaded before a decision.
    pub fn mentions(&self, prefix: &str) -> bool {
        self.keys().any(|key| key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
    }
}
