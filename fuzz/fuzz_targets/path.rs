//! libFuzzer on [`entries::oci::path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::oci::path(data));
