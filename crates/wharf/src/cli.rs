//! The command line. Most users read its help first, so each command explains what it does and shows examples.

use std::net::SocketAddr;
use std::path::PathBuf;

use aws::ids::{AccountId, Region};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cmd::account::{AccountCommand, account_name};
use crate::cmd::backup::{self, Backup};
use crate::cmd::cache::CacheCommand;
use crate::cmd::credentials::CredentialsCommand;
use crate::cmd::events::EventsCommand;
use crate::cmd::export::{self, Export};
use crate::cmd::fsck::Fsck;
use crate::cmd::gc::GcCommand;
use crate::cmd::health::{self, Health};
use crate::cmd::hosts::{self, Hosts};
use crate::cmd::images::ImagesCommand;
use crate::cmd::import::{self, Import};
use crate::cmd::keys::KeysCommand;
use crate::cmd::lifecycle::LifecycleCommand;
use crate::cmd::migrate_store::{self, MigrateStore};
use crate::cmd::oidc::OidcCommand;
use crate::cmd::policy::PolicyCommand;
use crate::cmd::quotas::Quotas;
use crate::cmd::registry::RegistryCommand;
use crate::cmd::replication::ReplicationCommand;
use crate::cmd::repository::RepositoryCommand;
use crate::cmd::restore::{self, Restore};
use crate::cmd::status::Reconcile;
use crate::cmd::store::Options;
use crate::cmd::tags::TagsCommand;
use crate::config::host_name;
use crate::serve_help::SERVE_HELP;

/// Amazon ECR that you can run yourself: docker push and pull, and the ECR API, in one binary.
#[derive(Parser)]
#[command(
    name = "wharf",
    version,
    propagate_version = true,
    after_help = "\
Try it:
  wharf dev                                   # in one terminal
  eval \"$(wharf env)\"                         # in another
  aws ecr create-repository --repository-name hello
  aws ecr get-login-password | docker login --username AWS --password-stdin $WHARF_REGISTRY
  docker tag hello $WHARF_REGISTRY/hello && docker push $WHARF_REGISTRY/hello"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) logging: Logging,
    /// End the process at a named fault point (`name` or `name:count`). For crash tests.
    #[arg(long, global = true, hide = true)]
    pub(crate) fault: Option<String>,
}

/// The format of the log. The log goes to standard error; standard output has only results.
#[derive(Args)]
pub(crate) struct Logging {
    /// The format of the log; by default text on a terminal and JSON elsewhere.
    #[arg(long, global = true, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
    /// What to log: a level (`error`, `warn`, `info`, `debug`) or directives such as `info,wharf::access=off`.
    #[arg(long, global = true, env = "WHARF_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text for each event.
    Text,
    /// One JSON object for each event.
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a registry for development, without configuration; the first start creates an access key.
    #[command(after_help = "\
The data folder contains the account, the access key and everything that was pushed; the next start uses them again. The
access key belongs to an IAM user with AdministratorAccess. To choose the access key of a new folder, for example in CI,
set WHARF_DEV_ACCESS_KEY_ID and WHARF_DEV_SECRET_ACCESS_KEY.

The environment can set every setting of `wharf serve` (see its --help) except data_dir and [bootstrap]:
WHARF__METRICS__LISTEN=127.0.0.1:9100 sets `listen` of [metrics]. The options of this command override the environment.

Examples:
  wharf dev
  wharf dev --data-dir /tmp/registry --listen 127.0.0.1:0
  wharf dev --account-id 123456789012 --region eu-west-1
  wharf dev --account shared-tooling=111122223333 --account staging
  wharf dev --listen 0.0.0.0:5100 --public-host wharf:5100         # for the containers of a compose file
  wharf dev --public-suffix registry.test                          # with names from `wharf hosts`")]
    Dev(Dev),
    /// Print the environment variables for `wharf dev`: eval \"$(wharf env)\"
    #[command(after_help = "\
Sets only the endpoints of the services that Wharf has. Calls to other services, for example S3, still go to AWS.

Examples:
  eval \"$(wharf env)\"
  eval \"$(wharf env --data-dir /tmp/registry)\"")]
    Env(DataDir),
    /// Copy everything to a folder or a bucket, while the server runs.
    #[command(after_help = backup::HELP)]
    Backup(Backup),
    /// Make a new data folder from a backup.
    #[command(after_help = restore::HELP)]
    Restore(Restore),
    /// Move a deployment to another database and another store of layers, while it serves pulls.
    #[command(after_help = migrate_store::HELP)]
    MigrateStore(MigrateStore),
    /// Show the targets of events and what waits for them, and deliver dead letters again.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Copy repositories into a folder of OCI layouts, for another network or as a backup.
    #[command(after_help = export::HELP)]
    Export(Export),
    /// Check that each row has its bytes and each file has its row.
    #[command(after_help = "\
Reads all bytes and compares their digests; --quick compares lengths. On a running server the check goes in small slices,
beside requests and across restarts: the command starts it, or follows the one that is in progress, and waits for its end.
The caller must be in the management account and needs organizations:WharfStartCheck and organizations:WharfDescribeCheck.
With --data-dir or --config the command opens the store itself; with SQLite the server must be stopped. Exit codes: 0 nothing is wrong, 3 everything that was wrong is repaired, 4 something is wrong, 1 the check failed.

With --repair, unknown files are moved to the folder quarantine, and a layer whose bytes are lost is removed from its
repositories: its images cannot be pulled until a client pushes the layer again, which it then does by itself.

Examples:
  wharf fsck
  wharf fsck --data-dir .wharf
  wharf fsck --config /etc/wharf.toml --quick --json
  wharf fsck --config /etc/wharf.toml --repair")]
    Fsck(Fsck),
    /// Run the collection of garbage, show its state, and explain what keeps a digest.
    #[command(subcommand)]
    Gc(GcCommand),
    /// Check whether the server of this machine accepts requests.
    #[command(after_help = health::HELP)]
    Health(Health),
    /// Print lines for a hosts file, for registries with host names.
    #[command(after_help = "\
For machines and containers whose DNS server does not know the names of the registries. The accounts come from the server,
as in `wharf account list`; with --account no server is called. Without a hosts file the account ID can be in the path:
localhost:5100/111122223333/app.

Examples:
  wharf dev --public-suffix registry.test --account shared-tooling=111122223333
  wharf hosts | sudo tee -a /etc/hosts                  # while `wharf dev --public-suffix` runs
  wharf hosts --public-suffix registry.test --address 172.18.0.2 --regions us-east-1,eu-west-1
  wharf hosts --public-suffix registry.test --account 111122223333 --region us-east-1 --json")]
    Hosts(Hosts),
    /// Protect images and tags against deletion, and report which images are in use.
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Copy repositories from another registry, or from a folder, into this one.
    #[command(after_help = import::HELP)]
    Import(Import),
    /// Run a registry from a configuration file.
    #[command(after_long_help = SERVE_HELP)]
    Serve {
        /// The configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Check configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Create, list, rename and close accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Get credentials of a role for a node or a pod, without a long-term key in the environment of its software.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// List and rotate the keys that encrypt docker passwords, sessions and secrets at rest.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Carry out lifecycle policies at once, preview them, and show what they did.
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// Show how far the replication of a registry has come.
    #[command(subcommand)]
    Replication(ReplicationCommand),
    /// Show what the tags of a repository named before, and restore a tag.
    #[command(subcommand)]
    Tags(TagsCommand),
    /// Work on the pull-through cache.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Configure how the keys of OIDC providers are obtained.
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Explain permission decisions, and validate policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Show the quotas and request rates of accounts, and how much of them is used.
    #[command(after_help = "\
USED is shown for what an account has (with --account) and for storage quotas. On a running server the caller must be in the
management account and needs organizations:WharfDescribeQuotas. With --data-dir or --config the command opens the store
itself; with SQLite the server must be stopped.

Examples:
  wharf quotas
  wharf quotas --account 111122223333
  wharf quotas --account 111122223333 --json --config /etc/wharf.toml")]
    Quotas(Quotas),
    /// Run background work at once.
    #[command(after_help = "\
Each reconciler runs by itself, on one node at a time. On a running server the caller must be in the management account and
needs organizations:WharfRunReconciler and organizations:WharfListReconcilers. With --data-dir or --config the command
opens the store itself; with SQLite the server must be stopped.

Examples:
  wharf reconcile sweep-objects --now
  wharf reconcile purge-repositories --now --json --data-dir .wharf")]
    Reconcile(Reconcile),
    /// Place the registries of accounts in other databases.
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Give repositories other names, or move them to other accounts.
    #[command(subcommand)]
    Repository(RepositoryCommand),
    /// Show the background work: what runs, what ran last and how it ended, what runs next.
    #[command(after_help = "\
On a running server the caller must be in the management account and needs organizations:WharfListReconcilers. With
--data-dir or --config the command opens the store itself; with SQLite the server must be stopped.

Examples:
  wharf status
  wharf status --json --config /etc/wharf.toml")]
    Status(Options),
    /// Show how many bytes, images and tags repositories, registries and the deployment have.
    #[command(after_help = "\
Logical bytes count a layer in each repository that has it. Physical bytes count it once in the registry, or once in the
deployment. On a running server the caller must be in the management account and needs organizations:WharfDescribeUsage.
With --data-dir or --config the command opens the store itself; with SQLite the server must be stopped.

Examples:
  wharf usage
  wharf usage --json --config /etc/wharf.toml")]
    Usage(Options),
    /// Print the version.
    Version,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and the environment, as `wharf serve` reads them.
    #[command(after_help = "\
Reads certificate files. Creates no files, opens no store and listens on no port.

Example:
  wharf config check /etc/wharf.toml && systemctl restart wharf")]
    Check {
        /// The configuration file (TOML).
        file: PathBuf,
    },
}

/// The data folder of a development registry.
#[derive(Args)]
pub(crate) struct DataDir {
    /// The data folder.
    #[arg(long, env = "WHARF_DATA_DIR", default_value = ".wharf", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// The address and port to listen on; port 0 means a free port [default: 127.0.0.1:5100].
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The account ID, 12 digits [default on the first start: random].
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<AccountId>,
    /// The Region [default on the first start: us-east-1].
    #[arg(long)]
    pub(crate) region: Option<Region>,
    /// Gives registries the names ACCOUNT.dkr.ecr.REGION.SUFFIX, for clients that can resolve them (see `wharf hosts`).
    #[arg(long, value_name = "SUFFIX", value_parser = hosts::suffix)]
    pub(crate) public_suffix: Option<String>,
    /// The host (and port) that clients use, for example behind a proxy or in a compose network.
    #[arg(long, value_name = "HOST[:PORT]", value_parser = host_and_port)]
    pub(crate) public_host: Option<(String, Option<u16>)>,
    /// Another account, created if it does not exist; can be repeated.
    #[arg(long = "account", value_name = "NAME[=ID]", value_parser = named_account)]
    pub(crate) accounts: Vec<(String, Option<AccountId>)>,
}

/// `HOST` or `HOST:PORT`; an IPv6 address has brackets.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, Some(port.parse().map_err(|error| format!("port {port}: {error}"))?))
        }
        _ => (text, None),
    };
    let is_host = host_name(host) && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'));
    if is_host { Ok((host.to_owned(), port)) } else { Err(format!("\"{host}\" is not a host name")) }
}

/// `NAME` or `NAME=ID`.
fn named_account(text: &str) -> Result<(String, Option<AccountId>), String> {
    let (name, id) = match text.rsplit_once('=') {
        Some((name, id)) => (name, Some(id.parse().map_err(|error| format!("{id}: {error}"))?)),
        None => (text, None),
    };
    Ok((account_name(name)?, id))
}
