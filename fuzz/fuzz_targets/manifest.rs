//! libFuzzer on [`entries::oci::manifest`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::oci::manifest(data));
