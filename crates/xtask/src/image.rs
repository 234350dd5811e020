//! The container image, without a container engine: from scratch, with a static binary, the certificate authorities and a
//! user that is not root. It is an OCI image layout, and the same binaries give the same digest.

mod binary;
mod content;
mod layout;
mod tape;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use binary::Static;
use layout::Layout;

/// How the image is made.
#[derive(Args)]
pub(crate) struct Options {
    /// A static binary for the image, for each architecture; without it the binary is built.
    #[arg(long, value_name = "PATH")]
    wharf: Vec<PathBuf>,
    /// The architectures to build for; another one than the machine's needs its cross compiler and Rust target.
    #[arg(long, value_delimiter = ',', conflicts_with = "wharf")]
    arch: Vec<Architecture>,
    /// The cargo profile to build with.
    #[arg(long, default_value = "dist")]
    profile: String,
    /// The folder to write; it is replaced.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Also writes the layout as one file, for `podman load` and `skopeo copy oci-archive:`.
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
}

/// A processor that images are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    const ALL: [Self; 2] = [Self::Amd64, Self::Arm64];

    /// The name in OCI's platforms.
    fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in Rust's targets and in those of GCC.
    fn of_rust(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// The processor of this machine.
    fn here() -> Result<Self> {
        match Self::ALL.into_iter().find(|one| one.of_rust() == std::env::consts::ARCH) {
            Some(here) => Ok(here),
            None => bail!("images are not made for the processor of this machine: name one with --arch"),
        }
    }
}

/// Writes the layout and prints the digest of the image.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut binaries = if options.wharf.is_empty() {
        let wanted = if options.arch.is_empty() { vec![Architecture::here()?] } else { options.arch.clone() };
        wanted.into_iter().map(|one| binary::build(one, &options.profile)).collect::<Result<Vec<_>>>()?
    } else {
        options.wharf.iter().map(|path| Static::open(path)).collect::<Result<Vec<_>>>()?
    };
    binaries.sort_by_key(|binary| binary.architecture);
    if binaries.windows(2).any(|pair| matches!(pair, [a, b] if a.architecture == b.architecture)) {
        bail!("two binaries are for the same architecture");
    }
    let output = match &options.output {
        Some(folder) => folder.clone(),
        None => crate::workspace::target_folder()?.join("image/oci"),
    };
    let mut layout = Layout::create(&output)?;
    for binary in &binaries {
        layout.add(binary)?;
    }
    let digest = layout.finish()?;
    if let Some(archive) = &options.archive {
        tape::pack_folder(&output, archive)?;
    }
    let names: Vec<&str> = binaries.iter().map(|binary| binary.architecture.name()).collect();
    println!("{} {} {digest}", output.display(), names.join(","));
    Ok(())
}
