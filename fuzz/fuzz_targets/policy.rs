//! libFuzzer on [`entries::iam::policy`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::iam::policy(data));
