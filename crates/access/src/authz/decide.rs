//! The decision of the gate on one operation: the kind of session, then the policies, then a rule beside them. Every
//! decision is recorded.

use aws::service::Service;

use super::{Gate, Named, gone};
use crate::context::Caller;
use crate::error::{Code, Error, Result};
use crate::op::{Op, StsOp};

/// The attribute of a decision's span that has its result.
const ALLOWED: &str = "wharf.allowed";

/// The span of a decision in the trace of a request.
fn deciding(op: Op) -> trace::Open {
    let mut step = trace::begin("decision", trace::Kind::Internal);
    step.text("wharf.action", op.action());
    step
}

impl Gate {
    pub(super) fn decide(&self, asked: (Op, &str), shown: &str, context: &policy::Context) -> Result<()> {
        self.decide_if(asked, shown, context, &|| Ok(()))
    }

    /// Decides and records the outcome. `and` is a rule beside the policies.
    pub(super) fn decide_if(
        &self,
        (op, resource): (Op, &str),
        shown: &str,
        context: &policy::Context,
        and: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let op = self.decided_as(op)?;
        let mut step = deciding(op);
        if self.is_open_to_everyone(op) {
            self.decisions.record(op, resource, true);
            step.flag(ALLOWED, true);
            return and();
        }
        let outcome =
            self.is_open_to_session(op).and_then(|()| self.evaluate((op, resource), shown, context));
        let outcome = outcome.and_then(|()| and());
        self.decisions.record(op, resource, outcome.is_ok());
        step.flag(ALLOWED, outcome.is_ok());
        outcome
    }

    /// Decides on a resource with a policy that is not one of ECR's, and records the outcome.
    pub(super) fn decide_with(
        &self,
        (op, resource): (Op, &str),
        shown: &str,
        context: &policy::Context,
        policy: Option<&Named>,
    ) -> Result<()> {
        let op = self.decided_as(op)?;
        let mut step = deciding(op);
        let outcome = self.is_open_to_session(op).and_then(|()| {
            let request = policy::Request { action: op.action(), resource, context };
            let of = (&*self.caller, &self.account_id);
            self.answer((op, resource), shown, &self.policies.decide_on_resource(op, policy, &request, of))
        });
        self.decisions.record(op, resource, outcome.is_ok());
        step.flag(ALLOWED, outcome.is_ok());
        outcome
    }

    fn evaluate(&self, (op, resource): (Op, &str), shown: &str, context: &policy::Context) -> Result<()> {
        let request = policy::Request { action: op.action(), resource, context };
        let decision = self.policies.decide(op, &request, &self.caller, &self.account_id);
        self.answer((op, resource), shown, &decision)
    }

    fn answer(&self, (op, resource): (Op, &str), shown: &str, decision: &policy::Decision) -> Result<()> {
        match decision.reason(op.action()) {
            None => Ok(()),
            Some(reason) => {
                log_denial(&self.caller.arn, op, resource, decision);
                Err(denied(&self.caller, op, shown, &reason))
            }
        }
    }

    /// Whether the caller's kind of session may call an operation at all, regardless of policies.
    fn is_open_to_session(&self, op: Op) -> Result<()> {
        if self.caller.is_anonymous() {
            return Err(Error::new(Code::AccessDenied, "Without credentials, images can only be pulled."));
        }
        match op.service() {
            Service::Iam if self.caller.may_not_use_iam() => Err(gone(&self.caller)),
            // Not an operation: what ECR Public's password needs.
            Service::Sts if op == Op::Sts(StsOp::GetServiceBearerToken) => Ok(()),
            Service::Sts if self.caller.may_not_use_sts() => {
                let message = format!("Cannot call {} with session credentials", op.name());
                Err(Error::new(Code::AccessDenied, message))
            }
            _ => Ok(()),
        }
    }
}

fn denied(caller: &Caller, op: Op, resource: &str, reason: &str) -> Error {
    let message = format!(
        "User: {} is not authorized to perform: {} on resource: {resource} {reason}",
        caller.arn,
        op.action()
    );
    Error::new(Code::AccessDenied, message)
}

/// Why a request was denied, for the operator: the policy and statement, or the kind of policy that does not allow.
pub(super) fn log_denial(caller: &str, op: Op, resource: &str, decision: &policy::Decision) {
    let action = op.action();
    match decision {
        policy::Decision::ExplicitDeny(by) => {
            let policy = by.source.as_ref().map(policy::SourceName::as_str);
            let (kind, statement) = (by.kind.words(), by.statement_index);
            tracing::info!(caller, action, resource, kind, policy, statement, "denied by a statement");
        }
        policy::Decision::ImplicitDeny(kind) => {
            tracing::info!(
                caller,
                action,
                resource,
                kind = kind.words(),
                "denied: nothing of this kind allows it"
            );
        }
        policy::Decision::Exceeded(excess) => {
            let because = excess.words();
            tracing::warn!(caller, action, resource, because, "denied: the decision exceeded its limits");
        }
        policy::Decision::Allow(_) => {}
    }
}
