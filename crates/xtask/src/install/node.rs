//! The packages for Node.js, pinned by a lock file: AWS's SDK for JavaScript, with our program that calls it, and
//! cdk-assets.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Tools, program};
use crate::{command, workspace};

/// What is copied to the folder of tools, where the packages are.
const FILES: [&str; 3] = ["package.json", "package-lock.json", "everyday.mjs"];

/// Installs the packages if the lock file or the program has changed.
pub(super) fn packages(tools: &Tools) -> Result<()> {
    let sources = workspace::root().join("tests/e2e/sdk/js");
    let read =
        |name: &&str| fs::read_to_string(sources.join(name)).with_context(|| format!("reading {name}"));
    let contents = FILES.iter().map(read).collect::<Result<Vec<_>>>()?;
    tools.once("node", &contents.concat(), || {
        let folder = tools.root.join("node");
        fs::create_dir_all(&folder)?;
        for (name, content) in FILES.iter().zip(&contents) {
            fs::write(folder.join(name), content)?;
        }
        let npm = program("npm", "/usr/bin/npm", "Node.js 20 runs AWS's SDK for JavaScript and cdk-assets")?;
        let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        command::run(Command::new(npm).args(quiet).current_dir(folder))
    })
}
