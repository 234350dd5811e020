//! libFuzzer on [`entries::oci::digest`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::oci::digest(data));
