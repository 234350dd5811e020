//! A compiled policy, and which of its statements match a request.

use std::sync::Arc;

use crate::arn::Target;
use crate::budget::{Budget, Excess, all, any, bounded};
use crate::caller::Caller;
use crate::condition::Condition;
use crate::context::Context;
use crate::error::PolicyError;
use crate::pattern::{Case, Glob};
use crate::principal::Principals;
use crate::resource::ResourcePattern;

/// The maximum length of a document in bytes: the IAM API accepts this much (type `policyDocumentType`). The lower
/// limits of each kind of policy are not part of the language.
pub const MAX_POLICY_BYTES: usize = 131_072;

/// A version of the policy language. A policy without the element has the older version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 2008-10-17: no policy variables, `${…}` is literal text.
    V2008,
    /// 2012-10-17.
    V2012,
}

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows them.
    Allow,
    /// It denies them, regardless of other statements.
    Deny,
}

/// The request. The principal is not part of it: it is passed with the policies.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The action, for example `ecr:BatchGetImage`.
    pub action: &'a str,
    /// The resource's ARN, or `*` for operations without a resource.
    pub resource: &'a str,
    /// The condition keys.
    pub context: &'a Context,
}

/// A request in the form that statements are evaluated with.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    /// The resource's ARN. None for `*` (operations without a resource), and for a text that is not an ARN.
    pub(crate) resource: Option<&'a str>,
    /// The condition keys, and the budget of the whole decision.
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

/// `Resource` or `NotResource`; a repository policy has neither and applies to its repository.
#[derive(Debug, Clone)]
pub(crate) enum Resources {
    Unstated,
    These(Box<[ResourcePattern]>),
    AllBut(Box<[ResourcePattern]>),
}

impl Resources {
    /// The patterns, negated or not, in their order.
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
    /// What a check for one kind of policy needs.
    pub(crate) written: Written,
}

/// How parts of a statement were written, for checks that depend on the kind of policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    pub(crate) actions: Box<[Box<str>]>,
    pub(crate) resources: Box<[Box<str>]>,
}

impl Statement {
    /// Whether the statement matches the request, without its principals.
    pub(crate) fn covers(&self, question: &Question<'_>) -> Result<bool, Excess> {
        Ok(self.covers_action(question.action, &question.budget)?
            && self.covers_resource(question)?
            && all(&self.conditions, |condition| condition.holds(self.effect, &question.budget))?)
    }

    /// Whether its principals, if it has any, include the caller.
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
    /// Parses and compiles a document. It accepts the whole language; [`Policy::check`] then decides whether the policy
    /// is valid as an identity policy, a repository policy, and so on.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        crate::parse::policy(text)
    }

    /// The version of its language.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The number of statements; at least one.
    pub fn statement_count(&self) -> usize {
        self.statements.len()
    }

    /// The actions in its statements, as written.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| statement.written.actions.iter().map(|text| &**text))
    }

    /// The condition keys in its conditions and variables, as written; keys can be repeated.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(|statement| {
            let in_conditions = statement.conditions.iter().flat_map(|condition| {
                let in_values = condition.wanted.iter().flat_map(|wanted| wanted.keys());
                std::iter::once(&*condition.key).chain(in_values)
            });
            statement.resources.patterns().iter().flat_map(ResourcePattern::keys).chain(in_conditions)
        })
    }

    /// Whether it mentions a key with this prefix, such as `aws:ResourceTag/`. If not, those values need not be loaded
    /// before a decision.
    pub fn mentions(&self, prefix: &str) -> bool {
        self.keys().any(|key| key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
    }
}
