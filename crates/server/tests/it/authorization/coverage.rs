//! Which operations have rows.

use access::op::Op;
use access::op::StsOp;

use super::table::Row;

/// Operations without a row. The list may only become shorter: an operation with a row is removed from it, and a new
/// operation has its row from the start.
const UNCOVERED: &[Op] = &[];

/// Operations with their own checks.
const BESIDE_THE_TABLE: &[Op] = &[
    Op::Sts(StsOp::AssumeRoleWithWebIdentity),
    // AWS allows these to every caller.
    Op::Sts(StsOp::GetCallerIdentity),
    Op::Sts(StsOp::GetSessionToken),
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
