//! What a page costs does not depend on what it leaves out: each filter is a range of an index. The planners of both
//! databases are asked.

use super::world::{ACCOUNT, World, digest, tag};
use crate::{tx::Plan, *};

/// Many images: every second has a tag, every third a subject, of four artifact types.
async fn many_images(world: &World) -> RepositoryKey {
    let repository = world.repository("app").await;
    for number in 0..12 {
        let tags: &[&str] = if number % 2 == 0 { &[&format!("t{number}")] } else { &[] };
        let image = world.image(repository, &number.to_string(), tags);
        let artifact_type = Some(format!("type/{}", number % 4));
        let subject = (number % 3 == 0).then(|| digest("subject"));
        world.meta.write(PutImage { artifact_type, subject, ..image }).await.unwrap();
    }
    let columns = "media_type, artifact_type, manifest_size, image_size, subject, status, tagged, tag_count, \
        pushed_at, pushed_by, last_activated_at, origin, operation";
    let copies = |numbers: &str, bytes: &str| {
        format!(
            "INSERT INTO image (registry, repository, id, digest, {columns}) \
             SELECT registry, repository, id + n * 100000, {bytes}, {columns} FROM image, {numbers}; ANALYZE"
        )
    };
    let numbers =
        "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n FROM c)";
    let on_sqlite = copies(numbers, "unhex('01' || hex(randomblob(32)))").replace("; ANALYZE", "");
    let on_postgres = copies(
        "generate_series(1, 1000) n",
        "decode('01' || md5(id || '-' || n) || md5(n || '-' || id), 'hex')",
    );
    world.dialect(&on_sqlite, &on_postgres).await;
    let others = "INSERT INTO image_pull SELECT registry, repository, id, 1 FROM image; \
        INSERT INTO tag (registry, repository, name, image, tagged_at, operation) SELECT registry, repository, 'c' || id, id, 1, 'op' FROM image WHERE tagged = 1";
    world.dialect(others, &format!("{others}; ANALYZE")).await;
    repository
}

/// Fails unless each statement reads ranges of indexes, and one of them has these columns. Sorts and conditions on what
/// was read are allowed only if they are named.
async fn reads_a_range<O: Operation>(world: &World, operation: O, columns: &[&str], allowed: &[&str]) {
    let plans = world.meta.plans(operation).await.unwrap();
    assert!(!plans.is_empty(), "{} ran no statement", O::NAME);
    for Plan { sql, steps } in plans {
        let tell = || format!("{} {sql}\n{}", O::NAME, steps.join("\n"));
        let is_range = |step: &String| {
            let searches = step.contains("Index Cond:") || step.contains("SEARCH");
            searches && columns.iter().all(|column| has_column(step, column))
        };
        assert!(steps.iter().any(is_range), "no range of {columns:?}: {}", tell());
        for (at, step) in steps.iter().enumerate() {
            let of_rows_before = step
                .strip_prefix("SCAN ")
                .is_some_and(|name| steps[..at].contains(&format!("CO-ROUTINE {name}")));
            let scans = step.contains("Seq Scan") || step.starts_with("SCAN ") && !of_rows_before;
            // Rows that are in order except for the tags of one image are sorted image by image.
            let of_one_image = step.contains("Incremental Sort") || step.contains("LAST TERM");
            let of_a_page = steps.iter().skip(at).any(|below| below.contains("Limit  ("));
            let sorts =
                (step.contains("Sort  (") || step.contains("TEMP B-TREE")) && !of_one_image && !of_a_page;
            let is_bad = scans || sorts || step.contains("Filter:");
            assert!(!is_bad || allowed.iter().any(|allowed| step.contains(allowed)), "{step} in {}", tell());
        }
    }
}

fn has_column(step: &str, column: &str) -> bool {
    [" ", "("].iter().any(|before| {
        ["=", ">", " =", " >"].iter().any(|after| step.contains(&format!("{before}{column}{after}")))
    })
}

pub(super) async fn images_by_tag_status(world: World) {
    let repository = many_images(&world).await;
    let tag_statuses = [TagStatus::Any, TagStatus::Tagged, TagStatus::Untagged];
    let states = [None, Some(ImageState::Active), Some(ImageState::Archived), Some(ImageState::Activating)];
    for (tag_status, state) in tag_statuses.into_iter().flat_map(|tagged| states.map(|state| (tagged, state)))
    {
        let is_all = tag_status == TagStatus::Any && state.is_none();
        let columns: &[&str] =
            if is_all { &["repository", "id"] } else { &["repository", "status", "tagged", "id"] };
        // A page of each state and tag status is merged.
        let is_one = is_all || tag_status != TagStatus::Any && state.is_some();
        let merges: &[&str] = if is_one { &[] } else { &["Sort  (", "TEMP B-TREE"] };
        for limit in [10, 1_000] {
            let after = Some(ImageId(5));
            let page = DescribeImages { repository, after, limit, tag_status, state };
            reads_a_range(&world, page, columns, merges).await;
            let after = Some(ImageCursor { image: ImageId(5), tag: Some(tag("t")) });
            // The tags of the image at which the page before ended.
            let allowed = [&[".id > '5'::bigint) OR (t.name > "], merges].concat();
            let list = ListImages { repository, after, limit, tag_status, state };
            reads_a_range(&world, list, columns, &allowed).await;
        }
    }
}

pub(super) async fn referrers_by_artifact_type(world: World) {
    let repository = many_images(&world).await;
    let all_types = [&[][..], &["type/1"], &["type/1", "type/2", "type/3"]];
    let states = [Some(ImageState::Active), None];
    for (types, state) in all_types.into_iter().flat_map(|types| states.map(|state| (types, state))) {
        let artifact_types: Vec<String> = types.iter().map(|kind| (*kind).to_owned()).collect();
        let mut columns = vec!["repository", "subject", "status", "id"];
        columns.extend((!types.is_empty()).then_some("artifact_type"));
        // A page of each state and type is merged.
        let allowed: &[&str] =
            if types.len() > 1 || state.is_none() { &["Sort  (", "TEMP B-TREE"] } else { &[] };
        let (subject, after, limit) = (digest("subject"), Some(ImageId(5)), 10);
        let list = ListReferrers { repository, subject, artifact_types, state, after, limit };
        let measure = MeasureReferrers { list: list.clone(), bytes: 1 };
        reads_a_range(&world, measure, &columns, allowed).await;
        reads_a_range(&world, list, &columns, allowed).await;
    }
}

/// Of many images few refer to one: each statement reads those, not the images of the repository.
pub(super) async fn referrers_of_one_image(world: World) {
    let repository = many_images(&world).await;
    let (name, value) = (REPLICATE_REFERRERS.into(), "ENABLED".into());
    world.meta.write(PutAccountSetting { registry: world.registry, name, value }).await.unwrap();
    super::replication::configure(&world, vec![super::replication::route(1, "us-west-2", "", true)]).await;
    let index = PutImage { children: vec![digest("1")], ..world.image(repository, "index", &["v1"]) };
    world.meta.write(index.clone()).await.unwrap();
    let queue = |after, limit| {
        let subject = ReplicatedSubject { repository, digest: digest("subject"), after };
        QueueReferrers { subject, limit, at: Micros(7) }
    };
    let cursor = ImageCursor { image: ImageId(5), tag: Some(tag("t")) };
    let subject = DeletedSubject { repository, digest: digest("subject"), at: Micros(i64::MAX) };
    let delete = DeleteReferrers {
        subject,
        after: Some(ImageId(5)),
        limit: 10,
        account_id: ACCOUNT.parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        repository_name: "app".to_owned(),
        at: Micros(7),
    };
    let again = PutImage { tags: vec![tag("v2")], op: world.op(), ..index };
    let plans = [
        world.meta.plans(again).await.unwrap(),
        world.meta.plans(queue(None, 10)).await.unwrap(),
        world.meta.plans(queue(Some(cursor), 10)).await.unwrap(),
        world.meta.plans(delete).await.unwrap(),
    ];
    let mut read = 0;
    for Plan { sql, steps } in plans.into_iter().flatten() {
        let all = steps.join("\n");
        // A statement about a subject finds images by it, and reads no table whole.
        let by_subject = sql.contains("subject = ") && sql.contains("SELECT");
        read += usize::from(by_subject);
        let columns = ["subject=?", "subject = "];
        assert!(!by_subject || columns.iter().any(|column| all.contains(column)), "{sql}\n{all}");
        let scans_images = steps.iter().any(|step| {
            step.contains("Seq Scan on image") || step.starts_with("SCAN i") || step.starts_with("SCAN image")
        });
        assert!(!scans_images, "{sql}\n{all}");
    }
    assert!(read >= 5, "{read}");
}

pub(super) async fn images_and_repositories_by_name(world: World) {
    let repository = many_images(&world).await;
    let by_digest = vec![ImageRef { tag: None, digest: Some(digest("1")) }];
    // A hundred images are sorted.
    let sorts = ["Sort  (", "TEMP B-TREE"];
    reads_a_range(&world, FindImages { repository, ids: by_digest }, &["repository", "digest"], &sorts).await;
    let by_tag = vec![ImageRef { tag: Some(tag("t0")), digest: None }];
    reads_a_range(&world, FindImages { repository, ids: by_tag }, &["repository", "name"], &sorts).await;
    let (registry, limit, after) = (world.registry, 10, Some("a".to_owned()));
    let tags = ListTags { repository, after: after.clone(), limit };
    reads_a_range(&world, tags, &["repository", "name"], &[]).await;
    let details = ListTagDetails { repository, after: after.clone(), limit };
    reads_a_range(&world, details, &["repository", "name"], &[]).await;
    let repositories = DescribeRepositories { registry, after: after.clone(), limit };
    reads_a_range(&world, repositories, &["registry", "name"], &[]).await;
    let exclusions = ListPullTimeExclusions { registry, after, limit };
    reads_a_range(&world, exclusions, &["registry", "principal_arn"], &[]).await;
}

/// An account has quotas for its principals and policies, so a path prefix is a condition on what was read of one account.
pub(super) async fn lists_of_accounts(world: World) {
    let (account_id, path_prefix) = (ACCOUNT.parse().unwrap(), "/team/".to_owned());
    let (after, limit) = (String::new(), 10);
    let sorts = ["Filter: (substr(path", "Sort  ("];
    let users = ListEntities { account_id, kind: EntityKind::User, path_prefix, after, limit };
    reads_a_range(&world, users, &["account", "kind", "name_folded"], &sorts).await;
    let accounts = ListAccounts { after: String::new(), limit };
    reads_a_range(&world, accounts, &["account_id"], &[]).await;
    let copied = ListCopiedAccounts { after: None, limit };
    reads_a_range(&world, copied, &["account_id"], &["SCAN one", "SCAN g", "Seq Scan on registry"]).await;
    let members = ListMemberAccounts { after: String::new(), limit };
    reads_a_range(&world, members, &["account_id"], &["Filter: (in_organization = 1)"]).await;
    let (path, after) = ("ou-1/".to_owned(), String::new());
    let of_unit = ListAccountsOfUnit { path: path.clone(), after: after.clone(), limit };
    reads_a_range(&world, of_unit, &["unit_path", "account_id"], &["Filter: (in_organization = 1)"]).await;
    let units = ListOrganizationalUnits { parent_path: path, after, limit };
    reads_a_range(&world, units, &["parent_path", "id"], &[]).await;
}

/// Quotas limit everything else that is counted.
pub(super) async fn the_most_tags_of_an_image(world: World) {
    many_images(&world).await;
    let count = CountRegistries { account_id: ACCOUNT.parse().unwrap() };
    let plans = world.meta.plans(count).await.unwrap();
    let steps: Vec<String> = plans.into_iter().flat_map(|plan| plan.steps).collect();
    let reads = |table: &str, alias: &str| -> Vec<String> {
        let on_sqlite = [format!("SEARCH {alias} "), format!("SCAN {alias} ")];
        let is_read = |step: &&String| {
            step.contains(&format!(" on {table} ")) || on_sqlite.iter().any(|read| step.starts_with(read))
        };
        steps.iter().filter(is_read).cloned().collect()
    };
    let (images, tags) = (reads("image", "i"), reads("tag", "t"));
    let [image] = images.as_slice() else { panic!("{steps:#?}") };
    assert!(image.contains("image_tag_count"), "{steps:#?}");
    assert!(!tags.is_empty() && !tags.iter().any(|step| step.contains("Seq Scan")), "{steps:#?}");
}

pub(super) async fn credentials_of_users(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    let (account_id, after, limit) = (ACCOUNT.parse().unwrap(), String::new(), 10);
    let list = ListUserCredentials { account_id, after, limit };
    // The keys of one user are sorted by their age. Users of an account without statistics are few.
    let sorts = ["LAST 2 TERMS", "Sort  ("];
    reads_a_range(&world, list, &["account", "kind", "name_folded"], &sorts).await;
}

/// A backfill has as many images as a registry.
pub(super) async fn images_of_backfills(world: World) {
    let (id, limit) = ("backfill".to_owned(), 10);
    for status in [None, Some(BackfillItemStatus::Waiting), Some(BackfillItemStatus::Failed)] {
        let list = ListBackfillItems { id: id.clone(), status, after: -1, limit };
        reads_a_range(&world, list, &["backfill", "status"], &[]).await;
    }
    reads_a_range(&world, ListBackfillFailures { id }, &["backfill", "failure_code"], &[]).await;
}
