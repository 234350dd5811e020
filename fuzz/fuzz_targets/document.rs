//! libFuzzer on [`entries::iam::document`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::iam::document(data));
