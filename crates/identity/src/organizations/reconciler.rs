//! The operations of the management account on reconcilers.

use access::Access;
use access::context::{Ctx, micros};
use access::error::Result;
use access::op::organizations;
use access::store::{Micros, ReconcilerState};
use aws::json::epoch_seconds;
use aws::organizations::{
    Reconciler, ReconcilerState as State, WharfListReconcilersRequest, WharfListReconcilersResponse,
    WharfRunReconcilerRequest,
};
use jiff::Timestamp;

use crate::Identity;

impl Identity {
    /// Lists the reconcilers and their states.
    pub async fn wharf_list_reconcilers(
        &self,
        ctx: &Ctx,
        _input: WharfListReconcilersRequest,
    ) -> Result<WharfListReconcilersResponse> {
        self.manages::<organizations::WharfListReconcilers>(ctx, "*").await?;
        self.shown_reconcilers(ctx.now).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_reconcilers(&self, now: Timestamp) -> Result<WharfListReconcilersResponse> {
        Ok(WharfListReconcilersResponse { reconcilers: reconcilers_of(&self.access, now).await? })
    }

    /// Requests a run of a reconciler as soon as possible.
    pub async fn wharf_run_reconciler(&self, ctx: &Ctx, input: WharfRunReconcilerRequest) -> Result<()> {
        self.manages::<organizations::WharfRunReconciler>(ctx, "*").await?;
        self.access.request_reconciler(&input.name, ctx.now).await?;
        Ok(())
    }
}

/// The reconcilers of one database, and their states.
pub async fn reconcilers_of(access: &Access, now: Timestamp) -> Result<Vec<Reconciler>> {
    let states = access.reconcilers().await?;
    let backlogs = access.backlogs(now).await?;
    let backlog = |name: &str| backlogs.iter().find(|(known, _)| *known == name).map(|(_, count)| *count);
    let shown = |state: ReconcilerState| {
        let backlog = backlog(&state.name).unwrap_or_default();
        shown(state, backlog, now)
    };
    Ok(states.into_iter().map(shown).collect())
}

fn shown(state: ReconcilerState, backlog: i64, now: Timestamp) -> Reconciler {
    let current = if state.lease_until > micros(now) {
        State::Running
    } else if state.requested_at > Micros(0) {
        State::Requested
    } else if state.error.is_some() {
        State::Failed
    } else {
        State::Idle
    };
    Reconciler {
        name: state.name,
        state: current,
        node: (!state.holder.is_empty()).then_some(state.holder),
        last_started_at: seconds(state.started_at),
        last_ended_at: seconds(state.ended_at),
        next_run_at: seconds(state.next_run_at),
        done: state.done,
        has_more: state.has_more,
        backlog,
        last_error: state.error,
    }
}

pub(super) fn seconds(at: Micros) -> Option<f64> {
    let at = Timestamp::from_microsecond(at.0).ok().filter(|_| at.0 > 0)?;
    Some(epoch_seconds(at))
}
