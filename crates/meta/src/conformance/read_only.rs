//! A store that is read-only while it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::world::World;
use crate::{Table, *};

fn setting(name: &str) -> PutSettingOnce {
    PutSettingOnce { name: name.to_owned(), value: b"value".to_vec() }
}

fn is_refused<T, R>(outcome: &Result<T, OpError<R>>) -> bool {
    matches!(outcome, Err(OpError::Store(StoreError::ReadOnly)))
}

pub(super) async fn changes_are_refused_until_the_move_ends(world: World) {
    world.meta.write(setting("there")).await.unwrap();
    let begin = |id: &str| MakeReadOnly { id: id.to_owned() };
    assert_eq!(world.meta.read(GetReadOnly).await.unwrap(), None);
    assert_eq!(world.meta.write(begin("first")).await.unwrap(), "first");
    assert_eq!(world.meta.write(begin("second")).await.unwrap(), "first");
    assert!(is_refused(&world.meta.write(setting("new")).await));
    // A start changes nothing, so a node can start.
    world.stop_losses();
    let world = world.restart().await;
    assert!(is_refused(&world.meta.write(setting("new")).await));
    assert_eq!(world.meta.write(setting("there")).await.unwrap(), b"value");
    assert_eq!(world.meta.read(GetSetting { name: "new".to_owned() }).await.unwrap(), None);
    assert_eq!(world.meta.read(GetReadOnly).await.unwrap().as_deref(), Some("first"));
    let end = |id: &str| MakeWritable { id: Some(id.to_owned()) };
    assert!(!world.meta.write(end("second")).await.unwrap());
    assert!(is_refused(&world.meta.write(setting("new")).await));
    assert!(world.meta.write(end("first")).await.unwrap());
    assert_eq!(world.meta.read(GetReadOnly).await.unwrap(), None);
    world.meta.write(setting("new")).await.unwrap();
    assert_eq!(world.meta.write(begin("third")).await.unwrap(), "third");
    assert!(is_refused(&world.meta.write(setting("newer")).await));
}

/// What others write at the same time is there when the store is read-only, or is refused.
pub(super) async fn no_write_is_in_progress_afterwards(world: World) {
    let ended = Arc::new(AtomicBool::new(false));
    let writer = |number: usize| {
        let (meta, ended) = (world.meta.clone(), Arc::clone(&ended));
        tokio::spawn(async move {
            for count in 0.. {
                match meta.write(setting(&format!("{number}-{count}"))).await {
                    Ok(_) => {}
                    Err(OpError::Store(StoreError::ReadOnly)) => return,
                    Err(error) => panic!("{error}"),
                }
                assert!(!ended.load(Ordering::SeqCst), "written when it was read-only");
            }
        })
    };
    let writers: Vec<_> = (0..8).map(writer).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.meta.write(MakeReadOnly { id: "move".to_owned() }).await.unwrap();
    let count = async || {
        let tables = world.meta.read(ListTables).await.unwrap();
        let table: Table = tables.into_iter().find(|table| table.name == "setting").unwrap();
        let (mut after, mut count) = (None, 0);
        loop {
            let rows = world.meta.read(ReadTable { table: table.clone(), after }).await.unwrap();
            let Some(last) = rows.last() else { return count };
            after = Some(table.key_of(last));
            count += rows.len();
        }
    };
    let before = count().await;
    // An answer of a write that was committed before can be late.
    tokio::time::sleep(Duration::from_millis(300)).await;
    ended.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(before > 0);
    assert_eq!(count().await, before);
}
