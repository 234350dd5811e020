//! The reconcilers' rows: which node runs which, when it runs next, and how its last pass ended.

use crate::{Micros, Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// A reconciler's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcilerState {
    pub name: String,
    /// The node that runs it, or ran it last.
    pub holder: String,
    /// Until when no other node may run it.
    pub lease_until: Micros,
    /// When a run was asked for that has not begun; 0 if none.
    pub requested_at: Micros,
    /// When its last pass began; 0 if none did.
    pub started_at: Micros,
    /// When its last pass ended; 0 if none did.
    pub ended_at: Micros,
    /// When it runs next.
    pub next_run_at: Micros,
    /// How much its last pass did.
    pub done: i64,
    /// Whether its last pass left work.
    pub has_more: bool,
    /// Why its last pass failed, if it did.
    pub error: Option<String>,
}

/// Begins a pass if it is due and no other node runs it.
#[derive(Clone, Debug)]
pub struct ClaimReconciler {
    pub name: String,
    /// Whether work came, so that it is due in any case.
    pub is_woken: bool,
    /// The node.
    pub holder: String,
    pub now: Micros,
    /// When another node may run it, if this one has not ended the pass.
    pub lease_until: Micros,
}

// It is due until the pass ends. So a run that was asked for is not forgotten if its node dies.
operation!(ClaimReconciler: Durable [] -> bool, Never, |op, tx| {
    let claim = "INSERT INTO reconciler (name, holder, lease_until, requested_at, started_at, ended_at, next_run_at, \
                 done, has_more, error) VALUES (?1, ?2, ?4, 0, ?3, 0, 0, 0, 0, NULL) \
                 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until, \
                 started_at = excluded.started_at, requested_at = 0, \
                 next_run_at = CASE WHEN reconciler.next_run_at > ?3 THEN ?3 ELSE reconciler.next_run_at END \
                 WHERE (reconciler.lease_until <= ?3 OR reconciler.holder = ?2) \
                 AND (reconciler.next_run_at <= ?5 OR reconciler.requested_at > 0)";
    let due_until = if op.is_woken { Micros(i64::MAX) } else { op.now };
    Ok(Ok(tx.execute(claim, &params![op.name, op.holder, op.now, op.lease_until, due_until]).await? == 1))
});

/// Extends the lease of a pass that takes long. Returns whether the node still has it.
#[derive(Clone, Debug)]
pub struct RenewReconciler {
    pub name: String,
    /// The node that runs it.
    pub holder: String,
    /// When another node may run it, if this one does not extend the lease again.
    pub lease_until: Micros,
}

// A lease that a power cut takes back ends early, which does no harm.
operation!(RenewReconciler: Relaxed [] -> bool, Never, |op, tx| {
    let renew = "UPDATE reconciler SET lease_until = ?3 WHERE name = ?1 AND holder = ?2 AND lease_until > 0";
    Ok(Ok(tx.execute(renew, &params![op.name, op.holder, op.lease_until]).await? == 1))
});

/// Ends a pass.
#[derive(Clone, Debug)]
pub struct FinishReconciler {
    pub name: String,
    /// The node that ran it. If another has taken it over, nothing is written.
    pub holder: String,
    pub now: Micros,
    /// When it runs next.
    pub next_run_at: Micros,
    /// How much the pass did.
    pub done: i64,
    /// Whether it left work.
    pub has_more: bool,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

operation!(FinishReconciler: Durable [] -> (), Never, |op, tx| {
    let update = "UPDATE reconciler SET lease_until = 0, ended_at = ?3, next_run_at = ?4, done = ?5, has_more = ?6, \
                  error = ?7 WHERE name = ?1 AND holder = ?2";
    let has_more = i64::from(op.has_more);
    let values = params![op.name, op.holder, op.now, op.next_run_at, op.done, has_more, op.error];
    tx.execute(update, &values).await?;
    Ok(Ok(()))
});

/// Asks for a run as soon as possible.
#[derive(Clone, Debug)]
pub struct RequestReconciler {
    pub name: String,
    /// Now.
    pub at: Micros,
}

operation!(RequestReconciler: Durable [] -> (), Never, |op, tx| {
    let request = "INSERT INTO reconciler (name, holder, lease_until, requested_at, started_at, ended_at, next_run_at, \
                   done, has_more, error) VALUES (?1, '', 0, ?2, 0, 0, 0, 0, 0, NULL) \
                   ON CONFLICT (name) DO UPDATE SET requested_at = excluded.requested_at";
    tx.execute(request, &params![op.name, op.at]).await?;
    Ok(Ok(()))
});

/// Reads the states of all reconcilers, by name.
#[derive(Clone, Copy, Debug)]
pub struct ListReconcilers;

operation!(ListReconcilers: Point -> Vec<ReconcilerState>, Never, |_op, tx| {
    let select = "SELECT name, holder, lease_until, requested_at, started_at, ended_at, next_run_at, done, has_more, \
                  error FROM reconciler ORDER BY name";
    let states: Result<_, StoreError> = tx
        .rows(select, &[])
        .await?
        .into_iter()
        .map(|mut row| {
            Ok(ReconcilerState {
                name: row.take()?,
                holder: row.take()?,
                lease_until: row.take()?,
                requested_at: row.take()?,
                started_at: row.take()?,
                ended_at: row.take()?,
                next_run_at: row.take()?,
                done: row.take()?,
                has_more: row.take::<i64>()? != 0,
                error: row.take()?,
            })
        })
        .collect();
    Ok(Ok(states?))
});
