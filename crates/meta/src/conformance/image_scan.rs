//! Scans of images, and the configuration of a registry.

use super::world::{World, refusal};
use crate::*;

pub(super) async fn a_scan_is_recorded_once_in_a_time(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "one", &["v1"]).await.id;
    let start = |at: i64, only_one_after| StartImageScan {
        repository,
        image,
        scan: ImageScanRow { status: "FAILED".into(), description: None, started_at: Micros(at) },
        only_one_after: Micros(only_one_after),
    };
    let find = || world.meta.read(FindImageScan { repository, image });
    assert_eq!(find().await.unwrap(), None);
    world.meta.write(start(100, 0)).await.unwrap();
    world.meta.write(start(100, 0)).await.unwrap();
    assert_eq!(refusal(world.meta.write(start(150, 99)).await), StartImageScanRefusal::Limit);
    assert_eq!(find().await.unwrap().unwrap().started_at, Micros(100));
    world.meta.write(start(300, 200)).await.unwrap();
    assert_eq!(find().await.unwrap().unwrap().started_at, Micros(300));
    let items = vec![DeleteItem::ByTag("v1".parse().unwrap())];
    let delete = BatchDeleteImage {
        repository,
        items,
        at: Micros(400),
        tag_delete_removes_untagged_image: true,
        refuse_if_referenced: true,
    };
    world.meta.write(delete).await.unwrap();
    assert_eq!(find().await.unwrap(), None, "the scan goes with its image");
    assert_eq!(refusal(world.meta.write(start(500, 400)).await), StartImageScanRefusal::Gone);
}

pub(super) async fn a_configuration_is_replaced(world: World) {
    let registry = world.registry;
    let get = || world.meta.read(GetScanningConfiguration { registry });
    assert_eq!(get().await.unwrap(), None);
    for (scan_type, rules) in [("BASIC", "[]"), ("ENHANCED", "[1]")] {
        let configuration = ScanningConfiguration { scan_type: scan_type.into(), rules: rules.into() };
        let put = PutScanningConfiguration { registry, configuration: configuration.clone() };
        world.meta.write(put).await.unwrap();
        assert_eq!(get().await.unwrap(), Some(configuration));
    }
}
