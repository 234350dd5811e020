//! `wharf credentials`: credentials of a role, for a node or a pod.

mod options;
mod process;
mod serve;

use clap::Subcommand;

use options::{Process, Serve};

#[derive(Subcommand)]
pub(crate) enum CredentialsCommand {
    /// Print credentials of a role in the format of AWS SDKs' credential_process.
    #[command(after_help = options::PROCESS_HELP)]
    Process(Process),
    /// Serve credentials of a role to the software on this machine, as EC2 and ECS do.
    #[command(after_help = options::SERVE_HELP)]
    Serve(Serve),
}

/// Runs the command. `serve` writes a log; `process` must not.
pub(crate) async fn run(command: CredentialsCommand) -> anyhow::Result<()> {
    match command {
        CredentialsCommand::Process(options) => process::run(options).await,
        CredentialsCommand::Serve(options) => serve::run(options).await,
    }
}
