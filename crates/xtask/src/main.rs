//! `cargo xtask`: everything about the project that is not the server itself: installing the clients that the tests
//! drive, the suites, the rules of the workspace, the benchmark, the attacks. One subcommand, one file.
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod abuse;
mod bench;
mod ci;
mod command;
mod conformance;
mod dependencies;
mod install;
mod process;
mod pytest;
mod running;
mod tally;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Automation of the Wharf workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the suites drive: Debian packages, a Python environment, clients built from Go modules.
    Install,
    /// Drive a `wharf dev` with every real client; a filter is passed to pytest's -k.
    E2e {
        /// A pytest -k expression, such as `skopeo` or `docker and not arch`.
        filter: Option<String>,
    },
    /// Run the OCI conformance suite, every option on, for OCI_VERSION 1.1 and dev.
    Conformance,
    /// Check the botocore contract of the control plane.
    Contract,
    /// Check the rules of the workspace: who may depend on whom, file lengths, file headers.
    Tidy,
    /// Everything that a change must pass; closes with a line "N passed, N failed".
    Ci,
    /// Attack a server with everything that is known to hurt one, honest traffic beside it.
    Abuse(abuse::Options),
    /// Measure Wharf beside Debian's docker-registry and nginx on the same data.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Install => install::run().map(|()| true),
        Task::E2e { filter } => pytest::e2e(filter.as_deref()).map(tally::Tally::report),
        Task::Conformance => conformance::run().map(tally::Tally::report),
        Task::Contract => pytest::contract().map(tally::Tally::report),
        Task::Tidy => tidy::run(),
        Task::Ci => Ok(ci::run()),
        Task::Abuse(options) => abuse::run(&options).map(tally::Tally::report),
        Task::Bench(options) => bench::run(&options).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
