//! The binary `wharf`: reads arguments, environment, files and signals, and wires the parts together. Nothing
//! below this crate reads any of these.

mod aws_client;
mod background;
mod cli;
mod cmd;
mod config;
mod credentials;
mod data_dir;
mod descriptors;
mod files;
mod logging;
mod master_key;
mod master_rotation;
mod node;
mod node_identity;
mod outgoing;

use std::process::ExitCode;

use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

/// glibc's keeps what bursts of large bodies took (docs/adr/0002).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cmd::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place where a failed command tells why")]
fn complain(error: &anyhow::Error) {
    eprintln!("wharf: {error:#}");
}
