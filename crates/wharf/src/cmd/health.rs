//! `wharf health`: whether the server of this machine accepts requests, for the health checks of containers.

use std::path::PathBuf;

use clap::Args;

use super::say;
use crate::{aws_client, config};

pub(crate) const HELP: &str = "\
Asks /readyz at the address that `wharf serve` listens on with this file and environment. The exit code is 0 if the server
accepts requests, and 1 if it does not answer within 5 seconds, a store does not answer, or the server is stopping. The
certificate of the server is not verified.

Example:
  wharf health --config /etc/wharf.toml";

#[derive(Args)]
pub(crate) struct Health {
    /// The configuration file of the server (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) async fn run(options: Health) -> anyhow::Result<()> {
    let config = config::load(&options.config)?;
    aws_client::ready(config.options.listen, config.options.tls.is_some()).await?;
    say("ready")
}
