//! The commands, one file each.

pub(crate) mod account;
pub(crate) mod backup;
pub(crate) mod cache;
mod config_check;
pub(crate) mod copying;
pub(crate) mod credentials;
mod dev;
mod env;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod fsck;
pub(crate) mod gc;
mod gc_text;
pub(crate) mod health;
pub(crate) mod hosts;
pub(crate) mod images;
pub(crate) mod import;
pub(crate) mod keys;
mod kubernetes;
pub(crate) mod lifecycle;
pub(crate) mod migrate_store;
pub(crate) mod oidc;
pub(crate) mod policy;
pub(crate) mod quotas;
pub(crate) mod registry;
pub(crate) mod replication;
pub(crate) mod repository;
pub(crate) mod restore;
mod serve;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod tags;
pub(crate) mod usage;

use std::pin::Pin;

use anyhow::Context as _;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::{logging, systemd};

/// Runs the given command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    // Only the owner can access anything that is created: databases and their logs, blobs, keys.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    if let Some(fault) = &cli.fault {
        fault::arm(fault)?;
    }
    match cli.command {
        Command::Dev(dev) => {
            logging::start(&cli.logging)?;
            block_on(dev::run(dev))
        }
        Command::Env(folder) => env::run(&folder.data_dir),
        Command::Serve { config } => {
            let sockets = systemd::sockets()?;
            logging::start(&cli.logging)?;
            block_on(serve::run(&config, sockets))
        }
        Command::Config(ConfigCommand::Check { file }) => config_check::run(&file),
        Command::Account(command) => block_on(account::run(command)),
        Command::Backup(options) => block_on(backup::run(options)),
        Command::Restore(options) => block_on(restore::run(options)),
        Command::Credentials(command) => {
            // Standard output has only results; the log goes to standard error.
            logging::start(&cli.logging)?;
            block_on(credentials::run(command))
        }
        Command::Events(command) => block_on(events::run(command)),
        Command::Export(options) => block_on(export::run(options)),
        Command::Fsck(options) => block_on(fsck::run(options)),
        Command::Gc(command) => block_on(gc::run(command)),
        Command::Health(options) => block_on(health::run(options)),
        Command::Hosts(options) => block_on(hosts::run(options)),
        Command::Import(options) => block_on(import::run(options)),
        Command::Keys(command) => block_on(keys::run(command)),
        Command::MigrateStore(options) => block_on(migrate_store::run(options)),
        Command::Registry(command) => block_on(registry::run(command)),
        Command::Repository(command) => block_on(repository::run(command)),
        Command::Reconcile(options) => block_on(status::reconcile(options)),
        Command::Status(options) => block_on(status::status(options)),
        Command::Oidc(command) => block_on(oidc::run(command)),
        Command::Images(command) => block_on(images::run(command)),
        Command::Lifecycle(command) => block_on(lifecycle::run(command)),
        Command::Cache(command) => block_on(cache::run(command)),
        Command::Replication(command) => block_on(replication::run(command)),
        Command::Tags(command) => block_on(tags::run(command)),
        Command::Policy(command) => block_on(policy::run(command)),
        Command::Quotas(options) => block_on(quotas::run(options)),
        Command::Usage(options) => block_on(usage::run(options)),
        Command::Version => say(concat!("wharf ", env!("CARGO_PKG_VERSION"))),
    }
}

/// Runs a command to its end. On the heap, because the runtime is compiled with each type of future that it drives.
fn block_on<'a>(command: impl Future<Output = anyhow::Result<()>> + 'a) -> anyhow::Result<()> {
    drive(Box::pin(command))
}

fn drive(command: Pin<Box<dyn Future<Output = anyhow::Result<()>> + '_>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(command)
}

/// Prints lines to standard output. A reader that has closed the pipe is not an error.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
