//! Which operations and routes have rows, and whether routes decide what their rows need.

use std::collections::{BTreeMap, BTreeSet};

use access::op::{EcrOp, EventBridgeOp, IamOp, Op, StsOp};
use server::RouteOp;

use super::table::Row;

/// Operations without a row. The list may only become shorter: an operation with a row is removed from it, and a new
/// operation has its row from the start.
const UNCOVERED: &[Op] = &[];

/// Operations with their own checks.
const BESIDE_THE_TABLE: &[Op] = &[
    Op::Sts(StsOp::AssumeRoleWithWebIdentity),
    // No request asks for it.
    Op::Ecr(EcrOp::ReplicateImage),
    // AWS allows these to every caller.
    Op::Sts(StsOp::GetCallerIdentity),
    Op::Sts(StsOp::GetSessionToken),
    // It is about the caller only: `nameless.rs`.
    Op::Iam(IamOp::ChangePassword),
    // The role of a rule's target needs it when an event is delivered. `wharf/tests/it/rules.rs` tests it.
    Op::EventBridge(EventBridgeOp::InvokeApiDestination),
];

/// Compares the table with the list of all operations.
#[track_caller]
pub(super) fn check(rows: &[Row]) {
    let has_row = |op: &Op| BESIDE_THE_TABLE.contains(op) || rows.iter().any(|row| row.op == Some(*op));
    let (covered, missing): (Vec<Op>, Vec<Op>) = Op::all().partition(has_row);
    let missing: Vec<_> = missing.into_iter().filter(|op| !UNCOVERED.contains(op)).collect();
    assert!(missing.is_empty(), "these operations have no row of who may call them: {missing:?}");
    let stale: Vec<_> = UNCOVERED.iter().filter(|op| covered.contains(op)).collect();
    assert!(stale.is_empty(), "these have rows, and are in the list of those without: {stale:?}");
    // The row must need the operation's own permission, not another one.
    for row in rows {
        let Some(op) = row.op else { continue };
        let actions: Vec<_> = row.needs.iter().flat_map(|need| &need.actions).collect();
        assert!(actions.iter().any(|action| *action == op.action()), "{}: {actions:?}", row.name);
    }
    let mut names: Vec<_> = rows.iter().map(|row| (row.op, &row.name)).collect();
    names.sort_unstable();
    let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
    assert!(twice.is_empty(), "two rows are named alike: {twice:?}");
}

/// Routes with their own checks.
const BESIDE_THE_ROUTES: &[RouteOp] = &[
    // The URL itself is the permission. `registry/tests/it/downloads.rs` tests it.
    RouteOp::DownloadLayer,
    // Everyone can request them. `public.rs` tests them.
    RouteOp::Token,
    RouteOp::ShowLogo,
];

/// Every route has rows, which need exactly the operations that the route names.
#[track_caller]
pub(super) fn check_routes(rows: &[Row]) {
    let mut needed: BTreeMap<RouteOp, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        let actions = row.needs.iter().flat_map(|need| &need.actions).map(String::as_str);
        needed.entry(row.route.unwrap()).or_default().extend(actions);
    }
    for route in RouteOp::ALL {
        if BESIDE_THE_ROUTES.contains(route) {
            continue;
        }
        let named: BTreeSet<_> = route.ops().iter().map(|op| op.action()).collect();
        assert_eq!(needed.get(route), Some(&named), "{}", route.name());
    }
}

/// Every decision that the gate made for a request of the data plane is one that its route names, and every operation
/// that a route names was decided.
#[track_caller]
pub(super) fn check_decisions(log: &str) {
    let mut decided: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("wharf::audit")) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line["fields"][name].as_str().unwrap().to_owned();
        decided.entry(text("operation")).or_default().insert(text("action"));
    }
    for route in RouteOp::ALL.iter().filter(|route| !BESIDE_THE_ROUTES.contains(route)) {
        let named: BTreeSet<_> = route.ops().iter().map(|op| op.action().to_owned()).collect();
        assert_eq!(decided.remove(route.name()).unwrap_or_default(), named, "{}", route.name());
    }
}
