//! Credential reports.

use super::world::{ACCOUNT, World};
use crate::*;

const HOUR: i64 = 3_600_000_000;

fn start(at: i64) -> StartCredentialReport {
    let (fresh_after, begun_after) = (Micros(at - 4 * HOUR), Micros(at - HOUR));
    StartCredentialReport { account: AccountKey(1), fresh_after, begun_after, at: Micros(at) }
}

async fn found(world: &World) -> Option<CredentialReport> {
    world.meta.read(FindCredentialReport { account_id: ACCOUNT.parse().unwrap() }).await.unwrap()
}

pub(super) async fn a_report_is_replaced_when_it_is_old(world: World) {
    let created = GetAccountCreation { account_id: ACCOUNT.parse().unwrap() };
    assert_eq!(world.meta.read(created).await.unwrap(), Some(Micros(1)));
    assert_eq!(found(&world).await, None);
    let starts = async |at| world.meta.write(start(at)).await.unwrap();
    assert_eq!(starts(10 * HOUR).await, ReportStart::Started);
    // The same operation again, as after a lost answer.
    assert_eq!(starts(10 * HOUR).await, ReportStart::Started);
    assert_eq!(starts(10 * HOUR + 1).await, ReportStart::InProgress);
    // Whoever began it did not end it in an hour.
    assert_eq!(starts(11 * HOUR).await, ReportStart::Started);
    let store = |started_at: i64, content: &str| StoreCredentialReport {
        account: AccountKey(1),
        started_at: Micros(started_at),
        content: content.to_owned(),
        at: Micros(11 * HOUR + 5),
    };
    world.meta.write(store(10 * HOUR, "late")).await.unwrap();
    assert_eq!(found(&world).await.unwrap().generated_at, None);
    world.meta.write(store(11 * HOUR, "a report")).await.unwrap();
    let report = found(&world).await.unwrap();
    let at = Micros(11 * HOUR + 5);
    assert_eq!(report, CredentialReport { started_at: Micros(11 * HOUR), generated_at: Some(at), bytes: 8 });
    let load = |generated_at| LoadCredentialReport { account_id: ACCOUNT.parse().unwrap(), generated_at };
    assert_eq!(world.meta.read(load(at)).await.unwrap().as_deref(), Some("a report"));
    assert_eq!(world.meta.read(load(Micros(1))).await.unwrap(), None);
    assert_eq!(starts(15 * HOUR).await, ReportStart::Complete);
    assert_eq!(starts(15 * HOUR + 5).await, ReportStart::Started);
    assert_eq!(found(&world).await.unwrap().generated_at, None);
}

pub(super) async fn users_are_listed_with_their_credentials(world: World) {
    for (id, name) in [("AIDA1", "Ann"), ("AIDA2", "bob"), ("AIDA3", "cem")] {
        world.user(id, name).await.unwrap();
    }
    let key = |id: &str, owner: &str, at: i64| CreateAccessKey {
        id: id.parse().unwrap(),
        owner: owner.to_owned(),
        sealed_secret: vec![1],
        at: Micros(at),
    };
    let used = "AKIAIOSFODNN7EXAMPL1";
    world.meta.write(key("AKIAIOSFODNN7EXAMPL2", "AIDA1", 8)).await.unwrap();
    world.meta.write(key(used, "AIDA1", 7)).await.unwrap();
    world.meta.write(key("AKIAIOSFODNN7EXAMPL3", "AIDA3", 9)).await.unwrap();
    let (region, service) = ("eu-west-1".to_owned(), "ecr".to_owned());
    let record = RecordAccessKeyUse { id: used.parse().unwrap(), region, service, at: Micros(11) };
    world.meta.write(record).await.unwrap();
    let create = CreateLoginProfile {
        owner: "AIDA2".to_owned(),
        hash: "a".to_owned(),
        reset_required: false,
        at: Micros(5),
    };
    world.meta.write(create).await.unwrap();
    let page = |after: &str, limit| ListUserCredentials {
        account_id: ACCOUNT.parse().unwrap(),
        after: after.to_owned(),
        limit,
    };
    let all = world.meta.read(page("", 10)).await.unwrap();
    let [ann, bob, cem] = all.as_slice() else { panic!("{all:?}") };
    let key = |active_since: i64, last_used| ReportedKey {
        active: true,
        created_at: Micros(active_since),
        last_used,
    };
    let use_of_it = Some((Micros(11), "eu-west-1".to_owned(), "ecr".to_owned()));
    assert_eq!((ann.name.as_str(), &ann.keys), ("Ann", &vec![key(7, use_of_it), key(8, None)]));
    assert_eq!((bob.password_changed_at, bob.keys.len(), bob.has_mfa), (Some(Micros(5)), 0, false));
    assert_eq!((ann.password_changed_at, &cem.keys), (None, &vec![key(9, None)]));
    let mut pages = world.meta.read(page("", 1)).await.unwrap();
    pages.extend(world.meta.read(page("Ann", 1)).await.unwrap());
    pages.extend(world.meta.read(page("bob", 1)).await.unwrap());
    assert_eq!(pages, all);
}
