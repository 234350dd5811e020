//! The programs that are Rust crates, each with a version pinned here and built with its own lock file.

use anyhow::Result;

use super::Tools;
use crate::{command, workspace};

/// Crates on crates.io, with their versions.
const INSTALLED: [(&str, &str); 1] = [("cargo-deny", "0.20.2")];

/// Builds the programs that are missing.
pub(super) fn programs(tools: &Tools) -> Result<()> {
    for (name, version) in INSTALLED {
        tools.once(name, version, || tools.cargo_install(name, version))?;
    }
    Ok(())
}

impl Tools {
    fn cargo_install(&self, name: &str, version: &str) -> Result<()> {
        let mut install = workspace::cargo();
        // Cargo builds in a temporary folder: its output would only fill the workspace's target folder.
        install.env_remove("CARGO_TARGET_DIR");
        install.args(["install", "--locked", "--force", "--root"]).arg(&self.root);
        command::run(install.args(["--version", version, name]))
    }
}
