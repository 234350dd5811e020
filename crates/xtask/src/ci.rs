//! Everything that a change must pass. The fast checks come first. A step that fails does not stop the later ones.

use std::time::Instant;

use anyhow::Result;

use crate::tally::Tally;
use crate::{abuse, command, conformance, dependencies, install, pytest, shapes, tidy, workspace};

/// Runs every step and prints the closing line; true if nothing failed.
pub(crate) fn run() -> bool {
    let mut total = Tally::default();
    step(&mut total, "format", || Ok(cargo(&["fmt", "--all", "--check"])));
    step(&mut total, "tidy", || tidy::run().map(Tally::of));
    step(&mut total, "shapes", || shapes::run(true).map(Tally::of));
    step(&mut total, "clippy", || {
        Ok(cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    step(&mut total, "documentation", || Ok(documentation()));
    step(&mut total, "install", || install::run().map(|()| Tally::of(true)));
    step(&mut total, "licences, sources and advisories", dependencies::deny);
    step(&mut total, "cargo test", cargo_test);
    step(&mut total, "abuse", abuse::short);
    step(&mut total, "contract", pytest::contract_on_one_server);
    step(&mut total, "contract of nodes", pytest::short_contract_on_nodes);
    step(&mut total, "conformance", conformance::on_one_server);
    step(&mut total, "conformance of nodes", conformance::short_on_nodes);
    step(&mut total, "end to end", || pytest::e2e(None));
    total.report()
}

fn step(total: &mut Tally, name: &str, run: impl FnOnce() -> Result<Tally>) {
    let start = Instant::now();
    println!("\n== {name}");
    let tally = run().unwrap_or_else(|error| {
        println!("error: {error:#}");
        Tally::of(false)
    });
    println!("== {name}: {} passed, {} failed, {} s", tally.passed, tally.failed, start.elapsed().as_secs());
    *total += tally;
}

fn cargo(words: &[&str]) -> Tally {
    Tally::of(command::run(workspace::cargo().args(words)).is_ok())
}

/// Builds the documentation of every crate. A broken link is an error.
fn documentation() -> Tally {
    let mut doc = workspace::cargo();
    doc.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--locked", "--workspace", "--no-deps"]);
    Tally::of(command::run(&mut doc).is_ok())
}

fn cargo_test() -> Result<Tally> {
    let mut tally = Tally::default();
    let mut test = workspace::cargo();
    test.args(["test", "--locked", "--workspace", "--no-fail-fast", "--quiet"]);
    let success = command::watch(&mut test, |line| tally.add_libtest_line(line))?;
    Ok(tally.with_exit(success))
}
