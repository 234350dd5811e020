//! Repositories that move to another account: everything comes along, and nothing stays behind.

use super::lifecycle::claimed;
use super::place::Place;
use super::world::{World, digest, new_registry, refusal, tag};
use crate::ops::repository_move::{ENDED, MOVED, OF_IMAGE, OF_REPOSITORY};
use crate::*;

const OTHER: &str = "222233334444";

/// The registry of another account.
async fn another_account(world: &World) -> RegistryKey {
    let account = CreateAccount {
        key: AccountKey(2),
        account_id: OTHER.parse().unwrap(),
        name: "other".into(),
        at: Micros(1),
    };
    world.meta.write(account).await.unwrap();
    let ensure = EnsureRegistry { account: AccountKey(2), ..new_registry("us-east-1", RegistryKey(20)) };
    world.meta.write(ensure).await.unwrap().key
}

fn moved(repository: RepositoryKey, registry: RegistryKey, name: &str) -> MoveRepository {
    MoveRepository {
        repository,
        registry,
        account_id: OTHER.parse().unwrap(),
        name: name.into(),
        redirect_until: Micros(90_000),
        decided: DecidedVersions::default(),
        images_limit: 100,
        rows_limit: 1_000,
        limit: 1_000,
        at: Micros(80_000),
    }
}

fn renamed(repository: RepositoryKey, name: &str, at: i64) -> RenameRepository {
    RenameRepository {
        repository,
        name: name.into(),
        redirect_until: Micros(90_000),
        decided: DecidedVersions::default(),
        at: Micros(at),
    }
}

/// Where a name of the registry leads to.
async fn leads_to(world: &World, registry: RegistryKey, name: &str) -> Option<(String, String)> {
    let find = FindRedirect { registry, name: name.into(), at: Micros(81_000) };
    let found = world.meta.read(find).await.unwrap();
    found.map(|found| (found.account_id.to_string(), found.name))
}

async fn images(world: &World, repository: RepositoryKey) -> Vec<String> {
    let page = DescribeImages { repository, after: None, limit: 99, tag_status: TagStatus::Any, state: None };
    let rows = world.meta.read(page).await.unwrap();
    rows.into_iter().map(|row| format!("{row:?}")).collect()
}

/// The number of rows that a repository has in a table.
async fn count(world: &World, table: &str, repository: RepositoryKey) -> String {
    let RepositoryKey { registry, id } = repository;
    let sql = format!(
        "SELECT CAST(COUNT(*) AS TEXT) FROM {table} WHERE registry = {} AND repository = {id}",
        registry.0
    );
    world.texts(&sql).await.remove(0)
}

/// A repository with rows in each table: an index with a child and a layer, a referrer, an image that is being restored.
async fn full(world: &World) -> RepositoryKey {
    let repository = world.repository("app").await;
    let layer = world.blob(repository, "layer").await;
    let image = PutImage { blobs: vec![layer], ..world.image(repository, "child", &["child"]) };
    world.meta.write(image).await.unwrap();
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["v1"]) };
    world.meta.write(index).await.unwrap();
    let signature = PutImage { subject: Some(digest("index")), ..world.image(repository, "signature", &[]) };
    world.meta.write(signature).await.unwrap();
    world.put(repository, "old", &["moves"]).await;
    world.put(repository, "new", &["moves"]).await;
    for (to_archive, restored_at) in [(true, 0), (false, 70_000)] {
        let image = ImageRef { tag: None, digest: Some(digest("old")) };
        let restored_at = Micros(restored_at);
        let update =
            UpdateImageStorageClass { repository, image, to_archive, restored_at, at: Micros(60_000) };
        world.meta.write(update).await.unwrap();
    }
    world.upload(repository).await;
    let policy = SetRepositoryPolicy { repository, document: Some("{}".into()), at: Micros(60_000) };
    world.meta.write(policy).await.unwrap();
    let policy = PutLifecyclePolicy { repository, document: "{}".into(), at: Micros(60_000) };
    world.meta.write(policy).await.unwrap();
    let start =
        StartLifecyclePreview { repository, id: "p".into(), document: "{}".into(), at: Micros(60_000) };
    world.meta.write(start).await.unwrap();
    let (registry, id) = (repository.registry.0, repository.id);
    let of_images = format!("FROM image WHERE registry = {registry} AND repository = {id}");
    for rows in [
        format!("image_pull SELECT registry, repository, id, 5 {of_images}"),
        format!("image_scan SELECT registry, repository, id, 'COMPLETE', NULL, 5 {of_images}"),
        format!("upstream_tag SELECT registry, repository, 'n' || id, digest, 5 {of_images}"),
        format!("link_review SELECT registry, repository, digest, 5 {of_images}"),
        format!(
            "lifecycle_action SELECT registry, repository, id, 5, digest, '[]', 'EXPIRE', 1, 'r' {of_images}"
        ),
        format!("repository_tag VALUES ({registry}, {id}, 'team', 'a')"),
        format!(
            "repository_catalog_data (registry, repository, architectures, operating_systems) \
             VALUES ({registry}, {id}, '[]', '[]')"
        ),
        format!("replication_peer VALUES ({registry}, {id}, 'peer', 5)"),
        format!("setting_change VALUES ({registry}, {id}, 'scanning', 5)"),
        format!(
            "work SELECT '{REPLICATED_SUBJECT}', '{registry}/{id} sha256:' || id, 5, 0, 0, 0, NULL, NULL {of_images}"
        ),
        format!("settings_replication VALUES ({registry}, {id}, 7, 1, NULL, 5, 5, 0, 1)"),
        format!("replication SELECT registry, repository, digest, '', 7, 1, 1, NULL, 5, 5, 0, 1 {of_images}"),
        format!(
            "lifecycle_preview_result SELECT registry, repository, id, digest, '[]', 5, 'EXPIRE', 1, 'STANDARD' {of_images}"
        ),
    ] {
        world.sql(&format!("INSERT INTO {rows} ON CONFLICT DO NOTHING")).await.unwrap();
    }
    repository
}

pub(super) async fn everything_moves_with_the_repository(world: World) {
    let registry = another_account(&world).await;
    let repository = full(&world).await;
    let mut before = Vec::new();
    for table in MOVED.iter().chain(&["image"]) {
        let rows = count(&world, table, repository).await;
        assert_ne!(rows, "0", "{table} has no row to move");
        before.push((table, rows));
    }
    let described = images(&world, repository).await;
    let row = world.row("app").await;
    let decided = DecidedVersions { policy: 1, lifecycle_policy: Some(60_000), tags: 0 };
    let to_there = MoveRepository { decided, ..moved(repository, registry, "team/app") };
    let now = world.meta.write(to_there.clone()).await.unwrap();
    let at = RepositoryKey { registry, id: repository.id };
    assert_eq!(now, RepositoryRow { key: at, name: "team/app".into(), ..row.row });
    assert_eq!(world.meta.write(to_there).await.unwrap(), now, "once more");
    for (table, rows) in before {
        assert_eq!(
            (count(&world, table, at).await, count(&world, table, repository).await),
            (rows, "0".into()),
            "{table}"
        );
    }
    for table in ENDED.iter().chain(&["upload"]) {
        assert_eq!(count(&world, table, at).await, "0", "{table}");
        assert_eq!(count(&world, table, repository).await, "0", "{table}");
    }
    assert_eq!(images(&world, at).await, described);
    let find = FindTarget { repository: at, target: Target::Tag(tag("v1")) };
    assert!(world.meta.read(find).await.unwrap().is_some());
    assert_eq!(world.meta.read(FindStoredBytes { repository: at }).await.unwrap(), 5 + 5 + 5 + 9 + 3 + 3);
    assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), [], "bytes are counted where they are");
    assert_eq!(world.repository_count().await, 0);
    assert_eq!(world.doomed().await.len(), 1, "the bytes of the upload");

    // What waited is done under the new key, and nothing under the old one.
    for kind in [RESTORE_IMAGE, LIFECYCLE_POLICY] {
        let work = claimed(&world, kind, 100_000).await;
        let keys: Vec<_> = work.iter().map(|work| work.key.as_str()).collect();
        assert!(keys.len() == 1 && keys[0].starts_with(&at.to_text()), "{kind}: {keys:?}");
    }
    for kind in [LIFECYCLE_PREVIEW, REPLICATED_SUBJECT] {
        assert_eq!(claimed(&world, kind, 100_000).await, [], "{kind}");
    }
    // The repository works where it is.
    world.put(at, "more", &["v2"]).await;
    world.meta.write(DeleteRepository { repository: at, force: true, at: Micros(99_000) }).await.unwrap();
    while !world
        .meta
        .write(PurgeRepositorySlice { repository: at, limit: 5, at: Micros(99_001) })
        .await
        .unwrap()
    {}
    assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), []);
}

pub(super) async fn old_names_lead_to_the_other_account(world: World) {
    let registry = another_account(&world).await;
    let repository = world.repository("first").await;
    world.meta.write(renamed(repository, "app", 100)).await.unwrap();
    world.meta.write(moved(repository, registry, "app")).await.unwrap();
    let at = RepositoryKey { registry, id: repository.id };
    let there = Some((OTHER.to_owned(), "app".to_owned()));
    for name in ["first", "app"] {
        assert_eq!(leads_to(&world, world.registry, name).await, there, "{name}");
    }
    // It moves on, and the names follow it; then it comes back to a name that led to it.
    world.meta.write(renamed(at, "last", 80_100)).await.unwrap();
    assert_eq!(leads_to(&world, world.registry, "app").await, Some((OTHER.to_owned(), "last".to_owned())));
    let back = MoveRepository {
        account_id: super::world::ACCOUNT.parse().unwrap(),
        ..moved(at, world.registry, "app")
    };
    world.meta.write(back).await.unwrap();
    assert_eq!(leads_to(&world, world.registry, "app").await, None);
    let here = Some((super::world::ACCOUNT.to_owned(), "app".to_owned()));
    assert_eq!(leads_to(&world, world.registry, "first").await, here);
    assert_eq!(leads_to(&world, registry, "last").await, here);
    world.meta.write(DeleteRepository { repository, force: true, at: Micros(85_000) }).await.unwrap();
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(85_000) };
    assert!(world.meta.write(purge).await.unwrap());
    assert_eq!(world.texts("SELECT name FROM repository_redirect").await, [""; 0]);
}

pub(super) async fn a_refused_move_changes_nothing(world: World) {
    let registry = another_account(&world).await;
    let repository = world.repository("app").await;
    world.put(repository, "one", &["v1"]).await;
    let policy = PutLifecyclePolicy { repository, document: "{}".into(), at: Micros(60_000) };
    world.meta.write(policy).await.unwrap();
    let decided = DecidedVersions { tags: 0, policy: 0, lifecycle_policy: Some(60_000) };
    let taken = CreateRepository { registry, ..world.new_repository("taken") };
    world.meta.write(taken).await.unwrap();
    let mut rows = 0;
    for table in MOVED.iter().chain(&ENDED).chain(&["image", "upload"]) {
        rows += count(&world, table, repository).await.parse::<i64>().unwrap();
    }
    assert!(rows > 3, "{rows}");
    let counts = world.row_counts().await;
    let to = |name| MoveRepository { decided, ..moved(repository, registry, name) };
    let of = |decided| MoveRepository { decided, ..to("app") };
    let changed = MoveRepositoryRefusal::SettingsChanged;
    for (refused, why) in [
        (to("taken"), MoveRepositoryRefusal::NameTaken),
        (MoveRepository { limit: 1, ..to("app") }, MoveRepositoryRefusal::Limit),
        (MoveRepository { images_limit: 0, ..to("app") }, MoveRepositoryRefusal::TooManyImages),
        (MoveRepository { rows_limit: rows - 1, ..to("app") }, MoveRepositoryRefusal::TooManyRows),
        (of(DecidedVersions { tags: 7, ..decided }), changed),
        (of(DecidedVersions { policy: 7, ..decided }), changed),
        (of(DecidedVersions { lifecycle_policy: None, ..decided }), changed),
        (of(DecidedVersions { lifecycle_policy: Some(7), ..decided }), changed),
    ] {
        assert_eq!(refusal(world.meta.write(refused).await), why);
        assert_eq!(world.row_counts().await, counts, "{why:?}");
    }
    assert_eq!((world.row("app").await.key, world.repository_count().await), (repository, 1));
    let gone = RepositoryKey { id: 9, ..repository };
    let gone = refusal(world.meta.write(moved(gone, registry, "app")).await);
    assert_eq!(gone, MoveRepositoryRefusal::NotFound);
    world.meta.write(MoveRepository { rows_limit: rows, ..to("app") }).await.unwrap();
}

pub(super) async fn a_layer_of_both_accounts_counts_in_each(world: World) {
    let registry = another_account(&world).await;
    let [moves, stays] = [world.repository("moves").await, world.repository("stays").await];
    let there = CreateRepository { registry, ..world.new_repository("there") };
    let there = world.meta.write(there).await.unwrap().key;
    for repository in [moves, stays, there] {
        world.blob(repository, "of all").await;
    }
    world.blob(moves, "alone").await;
    world.meta.write(moved(moves, registry, "moves")).await.unwrap();
    assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), []);
    let back = MoveRepository {
        account_id: super::world::ACCOUNT.parse().unwrap(),
        ..moved(RepositoryKey { registry, ..moves }, world.registry, "back")
    };
    world.meta.write(back).await.unwrap();
    assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), []);
}

pub(super) async fn no_table_and_no_column_is_forgotten(world: World) {
    let (tables, columns) = if matches!(world.place(), Place::Sqlite(_)) {
        (
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c ON c.name = 'repository' \
             JOIN pragma_table_info(m.name) g ON g.name = 'registry' WHERE m.type = 'table'",
            "SELECT name FROM pragma_table_info('TABLE')",
        )
    } else {
        (
            "SELECT c.table_name::text FROM information_schema.columns c JOIN information_schema.columns g \
             ON g.table_schema = c.table_schema AND g.table_name = c.table_name AND g.column_name = 'registry' \
             WHERE c.table_schema = 'public' AND c.column_name = 'repository'",
            "SELECT column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = 'TABLE'",
        )
    };
    // Written by the operation itself, or a place where a walk is.
    let others = ["image", "upload", "repository_redirect", "repository_usage", "reference_backfill"];
    for table in world.texts(tables).await {
        let name = table.as_str();
        let is_known = MOVED.contains(&name) || ENDED.contains(&name) || others.contains(&name);
        assert!(is_known, "what happens to the rows of {name} when their repository moves?");
    }
    for (table, kept) in [
        ("image", format!("registry, {OF_IMAGE}")),
        ("repository", format!("registry, id, name, imports_after, {OF_REPOSITORY}")),
    ] {
        let mut kept: Vec<_> = kept.split(", ").map(str::to_owned).collect();
        let mut all = world.texts(&columns.replace("TABLE", table)).await;
        kept.sort();
        all.sort();
        assert_eq!(kept, all, "{table}");
    }
}
