//! Compresses the long list of AWS-managed policies for the binary (docs/adr/0048-the-size-of-the-binary.md).

use std::path::Path;
use std::{env, fs, io};

const LIST: &str = "src/managed/others.tsv";

/// zlib's best.
const LEVEL: u8 = 9;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={LIST}");
    let folder = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    let compressed = miniz_oxide::deflate::compress_to_vec(&fs::read(LIST)?, LEVEL);
    fs::write(Path::new(&folder).join("others.tsv.deflate"), compressed)
}
