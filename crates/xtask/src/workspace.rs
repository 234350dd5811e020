//! Paths: the checkout, cargo's output, the folder of installed tools.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{binary_size, command};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// A cargo command that runs at the root, with the cargo that started this process.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The output of `cargo metadata`, with the whole resolved graph.
pub(crate) fn metadata() -> Result<Value> {
    let text = command::capture(cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    serde_json::from_str(&text).context("cargo metadata is not JSON")
}

/// Builds the server and returns its path.
pub(crate) fn build_wharf(release: bool) -> Result<PathBuf> {
    let profile = if release { "release" } else { "debug" };
    let mut build = cargo();
    build.args(["build", "--locked", "--package", "wharf", "--bin", "wharf"]);
    if release {
        build.arg("--release");
    }
    command::run(&mut build)?;
    let binary = target_folder()?.join(profile).join("wharf");
    if release {
        binary_size::check(&binary)?;
    }
    Ok(binary)
}

/// Cargo's target folder; it exists.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata.get("target_directory").and_then(Value::as_str);
    let target = PathBuf::from(target.context("cargo metadata names no target directory")?);
    std::fs::create_dir_all(&target)?;
    Ok(target)
}

/// A git command that runs at the root.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(root());
    command
}

/// The folder of tools that `cargo xtask install` fills: `WHARF_TOOLS`, else `~/.cache/wharf-tools`.
pub(crate) fn tools() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("WHARF_TOOLS") {
        return Ok(folder.into());
    }
    let home = env::var_os("HOME").context("neither WHARF_TOOLS nor HOME is set")?;
    Ok(Path::new(&home).join(".cache/wharf-tools"))
}

/// `PATH` with the installed tools first, and the system folders that a shell of a normal user may lack.
pub(crate) fn path_with_tools() -> Result<OsString> {
    let tools = tools()?;
    let mut folders = vec![tools.join("bin"), tools.join("venv/bin")];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders.extend(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from));
    env::join_paths(folders).context("PATH cannot be joined")
}
