//! `cargo xtask dist`: the binary to ship. The compiler gets a profile of the requests that the benchmark sends: it puts the
//! code of these together and makes the rest small (docs/adr/0052-a-profile-of-requests.md).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{bench, binary_size, command, workspace};

/// Code that no request ran is made small, and not copied to where it is called from.
const SMALL: [&str; 2] = ["-Cllvm-args=-pgso-lwss-only=false", "-Cllvm-args=-inlinecold-threshold=5"];

/// How the binary is made.
#[derive(Args)]
pub(crate) struct Options {
    /// The profile that an earlier run of the same commit wrote, instead of a new one.
    #[arg(long, value_name = "FILE")]
    profile_data: Option<PathBuf>,
    /// Link the C library too, for an image without anything else: `cargo xtask image --wharf target/dist/wharf-static`.
    #[arg(long)]
    r#static: bool,
}

/// Builds twice: a binary that counts, which then answers the requests of the benchmark, and one that uses the counts.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = workspace::target_folder()?;
    let folder = target.join("dist-profile");
    let data = match &options.profile_data {
        Some(data) => data.canonicalize().with_context(|| data.display().to_string())?,
        None => profile(&folder)?,
    };
    let mut flags = vec![format!("-Cprofile-use={}", data.display())];
    flags.extend(SMALL.map(str::to_owned));
    if options.r#static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
    }
    let built = build(&folder, &flags, &[])?;
    let name = if options.r#static { "wharf-static" } else { "wharf" };
    let place = target.join("dist").join(name);
    fs::create_dir_all(target.join("dist"))?;
    fs::copy(&built, &place).with_context(|| place.display().to_string())?;
    binary_size::check(&place)?;
    println!("{}: {} bytes; its profile: {}", place.display(), fs::metadata(&place)?.len(), data.display());
    Ok(())
}

/// Makes the profile.
fn profile(folder: &Path) -> Result<PathBuf> {
    let merge = llvm_profdata()?;
    let counts = folder.join("counts");
    if counts.exists() {
        fs::remove_dir_all(&counts)?;
    }
    // Optimization across crates would only be slow here; each crate counts before it.
    let flags = [format!("-Cprofile-generate={}", counts.display())];
    let counting = build(folder, &flags, &[("CARGO_PROFILE_DIST_LTO", "off")])?;
    bench::train(&counting)?;
    let data = folder.join("wharf.profdata");
    command::run(Command::new(merge).arg("merge").arg("-o").arg(&data).arg(&counts))?;
    Ok(data)
}

/// Builds for a named target, so that the flags are not for build scripts and macros.
fn build(folder: &Path, flags: &[String], settings: &[(&str, &str)]) -> Result<PathBuf> {
    let triple = printed("host-tuple")?;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--locked", "--package", "wharf", "--bin", "wharf", "--profile", "dist"]);
    cargo.args(["--target", &triple, "--target-dir"]).arg(folder);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")).envs(settings.iter().copied());
    command::run(&mut cargo)?;
    Ok(folder.join(&triple).join("dist/wharf"))
}

/// The program that comes with the compiler: its format is that of one version of LLVM.
fn llvm_profdata() -> Result<PathBuf> {
    let program = Path::new(&printed("target-libdir")?).with_file_name("bin").join("llvm-profdata");
    ensure!(program.exists(), "no {}: run `rustup component add llvm-tools`", program.display());
    Ok(program)
}

/// What the compiler of this checkout says about itself.
fn printed(what: &str) -> Result<String> {
    let mut rustc = Command::new("rustc");
    let text = command::capture(rustc.args(["--print", what]).current_dir(workspace::root()))?;
    Ok(text.trim().to_owned())
}
