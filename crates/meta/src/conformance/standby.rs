//! What is acknowledged is on the synchronous standby too.

use std::time::Duration;

use super::{
    place::{PATIENT, Place, on_replicated_postgres},
    world::digest,
};
use crate::*;

#[test]
fn what_the_standby_does_not_have_is_not_acknowledged() {
    on_replicated_postgres(|world, standby| async move {
        world.sql("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
        world.sql("SELECT pg_reload_conf()").await.unwrap();
        let repository = world.repository("app").await;
        let Place::Postgres(url) = world.place() else { panic!("only on PostgreSQL") };
        let statement_timeout = Duration::from_millis(300);
        let hasty = PostgresOptions { statement_timeout, patience: Duration::from_secs(2), ..PATIENT };
        let meta = Meta::postgres(url, hasty).await.unwrap();
        drop(standby);
        for round in 0..4 {
            let name = format!("m{round}");
            let put = meta.write(world.image(repository, &name, &["v1"])).await;
            assert!(matches!(put, Err(OpError::Store(_))), "a push was acknowledged");
            let create = meta.write(world.new_repository(&name)).await;
            assert!(matches!(create, Err(OpError::Store(_))), "a repository was acknowledged");
        }
        // What is there is served.
        let page = DescribeRepositories { registry: world.registry, after: None, limit: 9 };
        assert_eq!(
            meta.read(page).await.unwrap().first().map(|row| row.name.clone()),
            Some("app".to_owned())
        );
        assert_eq!(
            meta.read(FindBlobs { repository, digests: vec![digest("none")] }).await.unwrap().len(),
            1
        );
    });
}
