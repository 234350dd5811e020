//! Random pushes, deletions and moves of tags, with passes of the replication that end anywhere: afterwards the registries
//! agree.

use std::time::Duration;

use access::context::{Ctx, RepositoryRef};
use aws::ecr::{BatchDeleteImageRequest, ImageIdentifier, PutAccountSettingRequest};
use aws::ids::Region;
use jiff::Timestamp;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::replication::{THERE, configure, images, replicate, rule, there, to_there};
use crate::world::{ACCOUNT, World, ctx, manifest, region, sha256};

const CONFIGS: [&[u8]; 6] = [b"1", b"2", b"3", b"4", b"5", b"6"];
const TAGS: [&str; 4] = ["a", "b", "c", "latest"];

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

async fn push(world: &World, at: &RepositoryRef, dice: &mut Dice) {
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let config = CONFIGS[dice.below(CONFIGS.len())];
    let incoming = Incoming::buffered(config.into());
    registry.put_blob(&admin, at, &sha256(config), incoming).await.unwrap();
    let tag = Reference::Tag(TAGS[dice.below(TAGS.len())].parse().unwrap());
    registry.put_manifest(&admin, at, &tag, &[], None, manifest(config).into()).await.unwrap();
}

async fn delete(world: &World, at: &RepositoryRef, dice: &mut Dice) {
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let tag = TAGS[dice.below(TAGS.len())];
    let digest = sha256(&manifest(CONFIGS[dice.below(CONFIGS.len())]));
    match dice.below(3) {
        0 => drop(registry.delete_tag(&admin, at, &tag.parse().unwrap()).await),
        1 => {
            let image_tag = Some(tag.to_owned());
            delete_image(world, &admin, at, ImageIdentifier { image_tag, image_digest: None }).await;
        }
        _ => {
            let image_digest = Some(digest.to_string());
            delete_image(world, &admin, at, ImageIdentifier { image_tag: None, image_digest }).await;
        }
    }
}

async fn delete_image(world: &World, admin: &Ctx, at: &RepositoryRef, id: ImageIdentifier) {
    let delete = BatchDeleteImageRequest {
        repository_name: at.name.to_string(),
        image_ids: vec![id],
        registry_id: None,
    };
    world.rules.registry.batch_delete_image(admin, &at.region, delete).await.unwrap();
}

/// A pass that is dropped after a random time, as by a crash.
async fn interrupted_pass(world: &World, dice: &mut Dice) {
    let limit = Duration::from_micros(u64::try_from(dice.below(20_000)).unwrap());
    let pass = world.rules.registry.replicate_images(Timestamp::now());
    drop(tokio::time::timeout(limit, pass).await);
}

#[tokio::test]
async fn a_destination_becomes_what_its_source_is() {
    for seed in 1..=6 {
        let (world, mut dice) = (World::new().await, Dice(seed));
        let app = world.create("app").await;
        to_there(&world, true).await;
        for _ in 0..60 {
            match dice.below(8) {
                0..=3 => push(&world, &app, &mut dice).await,
                4 | 5 => delete(&world, &app, &mut dice).await,
                _ => interrupted_pass(&world, &mut dice).await,
            }
        }
        replicate(&world).await;
        let of = async |at: &Region| images(&world, (&world.admin, at), "app").await;
        assert_eq!(of(&there()).await, of(&region()).await, "seed {seed}");
    }
}

#[tokio::test]
async fn two_registries_agree_on_who_tagged_last() {
    for seed in 1..=6 {
        let (world, mut dice) = (World::new().await, Dice(seed));
        let here = world.create("app").await;
        to_there(&world, false).await;
        let back = vec![rule(&[("eu-west-1", ACCOUNT)], &[], false)];
        configure(&world, (&world.admin, &there()), back).await.unwrap();
        for at in [region(), there()] {
            let name = "WHARF_REPLICATION_LAST_WRITER".to_owned();
            let put = PutAccountSettingRequest { name, value: "ENABLED".to_owned() };
            world.rules.registry.put_account_setting(&ctx(&world.admin), &at, put).await.unwrap();
        }
        push(&world, &here, &mut dice).await;
        replicate(&world).await;
        let there_too = RepositoryRef { region: THERE.parse().unwrap(), ..here.clone() };
        for _ in 0..40 {
            match dice.below(5) {
                0 | 1 => push(&world, &here, &mut dice).await,
                2 | 3 => push(&world, &there_too, &mut dice).await,
                _ => interrupted_pass(&world, &mut dice).await,
            }
        }
        replicate(&world).await;
        let of = async |at: &Region| images(&world, (&world.admin, at), "app").await;
        assert_eq!(of(&there()).await, of(&region()).await, "seed {seed}");
        assert_eq!(replicate(&world).await, 0, "nothing goes to and fro");
    }
}
