//! The binary `wharf`. It reads arguments, environment, files and signals, and connects the parts. No other crate reads
//! these.

mod aws_client;
mod background;
mod backup;
mod blob_store;
mod cli;
mod cmd;
mod config;
mod credentials;
mod data_dir;
mod databases;
mod descriptors;
mod files;
mod key_file;
mod logging;
mod master_key;
mod master_rotation;
mod migration;
mod node;
mod node_identity;
mod object_copies;
mod outgoing;
mod peer_key;
mod serve_help;
mod store_move;
mod systemd;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;
use tikv_jemallocator::Jemalloc;

/// glibc's allocator keeps the memory of large bodies (docs/adr/0002-the-allocator.md).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let outcome = cmd::run(cli);
    logging::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            code(&error)
        }
    }
}

/// The code of the process after an error.
fn code(error: &anyhow::Error) -> ExitCode {
    if error.is::<cmd::backup::Damaged>() {
        return cmd::backup::Damaged::CODE.into();
    }
    error.downcast_ref::<cmd::fsck::Problems>().map_or(ExitCode::FAILURE, |found| found.code().into())
}

#[expect(clippy::print_stderr, reason = "the one place that reports why a command failed")]
fn complain(error: &anyhow::Error) {
    eprintln!("wharf: {error:#}");
}
