//! libFuzzer on [`entries::aws::sigv4`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::aws::sigv4(data));
