//! The static binary: built, or given and checked. It needs nothing of the system that it runs on, so it runs in an image
//! without anything else. glibc is linked: it resolves names from /etc/hosts and by DNS without loading a library, and the
//! allocator and its settings stay those of the other builds.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Architecture;
use crate::{binary_size, command, workspace};

/// A static binary for Linux.
pub(super) struct Static {
    pub(super) architecture: Architecture,
    pub(super) content: Vec<u8>,
}

impl Static {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let architecture = elf(&content).with_context(|| path.display().to_string())?;
        Ok(Self { architecture, content })
    }
}

/// Builds the server for an architecture.
pub(super) fn build(architecture: Architecture, profile: &str) -> Result<Static> {
    let mut cargo = workspace::cargo();
    cargo.args(["rustc", "--locked", "--package", "wharf", "--bin", "wharf", "--profile", profile]);
    let mut folder = workspace::target_folder()?;
    let triple = format!("{}-unknown-linux-gnu", architecture.of_rust());
    if architecture == Architecture::Arm64 {
        // Kernels for this processor have pages of 4, 16 or 64 KiB. The allocator works with pages up to the size that it is
        // built for.
        cargo.env("JEMALLOC_SYS_WITH_LG_PAGE", "16");
    }
    if architecture != Architecture::here()? {
        let cross = format!("{}-linux-gnu-gcc", architecture.of_rust());
        let variable = triple.to_uppercase().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{variable}_LINKER"), &cross);
        cargo.env(format!("CC_{}", triple.replace('-', "_")), &cross);
        cargo.args(["--target", &triple]);
        folder.push(&triple);
    }
    // Only the last link differs from the usual build, so a build for this machine shares its libraries.
    cargo.args(["--", "-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
    let place = folder.join(if profile == "dev" { "debug" } else { profile }).join("wharf");
    let usual = Usual::keep(&place)?;
    command::run(&mut cargo).with_context(|| format!("cannot build for {}", architecture.name()))?;
    if profile != "dev" {
        binary_size::check(&place)?;
    }
    let built = Static::open(&place)?;
    usual.put_back()?;
    Ok(built)
}

/// The binary of the usual build. Cargo writes both kinds to one place.
struct Usual {
    place: PathBuf,
    kept: Option<PathBuf>,
}

impl Usual {
    /// Cargo replaces the file and does not write into it, so a second name keeps it.
    fn keep(place: &Path) -> Result<Self> {
        let kept = place.with_extension("usual");
        let _ = fs::remove_file(&kept);
        let kept = place.exists().then_some(kept);
        if let Some(kept) = &kept {
            fs::hard_link(place, kept)?;
        }
        Ok(Self { place: place.to_owned(), kept })
    }

    fn put_back(self) -> Result<()> {
        fs::remove_file(&self.place)?;
        match &self.kept {
            Some(kept) => Ok(fs::rename(kept, &self.place)?),
            None => Ok(()),
        }
    }
}

/// The architecture of a static ELF file (elf(5)). A dynamic one names the program that loads its libraries.
fn elf(content: &[u8]) -> Result<Architecture> {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, bytes: usize| -> Result<u64> {
        let field = content.get(at..at + bytes).context("not a whole ELF file")?;
        Ok(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    };
    // 64 bits, little-endian.
    if !content.starts_with(b"\x7fELF\x02\x01") {
        bail!("not an ELF file of 64 bits");
    }
    let architecture = match number(18, 2)? {
        62 => Architecture::Amd64,
        183 => Architecture::Arm64,
        other => bail!("images are not made for the ELF machine {other}"),
    };
    let (headers, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for header in 0..count {
        let at = usize::try_from(headers + header * size)?;
        if number(at, 4)? == u64::from(INTERPRETER) {
            bail!("not a static binary: link it with -C target-feature=+crt-static");
        }
    }
    Ok(architecture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_binary_is_refused() {
        let this = std::env::current_exe().unwrap();
        let error = Static::open(&this).err().unwrap();
        assert!(format!("{error:#}").contains("not a static binary"), "{error:#}");
        let mut content = fs::read(this).unwrap();
        content[18] = 40;
        assert!(elf(&content).unwrap_err().to_string().contains("machine 40"));
        assert!(elf(&content[..20]).is_err());
        assert!(elf(b"#!/bin/sh\n").is_err());
    }
}
