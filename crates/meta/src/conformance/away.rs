//! A PostgreSQL server that goes away, and comes back.

use std::time::{Duration, Instant};

use futures::future::join_all;

use super::place::{PATIENT, on_leaving_postgres};
use crate::*;

#[test]
fn a_server_that_is_away_is_waited_for_once() {
    on_leaving_postgres(|world, door| async move {
        let hasty = PostgresOptions { patience: Duration::from_secs(5), ..PATIENT };
        let meta = Meta::postgres(&door.url(), hasty).await.unwrap();
        let read = async || meta.read(GetSetting { name: "a".to_owned() }).await.map(drop);
        let write = async |name: &str| meta.write(world.new_repository(name)).await.map(drop);
        let list = async || {
            let page = DescribeRepositories { registry: world.registry, after: None, limit: 9 };
            meta.read(page).await.map(drop)
        };
        write("app").await.unwrap();
        // A short absence is waited for, also by those who come late.
        door.close().await;
        let short = async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            door.open();
        };
        let during = join_all((0..10).map(async |at: u32| {
            tokio::time::sleep(Duration::from_millis(100) * at).await;
            read().await.unwrap();
            write(&format!("during{at}")).await.unwrap();
        }));
        tokio::join!(during, short);
        door.close().await;
        let began = Instant::now();
        let (first, (), ()) = tokio::join!(
            join_all((0..20).map(|_| read())),
            async { assert!(write("a").await.is_err()) },
            async { assert!(list().await.is_err()) },
        );
        assert!(first.iter().all(Result::is_err));
        assert!(began.elapsed() >= Duration::from_secs(1), "nobody waited");
        // From now on nobody waits.
        let began = Instant::now();
        for _ in 0..50 {
            assert!(matches!(read().await, Err(OpError::Store(_))));
            assert!(write("b").await.is_err() && list().await.is_err());
        }
        assert!(began.elapsed() < hasty.patience * 4, "150 operations took {:?}", began.elapsed());
        door.open();
        let began = Instant::now();
        while read().await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "it is not used again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        write("back").await.unwrap();
        list().await.unwrap();
    });
}
