//! Repositories with a new name: what they contain stays, and the old name leads to them for a time.

use super::world::{World, digest, refusal};
use crate::*;

fn rename(repository: RepositoryKey, name: &str) -> RenameRepository {
    RenameRepository {
        repository,
        name: name.to_owned(),
        redirect_until: Micros(500),
        decided: DecidedVersions::default(),
        at: Micros(100),
    }
}

async fn leads_to(world: &World, repository: RepositoryKey, name: &str, at: i64) -> Option<String> {
    let find = FindRedirect { registry: repository.registry, name: name.to_owned(), at: Micros(at) };
    world.meta.read(find).await.unwrap().map(|found| found.name)
}

pub(super) async fn a_new_name_keeps_the_contents(world: World) {
    let repository = world.repository("old").await;
    world.put(repository, "one", &["v1"]).await;
    let other = world.repository("other").await;
    let taken = refusal(world.meta.write(rename(repository, "other")).await);
    assert_eq!(taken, RenameRepositoryRefusal::NameTaken);
    let renamed = world.meta.write(rename(repository, "new")).await.unwrap();
    assert_eq!((renamed.key, renamed.name.as_str()), (repository, "new"));
    assert_eq!(world.meta.write(rename(repository, "new")).await.unwrap(), renamed, "the same rename again");
    let find = FindTarget { repository, target: Target::Digest(digest("one")) };
    assert!(world.meta.read(find).await.unwrap().is_some());
    assert_eq!(world.row("new").await.image_count, 1);
    assert_eq!(leads_to(&world, repository, "old", 499).await.as_deref(), Some("new"));
    assert_eq!(leads_to(&world, repository, "old", 500).await, None, "the time is over");

    // Another rename moves the redirect along, and a name that is used again leads nowhere.
    world.meta.write(rename(repository, "newer")).await.unwrap();
    for old in ["old", "new"] {
        assert_eq!(leads_to(&world, repository, old, 200).await.as_deref(), Some("newer"), "{old}");
    }
    world.meta.write(rename(other, "old")).await.unwrap();
    assert_eq!(leads_to(&world, repository, "old", 200).await, None);
    world.repository("new").await;
    assert_eq!(leads_to(&world, repository, "new", 200).await, None);
}

pub(super) async fn a_rename_brings_only_what_was_decided_on(world: World) {
    let repository = world.repository("old").await;
    let policy = SetRepositoryPolicy { repository, document: Some("{}".into()), at: Micros(50) };
    world.meta.write(policy).await.unwrap();
    let refused = refusal(world.meta.write(rename(repository, "new")).await);
    assert_eq!(refused, RenameRepositoryRefusal::SettingsChanged);
    let decided = DecidedVersions { policy: 1, ..DecidedVersions::default() };
    world.meta.write(RenameRepository { decided, ..rename(repository, "new") }).await.unwrap();
}

pub(super) async fn a_deleted_repository_has_no_redirects(world: World) {
    let repository = world.repository("old").await;
    world.meta.write(rename(repository, "new")).await.unwrap();
    world.meta.write(DeleteRepository { repository, force: true, at: Micros(200) }).await.unwrap();
    assert_eq!(leads_to(&world, repository, "old", 300).await, None);
    let gone = refusal(world.meta.write(rename(repository, "newer")).await);
    assert_eq!(gone, RenameRepositoryRefusal::NotFound);
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(300) };
    assert!(world.meta.write(purge).await.unwrap(), "the redirects go with the repository");
}
