//! libFuzzer on [`entries::aws::ecr_json`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::aws::ecr_json(data));
