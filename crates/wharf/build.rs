//! An option of the linker that makes a release binary smaller (docs/adr/0048-the-size-of-the-binary.md). It is for
//! x86-64 Linux, where Rust brings its linker (LLD).

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let is_here = env::var("HOST").ok() == env::var("TARGET").ok();
    if !(is_here && is("TARGET", "x86_64-unknown-linux-gnu") && is("PROFILE", "release")) {
        return;
    }
    // Addresses that the loader moves take a bit each, instead of 24 bytes.
    if c_library().is_some_and(|version| version >= (2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of glibc here. From 2.36 on, its loader reads packed relocations.
fn c_library() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
