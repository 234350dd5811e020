//! `cargo xtask`: the automation of the project: installing clients, running the suites, the rules of the workspace,
//! the benchmark, the attacks. Each subcommand has one file.
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod abuse;
mod bench;
mod binary_size;
mod ci;
mod command;
mod conformance;
mod dependencies;
mod dist;
mod image;
mod install;
mod process;
mod pytest;
mod running;
mod shapes;
mod soak;
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
    /// Install what the suites use: Debian packages, a Python environment, and tools built from Go modules and Rust
    /// crates.
    Install,
    /// Test `wharf dev` with every real client; a filter is passed to pytest's -k.
    E2e {
        /// A pytest -k expression, such as `skopeo` or `docker and not arch`.
        filter: Option<String>,
    },
    /// Run the OCI conformance suite with every option, for OCI_VERSION 1.1 and dev.
    Conformance(conformance::Options),
    /// Compare the control plane with botocore's model, on one server or with --nodes on a cluster.
    Contract(pytest::ContractOptions),
    /// Check the rules of the workspace: dependencies between crates, unused dependencies, file lengths, file headers.
    Tidy,
    /// Write the shapes of AWS's services from their models.
    Shapes {
        /// Only compare with what is checked in.
        #[arg(long)]
        check: bool,
    },
    /// Run everything that a change must pass; ends with a line "N passed, N failed".
    Ci,
    /// Run every known attack on a server while honest clients use it.
    Abuse(abuse::Options),
    /// Push, pull, delete, expire by lifecycle policies and collect at random for some time, with kill -9 every second or so;
    /// then nothing is lost and nothing is left. With --nodes, on a cluster, with faults of PostgreSQL, S3 and the network.
    Soak(soak::Options),
    /// Make the container image, without a container engine.
    Image(image::Options),
    /// Make the binary to ship: optimized for the requests that the benchmark sends. It takes two builds.
    Dist(dist::Options),
    /// Compare Wharf with distribution 3, Debian's docker-registry and nginx on the same data.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Install => install::run().map(|()| true),
        Task::E2e { filter } => pytest::e2e(filter.as_deref()).map(tally::Tally::report),
        Task::Conformance(options) => conformance::run(&options).map(tally::Tally::report),
        Task::Contract(options) => pytest::contract(&options).map(tally::Tally::report),
        Task::Tidy => tidy::run(),
        Task::Shapes { check } => shapes::run(check),
        Task::Ci => Ok(ci::run()),
        Task::Abuse(options) => abuse::run(&options).map(tally::Tally::report),
        Task::Soak(options) => soak::run(&options),
        Task::Image(options) => image::run(&options).map(|()| true),
        Task::Dist(options) => dist::run(&options).map(|()| true),
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
