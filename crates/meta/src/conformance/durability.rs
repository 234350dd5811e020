//! Acknowledged operations persist; refused and failed operations leave nothing.

use super::{
    beside::Beside,
    world::{World, refusal, tag},
};
use crate::{ops::operation, *};

const DATABASE: Database = Database::Registries;

pub(super) async fn what_was_answered_outlives_a_restart(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &["v1"]) };
    let image = world.meta.write(put).await.unwrap().image;
    let row = world.row("app").await;
    let world = world.restart().await;
    assert_eq!(world.row("app").await, row);
    let find = FindImages { repository, ids: vec![ImageRef { tag: Some(tag("v1")), digest: None }] };
    let found =
        FoundImage::Found(Box::new(TaggedImage { image, tags: vec![tag("v1")], last_pulled_at: None }));
    assert_eq!(world.meta.read(find).await.unwrap(), [found]);
    let blobs = world.meta.read(FindBlobs { repository, digests: vec![blob] }).await.unwrap();
    assert!(blobs[0].1.is_some());
}

pub(super) async fn a_newer_schema_is_refused(world: World) {
    let place = world.close();
    let newer = async |number: i64, compat: i64| {
        let sql = format!("INSERT INTO schema_migration (number, oldest_compat) VALUES ({number}, {compat})");
        Beside::open(&place).await.run(&sql).await.unwrap();
    };
    place.open().await.map(drop).unwrap();
    newer(900, 2).await;
    place.open().await.map(drop).expect("a newer schema that names this binary's number is fine");
    newer(901, 99).await;
    let Err(StoreError::Schema(why)) = place.open().await else { panic!("it was opened") };
    assert!(why.contains("newer Wharf"), "{why}");
}

/// Writes, then is refused or panics.
struct WriteThen {
    then: Then,
}

#[derive(PartialEq)]
enum Then {
    Refuse,
    Panic,
    Repeat,
}

operation!(WriteThen: Durable [] -> (), (), |op, tx| {
    let insert = "INSERT INTO setting (name, value) VALUES ('left', ?1)";
    tx.execute(insert, &[Param::Bytes(vec![1].into())]).await?;
    match op.then {
        Then::Refuse => Ok(Err(())),
        Then::Panic => panic!("as the test asked"),
        Then::Repeat => {
            tx.execute(insert, &[Param::Bytes(vec![1].into())]).await?;
            Ok(Ok(()))
        }
    }
});

async fn left(world: &World) -> Option<Vec<u8>> {
    world.meta.read(GetSetting { name: "left".into() }).await.unwrap()
}

pub(super) async fn a_refusal_leaves_nothing(world: World) {
    refusal(world.meta.write(WriteThen { then: Then::Refuse }).await);
    assert_eq!(left(&world).await, None);
    let broke = world.meta.write(WriteThen { then: Then::Repeat }).await;
    assert!(matches!(broke, Err(OpError::Store(_))));
    assert_eq!(left(&world).await, None);
    world.repository("app").await;
}

pub(super) async fn a_panic_harms_only_its_operation(world: World) {
    let (one, broke, two) = tokio::join!(
        world.meta.write(world.new_repository("one")),
        world.meta.write(WriteThen { then: Then::Panic }),
        world.meta.write(world.new_repository("two"))
    );
    assert!(matches!(broke, Err(OpError::Store(StoreError::Panicked))));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(left(&world).await, None);
    assert_eq!(world.row("two").await.name, "two");
}
