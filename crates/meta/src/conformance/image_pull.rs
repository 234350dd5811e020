//! Times of pulls: many images in one operation, rarely for one image, never for excluded principals.

use super::world::{World, digest};
use crate::*;

fn pull(repository: RepositoryKey, id: ImageId, at: i64, principal_arn: &str) -> Pull {
    Pull { repository, id, at: Micros(at), principal_arn: principal_arn.to_owned() }
}

/// Records pulls; returns how many times were written.
async fn record(world: &World, pulls: Vec<Pull>, apart: i64) -> u64 {
    world.meta.write(RecordPulls { pulls: pulls.into(), apart: Micros(apart) }).await.unwrap()
}

pub(super) async fn a_time_never_moves_back(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "body", &[]).await;
    for (id, at) in [(image.id, 50), (image.id, 40), (ImageId(1), 60)] {
        record(&world, vec![pull(repository, id, at, "arn:p")], 0).await;
    }
    assert_eq!(world.last_pulled_at(repository, image.digest).await, Some(Micros(50)));
}

pub(super) async fn of_any_repositories_in_one_operation(world: World) {
    let (app, other) = (world.repository("app").await, world.repository("other").await);
    let mut pulls = Vec::new();
    for number in 0..300 {
        let repository = if number % 3 == 0 { other } else { app };
        let image = world.put(repository, &number.to_string(), &[]).await;
        pulls.push(pull(repository, image.id, 10 + number, "arn:p"));
    }
    // Of one image in one operation the newest pull counts, and what is gone is passed over.
    let first = pulls[0].clone();
    pulls.insert(0, Pull { at: Micros(7_000), ..first });
    pulls.push(pull(app, ImageId(1), 9, "arn:p"));
    assert_eq!(record(&world, pulls, 0).await, 300);
    assert_eq!(world.last_pulled_at(other, digest("0")).await, Some(Micros(7_000)));
    assert_eq!(world.last_pulled_at(app, digest("299")).await, Some(Micros(309)));
    assert_eq!(world.last_pulled_at(other, digest("297")).await, Some(Micros(307)));
    assert_eq!(world.last_pulled_at(app, digest("298")).await, Some(Micros(308)));
    assert_eq!(record(&world, Vec::new(), 0).await, 0);
}

pub(super) async fn an_image_is_written_once_in_an_interval(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "body", &[]).await;
    let at = async |at| record(&world, vec![pull(repository, image.id, at, "arn:p")], 100).await;
    assert_eq!(at(1_000).await, 1);
    assert_eq!(at(1_099).await, 0);
    assert_eq!(world.last_pulled_at(repository, image.digest).await, Some(Micros(1_000)));
    assert_eq!(at(1_100).await, 1);
    assert_eq!(world.last_pulled_at(repository, image.digest).await, Some(Micros(1_100)));
}

pub(super) async fn of_excluded_principals(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "body", &[]).await;
    let (registry, principal_arn) = (repository.registry, "arn:scanner".to_owned());
    let exclude = RegisterPullTimeExclusion { registry, principal_arn, at: Micros(1), limit: 9 };
    world.meta.write(exclude).await.unwrap();
    let by = |arn, at| pull(repository, image.id, at, arn);
    assert_eq!(record(&world, vec![by("arn:scanner", 50)], 0).await, 0);
    assert_eq!(world.last_pulled_at(repository, image.digest).await, None);
    // An excluded pull in the same operation does not hide the other.
    assert_eq!(record(&world, vec![by("arn:scanner", 45), by("arn:node", 40)], 0).await, 1);
    assert_eq!(record(&world, vec![by("arn:scanner", 60)], 0).await, 0);
    assert_eq!(world.last_pulled_at(repository, image.digest).await, Some(Micros(40)));
}
