//! Every interleaving of small histories. Each actor has a list of steps, each of which is one operation; all orders are
//! run from the same start, and after each step the rows must agree with each other and with what clients were told.
//!
//! Orders with a common beginning run it once: the steps are in one transaction, and a savepoint leads back to each fork.

use std::future::Future;
use std::pin::Pin;

use super::history::{State, Step, collector};
use super::world::World;
use crate::tx::Tx;

/// Pushes an image with a layer of its own and one that is there.
const PUSH: &[Step] = &[
    Step::Create,
    Step::Complete("new"),
    Step::Put { in_app: true, image: "pushed", layers: &["new", "base"], tag: "v2" },
];
/// Pushes a layer that is there already, which no image may need any more.
const PUSH_AGAIN: &[Step] = &[
    Step::Create,
    Step::Complete("own"),
    Step::Put { in_app: true, image: "again", layers: &["own"], tag: "v3" },
];
/// Is told that a layer is there, and pushes only the manifest.
const HEAD: &[Step] =
    &[Step::Head("own"), Step::Put { in_app: true, image: "headed", layers: &["own"], tag: "v4" }];
const MOUNT: &[Step] =
    &[Step::Mount("own"), Step::Put { in_app: false, image: "copy", layers: &["own"], tag: "v1" }];
/// Moves the tag of the old image, and deletes it.
const MOVE_TAG: &[Step] =
    &[Step::Put { in_app: true, image: "moved", layers: &["base"], tag: "v1" }, Step::DeleteTag("v1")];
const DELETE: &[Step] =
    &[Step::Delete("old"), Step::Put { in_app: true, image: "old", layers: &["base", "own"], tag: "v1" }];
const EXPIRE: &[Step] = &[Step::Evaluate, Step::Execute];
const ARCHIVE: &[Step] =
    &[Step::Archive("old"), Step::Put { in_app: true, image: "old", layers: &["base", "own"], tag: "v1" }];
const RESTORE: &[Step] = &[Step::Archive("old"), Step::Restore("old")];
/// The same with a layer that no image needs.
const PUSH_LOOSE: &[Step] = &[
    Step::Create,
    Step::Complete("loose"),
    Step::Put { in_app: true, image: "pushed loose", layers: &["loose"], tag: "v2" },
];
const HEAD_LOOSE: &[Step] =
    &[Step::Head("loose"), Step::Put { in_app: true, image: "headed loose", layers: &["loose"], tag: "v4" }];
const MOUNT_LOOSE: &[Step] = &[
    Step::Mount("loose"),
    Step::Put { in_app: false, image: "copied loose", layers: &["loose"], tag: "v1" },
];
const CANCEL: &[Step] = &[Step::Create, Step::Advance(7), Step::Cancel];

const CLIENTS: [&[Step]; 13] = [
    PUSH,
    PUSH_AGAIN,
    PUSH_LOOSE,
    HEAD,
    HEAD_LOOSE,
    MOUNT,
    MOUNT_LOOSE,
    MOVE_TAG,
    DELETE,
    EXPIRE,
    ARCHIVE,
    RESTORE,
    CANCEL,
];

/// Beside a collector: what two clients do around the end of an image or of a layer.
const TRIPLES: [[&[Step]; 2]; 15] = [
    [DELETE, HEAD],
    [DELETE, MOUNT],
    [DELETE, PUSH_AGAIN],
    [DELETE, EXPIRE],
    [DELETE, MOVE_TAG],
    [DELETE, RESTORE],
    [EXPIRE, HEAD],
    [EXPIRE, MOUNT],
    [EXPIRE, PUSH_AGAIN],
    [EXPIRE, MOVE_TAG],
    [EXPIRE, RESTORE],
    [EXPIRE, ARCHIVE],
    [HEAD_LOOSE, MOUNT_LOOSE],
    [PUSH_LOOSE, HEAD_LOOSE],
    [PUSH_LOOSE, MOUNT_LOOSE],
];

/// Runs all orders of these actors. Returns how many there are.
fn explore<'r>(
    tx: &'r mut Tx<'_>,
    actors: &'r [&'static [Step]],
    taken: Vec<usize>,
    state: State,
) -> Pin<Box<dyn Future<Output = usize> + 'r>> {
    Box::pin(async move {
        let depth: usize = taken.iter().sum();
        let (mut orders, mut is_over) = (0, true);
        for (at, steps) in actors.iter().enumerate() {
            let Some(step) = steps.get(taken[at]) else { continue };
            is_over = false;
            tx.execute(&format!("SAVEPOINT fork{depth}"), &[]).await.unwrap();
            let mut after = state.clone();
            after.take(tx, at, *step).await;
            after.assert_consistent(tx).await;
            let mut taken = taken.clone();
            taken[at] += 1;
            orders += explore(tx, actors, taken, after).await;
            tx.execute(&format!("ROLLBACK TO fork{depth}"), &[]).await.unwrap();
            tx.execute(&format!("RELEASE fork{depth}"), &[]).await.unwrap();
        }
        if is_over {
            let mut state = state;
            state.assert_nothing_is_left(tx).await;
            return 1;
        }
        orders
    })
}

/// Runs all orders of these groups of actors. Returns how many there are.
async fn all(tx: &mut Tx<'_>, actors: Vec<Vec<&'static [Step]>>) -> usize {
    let start = State::begin(tx).await;
    let mut orders = 0;
    for actors in actors {
        orders += explore(tx, &actors, vec![0; actors.len()], start.clone()).await;
    }
    orders
}

pub(super) async fn rows_agree_in_every_order_of_two(world: World) {
    let pairs = CLIENTS.map(|client| vec![client, collector(false)]).into();
    world.in_one_transaction(async |tx| assert!(all(tx, pairs).await > 400)).await;
}

/// On SQLite alone: on PostgreSQL it takes minutes.
#[test]
fn rows_agree_in_every_order_of_three() {
    super::place::on_sqlite(async |world: World| {
        let clients = CLIENTS.iter().enumerate();
        let pairs = clients.flat_map(|(at, one)| CLIENTS.iter().skip(at).map(|two| vec![*one, *two]));
        let triples = TRIPLES.iter().map(|[one, two]| vec![*one, *two, collector(true)]);
        let actors = pairs.chain(triples).collect();
        world.in_one_transaction(async |tx| assert!(all(tx, actors).await > 2_000)).await;
    });
}
