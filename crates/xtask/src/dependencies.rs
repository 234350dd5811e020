//! The checks of the dependencies by `cargo deny`: licences, sources, bans and known vulnerabilities.

use std::process::Command;

use anyhow::Result;

use crate::tally::Tally;
use crate::{command, workspace};

/// The checks of `cargo deny` that need no network.
const OFFLINE: [&str; 3] = ["bans", "licenses", "sources"];

/// `cargo deny check` with the rules of `deny.toml`. Without the advisory database it prints a note and checks
/// everything except advisories, so a machine without access to github.com can run the other checks.
pub(crate) fn deny() -> Result<Tally> {
    let mut check = tool("cargo-deny")?;
    match command::capture(tool("cargo-deny")?.args(["fetch", "db"])) {
        Ok(_) => check.args(["check", "--hide-inclusion-graph"]),
        Err(error) => {
            println!("advisories were NOT checked, because their database could not be fetched: {error:#}");
            check.args(["--offline", "check", "--hide-inclusion-graph"]).args(OFFLINE)
        }
    };
    Ok(Tally::of(command::run(&mut check).is_ok()))
}

/// A program that `cargo xtask install` built, called at the root of the checkout.
fn tool(name: &str) -> Result<Command> {
    let mut tool = Command::new(workspace::tools()?.join("bin").join(name));
    tool.current_dir(workspace::root());
    Ok(tool)
}
