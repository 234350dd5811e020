//! The fuzz targets of this crate, run by proptest: every `cargo test` runs the same code as libFuzzer.

use proptest::prelude::*;

#[path = "../../../../fuzz/src/iam.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets call these functions from another crate")]
mod entries;
#[path = "../../../../fuzz/stable/mutate.rs"]
mod mutate;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn policy_holds_its_properties(data in mutate::input("policy")) {
        entries::policy(&data);
    }

    #[test]
    fn document_holds_its_properties(data in mutate::input("document")) {
        entries::document(&data);
    }
}
