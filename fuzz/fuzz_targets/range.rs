//! libFuzzer on [`entries::oci::range`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::oci::range(data));
