//! Our program that calls AWS's SDK for Java, built with Maven.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Tools, program};
use crate::{command, workspace};

const SOURCE: &str = "src/main/java/Everyday.java";

/// Builds the program if it has changed, or the versions in its pom.xml.
pub(super) fn programs(tools: &Tools) -> Result<()> {
    let sources = workspace::root().join("tests/e2e/sdk/java");
    let read = |name| fs::read_to_string(sources.join(name)).with_context(|| format!("reading {name}"));
    let (pom, source) = (read("pom.xml")?, read(SOURCE)?);
    tools.once("sdk-java", &format!("{pom}{source}"), || {
        let folder = tools.root.join("src/sdk-java");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(folder.join("src/main/java"))?;
        fs::write(folder.join("pom.xml"), &pom)?;
        fs::write(folder.join(SOURCE), &source)?;
        let maven = program(
            "mvn",
            "/usr/bin/mvn",
            "Maven and a JDK (17 or newer) build the test of AWS's SDK for Java",
        )?;
        let goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"];
        command::run(Command::new(maven).args(["--batch-mode", "--quiet"]).args(goals).current_dir(folder))
    })
}
