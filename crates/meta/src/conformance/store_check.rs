//! The check of the store beside requests: one at a time, each slice recorded once.

use super::world::{World, refusal};
use crate::*;

pub(super) async fn one_check_is_recorded_slice_by_slice(world: World) {
    assert_eq!(world.meta.read(GetStoreCheck).await.unwrap(), None);
    let start = |id: &str| {
        let (id, progress) = (id.to_owned(), "at the start".to_owned());
        world.meta.write(StartStoreCheck { id, repair: true, quick: false, progress, at: Micros(5) })
    };
    start("a").await.unwrap();
    start("a").await.unwrap();
    assert_eq!(refusal(start("b").await), CheckInProgress);
    let slice = |version, findings: &[&str], ended_at| {
        let findings = findings.iter().map(|finding| (*finding).to_owned()).collect();
        let (id, progress) = ("a".to_owned(), format!("after {version}"));
        world.meta.write(RecordCheckSlice { id, version, progress, findings, ended_at })
    };
    slice(0, &["one", "two"], None).await.unwrap();
    assert_eq!(refusal(slice(0, &["one", "two"], None).await), SliceRecorded, "another node was faster");
    assert_eq!(refusal(start("a").await), CheckInProgress, "it has begun");
    slice(1, &["three"], Some(Micros(9))).await.unwrap();
    assert_eq!(refusal(slice(2, &[], None).await), SliceRecorded, "it is over");
    let check = world.meta.read(GetStoreCheck).await.unwrap().unwrap();
    assert_eq!((check.progress.as_str(), check.findings, check.ended_at), ("after 1", 3, Some(Micros(9))));
    assert!(check.repair && !check.quick);
    let findings = async |from, limit| world.meta.read(ListCheckFindings { from, limit }).await.unwrap();
    assert_eq!(findings(0, 2).await, ["one", "two"]);
    assert_eq!(findings(2, 2).await, ["three"]);
    start("b").await.unwrap();
    assert_eq!(findings(0, 9).await, [] as [&str; 0]);
}
