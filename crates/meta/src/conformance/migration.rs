//! A database of the first schema, with data of the first Wharf, works with the newest schema.

use super::{
    beside::Beside,
    identities::{SECOND, digits, pairs},
    place::Place,
    world::{ACCOUNT, REGION, World, digest, refusal, tag},
};
use crate::migrate::text_for;
use crate::*;

const START: &str = include_str!("../../migrations/0001_start.sql");

/// The tables of the migrations themselves, after the first one.
const BOOKKEEPING: &str = "CREATE TABLE schema_migration (number BIGINT NOT NULL PRIMARY KEY, \
    oldest_compat BIGINT NOT NULL); INSERT INTO schema_migration VALUES (1, 1);";

const KEY: &str = "AKIAAAAAAAAAAAAAAAA1";

/// A user with its key and policies, and an image with its layer in a repository with a tag. `<…>` are bytes in hex.
fn rows() -> String {
    let hex = |content: &str| {
        let pairs: Vec<String> =
            digest(content).to_stored().iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.concat()
    };
    let (manifest, layer) = (hex("m"), hex("layer"));
    format!(
        "INSERT INTO account VALUES (1, '{ACCOUNT}', 'main', 'ACTIVE', 5); \
         INSERT INTO registry VALUES (10, 1, '{REGION}', 0, 1, 5); \
         INSERT INTO principal VALUES ('AIDA1', 1, 'user', '/', 'Ann', 'ann', 4, 6); \
         INSERT INTO access_key VALUES ('{KEY}', 'AIDA1', 1, <07>, 7); \
         INSERT INTO identity_policy_inline VALUES ('AIDA1', 'p', '{{}}'); \
         INSERT INTO identity_policy_managed VALUES ('AIDA1', 'arn:aws:iam::aws:policy/ReadOnlyAccess'); \
         INSERT INTO repository VALUES \
            (10, 1, 'app', 8, NULL, 'op', 'MUTABLE', '[]', 0, 'AES256', NULL, 0, 1, 1, 1, 1); \
         INSERT INTO repository_tag VALUES (10, 1, 'Team', 'a'); \
         INSERT INTO object VALUES (1, <{layer}>, 'object', 5, 9, 9, 'op'); \
         INSERT INTO blob_link VALUES (10, 1, <{layer}>, 1, 'upload', 9, 9, 'op'); \
         INSERT INTO image VALUES (10, 1, 1, <{manifest}>, 'application/vnd.oci.image.manifest.v1+json', NULL, NULL, \
            1, 7, NULL, NULL, 1, 1, 1, 11, 'AIDA1', 11, 11, 'PUSH', 'op'); \
         INSERT INTO manifest_body VALUES (10, 1, 1, <6d>); \
         INSERT INTO image_blob VALUES (10, 1, 1, <{layer}>); \
         INSERT INTO tag VALUES (10, 1, 'v1', 1, 11, 'op'); \
         INSERT INTO setting VALUES ('ring', <01>);"
    )
}

/// A store of schema 1 that ran this SQL before it was opened.
async fn migrated(world: &World, also: &str) -> Result<World, (StoreError, Place)> {
    let rows = rows() + also;
    let (sqlite, postgres) = (text_for(Dialect::Sqlite, START), text_for(Dialect::Postgres, START));
    let sqlite = format!("{sqlite}{BOOKKEEPING}{}", rows.replace('<', "x'").replace('>', "'"));
    let postgres = format!("{postgres}{BOOKKEEPING}{}", rows.replace('<', "'\\x").replace('>', "'"));
    world.prepared(&sqlite, &postgres).await
}

pub(super) async fn started(world: &World) -> World {
    match migrated(world, "").await {
        Ok(started) => started,
        Err((error, _)) => panic!("{error:?}"),
    }
}

fn resolve(target: Target) -> Resolve {
    Resolve {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        repository: Some("app".into()),
        target,
        caller: Some(CallerRef { unique_id: "AIDA1".to_owned(), access_key_id: Some(KEY.parse().unwrap()) }),
    }
}

pub(super) async fn what_was_there_stays(world: World) {
    let old = started(&world).await;
    let numbers = old.texts("SELECT CAST(number AS TEXT) FROM schema_migration m ORDER BY m.number").await;
    assert_eq!(
        numbers,
        [
            "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "17", "18", "20",
            "21", "22", "23", "24", "26", "27", "28", "29", "30", "31", "33", "37", "38", "41", "43", "44"
        ]
    );
    let found = old.meta.read(resolve(Target::Tag(tag("v1")))).await.unwrap();
    let caller = found.basis.caller.as_ref().unwrap();
    assert!(caller.is_active() && caller.in_organization);
    assert_eq!((caller.version, caller.name.as_str()), (4, "Ann"));
    assert_eq!(found.image().unwrap().digest, digest("m"));
    let repository = old.row("app").await;
    assert_eq!((repository.image_count, repository.policy_version), (1, 0));
    assert_eq!(found.basis.repository.as_deref(), Some(&repository.row));
    let found = old.meta.read(resolve(Target::Blob(digest("layer")))).await.unwrap();
    let blob = found.blob().unwrap();
    assert_eq!((blob.object_key.as_str(), blob.size), ("object", 5));
    let key = old.meta.read(FindAccessKey { id: KEY.parse().unwrap() }).await.unwrap().unwrap();
    assert_eq!((key.sealed_secret, key.principal.unique_id.as_str()), (vec![7], "AIDA1"));
    let policies = old.policies_of("AIDA1").await;
    assert_eq!((policies.version, policies.inline), (4, pairs(&[("p", "{}")])));
    assert_eq!((policies.managed.len(), policies.boundary), (1, None));
    let member = old.meta.read(FindMemberAccount { account_id: digits(ACCOUNT) }).await.unwrap().unwrap();
    assert_eq!((member.joined_method.as_str(), member.joined_at, member.email), ("INVITED", Micros(5), None));
    assert_eq!((member.status.as_str(), member.in_organization), ("ACTIVE", true));
    assert_eq!(old.meta.read(GetSetting { name: "ring".into() }).await.unwrap(), Some(vec![1]));
    let counts = old.row_counts().await;
    let again = old.restart().await;
    assert_eq!(again.row_counts().await, counts, "a second start has nothing to do");
}

pub(super) async fn what_was_there_can_do_what_is_new(world: World) {
    let old = started(&world).await;
    let user = old.meta.read(FindEntityById { unique_id: "AIDA1".to_owned() }).await.unwrap().unwrap();
    assert_eq!((user.name.as_str(), user.boundary, user.role), ("Ann", None, None));
    old.entity("AGPA1").await;
    old.join("AIDA1", "AGPA1").await;
    let arn = old.policy("read").await;
    old.attach("AGPA1", &arn).await;
    old.meta.write(SetBoundary { unique_id: "AIDA1".to_owned(), arn: Some(arn) }).await.unwrap();
    let tag = PutIamTags { owner: "AIDA1".to_owned(), tags: pairs(&[("Team", "a")]), limit: 50 };
    old.meta.write(tag).await.unwrap();
    let policies = old.policies_of("AIDA1").await;
    assert_eq!((policies.version, policies.managed.len(), policies.tags.len()), (8, 2, 1));
    assert!(policies.boundary.is_some());
    let used = RecordAccessKeyUse {
        id: KEY.parse().unwrap(),
        region: REGION.into(),
        service: "ecr".into(),
        at: Micros(50),
    };
    old.meta.write(used).await.unwrap();
    let keys = old.meta.read(ListAccessKeys { owner: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(keys[0].last_used, Some((Micros(50), REGION.into(), "ecr".into())));

    let repository = RepositoryKey { registry: RegistryKey(10), id: 1 };
    let set = SetRepositoryPolicy { repository, document: Some("{}".into()), at: Micros(9) };
    assert_eq!(old.meta.write(set).await.unwrap(), None);
    old.put(repository, "m2", &["v1"]).await;
    let found = old.row("app").await;
    assert_eq!((found.image_count, found.tag_count, found.policy_version), (2, 1, 1));
    old.second_account().await;
    let list = ListMemberAccounts { after: String::new(), limit: 9 };
    let members: Vec<_> = old.meta.read(list).await.unwrap().into_iter().map(|a| a.account_id).collect();
    assert_eq!(members, [digits(ACCOUNT), digits(SECOND)]);
    let delete = DeleteRepository { repository, force: true, at: Micros(60) };
    old.meta.write(delete).await.unwrap();
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(61) };
    assert!(old.meta.write(purge).await.unwrap());
}

/// Bytes in hex, as [`rows`] marks them.
fn bytes(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<{}>", pairs.concat())
}

/// A manifest as schema 1 stored it, without a row for its missing layer. `at` is its ID.
fn sparse_image(at: i64) -> (String, String) {
    let layer = format!("late{at}");
    let body = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":30}},"layers":[{{"digest":"{}","size":4}}]}}"#,
        digest("layer"),
        digest(&layer)
    );
    let sql = format!(
        "INSERT INTO image VALUES (10, 1, {at}, {}, 'application/vnd.oci.image.manifest.v1+json', NULL, NULL, \
            {}, 4, NULL, NULL, 1, 0, 0, 11, 'AIDA1', NULL, 11, 'PUSH', 'op'); \
         INSERT INTO manifest_body VALUES (10, 1, {at}, {});",
        bytes(&digest(&body).to_stored()),
        body.len(),
        bytes(body.as_bytes())
    );
    (sql, layer)
}

pub(super) async fn references_of_stored_manifests_are_written(world: World) {
    let (sql, layers): (Vec<String>, Vec<String>) = (2..9).map(sparse_image).unzip();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"digest":"{}","size":4}}]}}"#,
        digest("no child")
    );
    let index = format!(
        "INSERT INTO image VALUES (10, 1, 9, {}, 'application/vnd.oci.image.index.v1+json', NULL, NULL, \
            {}, 0, NULL, NULL, 1, 0, 0, 11, 'AIDA1', NULL, 11, 'PUSH', 'op'); \
         INSERT INTO manifest_body VALUES (10, 1, 9, {});",
        bytes(&digest("index").to_stored()),
        index.len(),
        bytes(index.as_bytes())
    );
    let Ok(old) = migrated(&world, &format!("{}{index}", sql.concat())).await else { panic!("not opened") };
    let repository = RepositoryKey { registry: RegistryKey(10), id: 1 };
    let in_use = async |old: &World| {
        for layer in &layers {
            let unlink = UnlinkBlob { repository, digest: digest(layer), at: Micros(9) };
            assert_eq!(refusal(old.meta.write(unlink).await), UnlinkBlobRefusal::InUse, "{layer}");
        }
    };
    in_use(&old).await;
    let unlink = UnlinkBlob { repository, digest: digest("layer"), at: Micros(9) };
    assert_eq!(refusal(old.meta.write(unlink).await), UnlinkBlobRefusal::InUse, "what was known stays");
    let sizes = old.texts("SELECT CAST(image_size AS TEXT) FROM image WHERE id > 1 ORDER BY id").await;
    assert_eq!(sizes, ["34", "34", "34", "34", "34", "34", "34", "0"], "layers and config");
    assert_eq!(old.texts("SELECT CAST(image AS TEXT) FROM reference_backfill").await, Vec::<String>::new());
    // An interrupted one continues from its last slice.
    old.sql("DELETE FROM image_blob WHERE image > 1; INSERT INTO reference_backfill VALUES (1, 0, 0, 0)")
        .await
        .unwrap();
    assert!(!old.meta.write(BackfillReferences { limit: 3 }).await.unwrap());
    assert_eq!(old.texts("SELECT CAST(image AS TEXT) FROM reference_backfill").await, ["3"]);
    let again = old.restart().await;
    in_use(&again).await;
    assert!(again.meta.write(BackfillReferences { limit: 3 }).await.unwrap());
}

pub(super) async fn uploads_of_roles_go_on(world: World) {
    let upload = |id: &str, principal: &str| {
        format!(
            "INSERT INTO upload VALUES (10, 1, '{id}', '{principal}', '{id}', 1, 0, NULL, 0, 0, 0, 5, 5);"
        )
    };
    let rows = [upload("u1", "AROA1:session"), upload("u2", "AIDA1:federated"), upload("u3", "AIDA1")];
    let Ok(old) = migrated(&world, &rows.concat()).await else { panic!("not opened") };
    let owners = old.texts("SELECT principal FROM upload ORDER BY id").await;
    assert_eq!(owners, ["AROA1", "AIDA1:federated", "AIDA1"]);
}

/// A failed step leaves the schema unchanged, and reports the cause.
pub(super) async fn a_step_is_made_whole_or_not_at_all(world: World) {
    // The last table of the second schema exists already.
    let refused = migrated(&world, "CREATE TABLE account_setting (name TEXT);").await;
    let Err((error, place)) = refused else { panic!("it was migrated") };
    let why = format!("{error:?}");
    assert!(why.contains("account_setting"), "{why}");
    let mut beside = Beside::open(&place).await;
    assert_eq!(beside.texts("SELECT CAST(number AS TEXT) FROM schema_migration").await, ["1"]);
    beside.run("SELECT email FROM account").await.expect_err("the column is of the second schema");
    beside.run("DROP TABLE account_setting").await.unwrap();
    let meta = place.open().await.unwrap();
    let find = FindMemberAccount { account_id: digits(ACCOUNT) };
    assert_eq!(meta.read(find).await.unwrap().unwrap().joined_method, "INVITED");
}

/// Both drivers sort text by its bytes, regardless of the database's default order.
pub(super) async fn text_is_bytes(world: World) {
    let text_columns = "SELECT table_name || '.' || column_name || ' ' || COALESCE(collation_name, 'default') \
        FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text' \
        AND COALESCE(collation_name, '') <> 'C'";
    if world.meta.wal_bytes().is_none() {
        assert_eq!(world.texts(text_columns).await, Vec::<String>::new());
    }
    world.entity("AIDA1").await;
    for (name, at) in [("b", 1), ("ä", 2), ("B", 3), ("a", 4), ("_", 5)] {
        let put = PutInlinePolicy { owner: "AIDA1".to_owned(), name: name.into(), document: format!("{at}") };
        world.meta.write(put).await.unwrap();
    }
    let policies = world.meta.read(ListInlinePolicies { owner: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(policies, pairs(&[("B", "3"), ("_", "5"), ("a", "4"), ("b", "1"), ("ä", "2")]));
    assert_eq!(
        world.policies_of("AIDA1").await.inline,
        policies,
        "and so do columns of several tables together"
    );
}
