//! The gate's decisions on one request. The server uses them at the end of the request, for its audit record.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::op::Op;

/// The maximum number of decisions for one request. A request with hundreds of repositories has more; then the first
/// ones are kept. A refusal need not end the request: a batch can continue with its next item.
const MOST: usize = 64;

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The operation or permission.
    pub op: Op,
    /// The ARN of the decision, or `*`.
    pub resource: String,
    /// Whether it was allowed.
    pub allowed: bool,
}

/// The decisions of a request, in their order.
#[derive(Debug)]
pub struct Decisions {
    is_kept: bool,
    decided: Mutex<Vec<Decided>>,
}

/// Shared by all requests whose decisions nobody reads.
static NONE: LazyLock<Arc<Decisions>> = LazyLock::new(|| Arc::new(Decisions::new(false)));

impl Default for Decisions {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Decisions {
    const fn new(is_kept: bool) -> Self {
        Self { is_kept, decided: Mutex::new(Vec::new()) }
    }

    /// For a request whose decisions nobody reads. Nothing is recorded.
    pub fn none() -> Arc<Self> {
        Arc::clone(&NONE)
    }

    pub(crate) fn record(&self, op: Op, resource: &str, allowed: bool) {
        if !self.is_kept {
            return;
        }
        let mut decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= MOST {
            // A refusal replaces the last decision that allowed something.
            let replaced = decided.iter().rposition(|one| one.allowed).filter(|_| !allowed);
            let Some(replaced) = replaced else { return };
            decided.remove(replaced);
        }
        decided.push(Decided { op, resource: resource.to_owned(), allowed });
    }

    /// Takes the decisions so far.
    pub fn take(&self) -> Vec<Decided> {
        if !self.is_kept {
            return Vec::new();
        }
        std::mem::take(&mut self.decided.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::EcrOp;

    #[test]
    fn the_number_is_limited_and_refusals_are_kept() {
        let (decisions, op) = (Decisions::default(), Op::Ecr(EcrOp::PutImage));
        for _ in 0..MOST + 10 {
            decisions.record(op, "a", true);
        }
        for resource in ["b", "c"] {
            decisions.record(op, resource, false);
        }
        let decided = decisions.take();
        assert_eq!(decided.len(), MOST);
        let refused: Vec<_> =
            decided.iter().filter(|one| !one.allowed).map(|one| one.resource.as_str()).collect();
        assert_eq!(refused, ["b", "c"]);
        for _ in 0..=MOST {
            decisions.record(op, "d", false);
        }
        assert_eq!(decisions.take().len(), MOST);
        assert!(decisions.take().is_empty());
    }
}
