//! The fuzz targets of this crate, driven by proptest: every `cargo test` runs what libFuzzer runs.

use proptest::prelude::*;

#[path = "../../../../fuzz/src/aws.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets call these functions from another crate")]
mod entries;
#[path = "../../../../fuzz/stable/mutate.rs"]
mod mutate;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sigv4_keeps_its_promises(data in mutate::input("sigv4")) {
        entries::sigv4(&data);
    }

    #[test]
    fn ecr_json_keeps_its_promises(data in mutate::input("ecr_json")) {
        entries::ecr_json(&data);
    }
}
