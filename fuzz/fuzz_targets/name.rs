//! libFuzzer on [`entries::oci::name`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::oci::name(data));
