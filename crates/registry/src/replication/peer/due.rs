//! What waits for a peer, and the order in which it is served. A pass can end before all of it was served, so the next
//! pass begins after what was served last: a long queue does not keep the others waiting.

use std::collections::BTreeMap;

use access::store::{ReplicationBackfillRow, ReplicationDestinationRow};

/// The queue of a destination, or a backfill to it.
pub(super) type Queue = (i64, Option<String>);

type Waiting = (ReplicationDestinationRow, Option<ReplicationBackfillRow>);

/// What waits for a peer.
#[derive(Default)]
pub(super) struct Due(BTreeMap<Queue, Waiting>);

impl Due {
    pub(super) fn add(
        &mut self,
        destination: ReplicationDestinationRow,
        backfill: Option<ReplicationBackfillRow>,
    ) {
        let queue = (destination.id, backfill.as_ref().map(|backfill| backfill.id.clone()));
        self.0.insert(queue, (destination, backfill));
    }

    /// All of it, first what follows the queue that was served last.
    pub(super) fn after(self, last: Option<&Queue>) -> Vec<(Queue, Waiting)> {
        after(self.0, last)
    }
}

fn after<T>(due: BTreeMap<Queue, T>, last: Option<&Queue>) -> Vec<(Queue, T)> {
    let is_served = |queue: &Queue| last.is_some_and(|last| queue <= last);
    let (served, mut order): (Vec<_>, Vec<_>) = due.into_iter().partition(|(queue, _)| is_served(queue));
    order.extend(served);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_queue_has_its_turn() {
        let queues: [Queue; 4] = [(1, None), (1, Some("b".to_owned())), (2, None), (4, None)];
        let due = || queues.iter().map(|queue| (queue.clone(), queue.0)).collect::<BTreeMap<_, _>>();
        let first = |last: Option<&Queue>| after(due(), last).into_iter().map(|(queue, _)| queue).next();
        assert_eq!(first(None).as_ref(), Some(&queues[0]));
        assert_eq!(first(Some(&queues[0])).as_ref(), Some(&queues[1]));
        assert_eq!(first(Some(&queues[1])).as_ref(), Some(&queues[2]));
        assert_eq!(first(Some(&(3, None))).as_ref(), Some(&queues[3]));
        assert_eq!(first(Some(&queues[3])).as_ref(), Some(&queues[0]));
        assert_eq!(after(due(), Some(&queues[2])).len(), 4);
    }
}
