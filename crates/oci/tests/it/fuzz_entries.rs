//! The fuzz targets of this crate, run by proptest: every `cargo test` runs the same code as libFuzzer.

use proptest::prelude::*;

#[path = "../../../../fuzz/src/oci.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets call these functions from another crate")]
mod entries;
#[path = "../../../../fuzz/stable/mutate.rs"]
mod mutate;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn path_keeps_its_promises(data in mutate::input("path")) {
        entries::path(&data);
    }

    #[test]
    fn name_keeps_its_promises(data in mutate::input("name")) {
        entries::name(&data);
    }

    #[test]
    fn digest_holds_its_properties(data in mutate::input("digest")) {
        entries::digest(&data);
    }

    #[test]
    fn manifest_holds_its_properties(data in mutate::input("manifest")) {
        entries::manifest(&data);
    }

    #[test]
    fn range_keeps_its_promises(data in mutate::input("range")) {
        entries::range(&data);
    }
}
