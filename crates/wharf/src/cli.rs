//! The command line. Its help is what most users read first, so each command says what it does and shows how.

use std::net::SocketAddr;
use std::path::PathBuf;

use aws::ids::{AccountId, Region};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cmd::account::{AccountCommand, account_name};
use crate::cmd::credentials::CredentialsCommand;
use crate::cmd::oidc::OidcCommand;
use crate::cmd::policy::PolicyCommand;

/// Amazon ECR that you can run yourself: docker push and pull, and the ECR API, from one binary.
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
    /// Kill the process at a named point (`name` or `name:count`). For crash tests.
    #[arg(long, global = true, hide = true)]
    pub(crate) fault: Option<String>,
}

/// How the log looks. It goes to standard error; standard output is for what you paste.
#[derive(Args)]
pub(crate) struct Logging {
    /// Text for people or JSON for machines; by default text on a terminal and JSON elsewhere.
    #[arg(long, global = true, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
    /// What is logged: a level (`error`, `warn`, `info`, `debug`) or directives such as `info,wharf::access=off`.
    #[arg(long, global = true, env = "WHARF_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
}

/// Every setting, with what it is when it is not set. A test reads the file shown here.
pub(crate) const SERVE_HELP: &str = r#"Only data_dir and server.listen must be set. Each setting can also come from the environment, with __ between
section and name: WHARF__SERVER__LISTEN=0.0.0.0:443 sets `listen` of [server].

  data_dir = "/var/lib/wharf"              # lock, master key and, with SQLite, everything else
  master_key_file = "/etc/wharf/key"       # seals secrets at rest [data_dir/master.key]
  region = "eu-central-1"                  # of hosts that name no registry [us-east-1]

  [bootstrap]                              # the first account and its administrator, made once
  account_id = "123456789012"              # the key: data_dir/first-credentials.toml

  [[accounts]]                             # another account, made where it is not there yet; one such part each
  id = "111122223333"
  name = "shared-tooling"

  [[vpc_endpoints]]                        # clients that come by a VPC endpoint, for aws:SourceVpce in policies [none]
  id = "vpce-1a2b3c4d"
  vpc = "vpc-1a2b3c4d"
  networks = ["10.1.0.0/16"]

  [server]
  listen = "0.0.0.0:443"
  public_suffix = "registry.example.org"   # ACCOUNT.dkr.ecr.REGION.<suffix>; "amazonaws.com" inside a closed network
  public_host = "localhost"                # in links, where no suffix is set
  public_port = 443                        # in links [the port listened on]
  scheme = "https"                         # in links [https with server.tls, else http]
  trusted_proxies = ["10.0.0.0/8"]         # whose X-Forwarded-For and -Proto are believed [none]
  drain_seconds = 30                       # how long transfers may go on after SIGTERM

  [server.tls]                             # PEM files, read again when they change; without them plain HTTP
  certificate = "/etc/wharf/chain.pem"
  key = "/etc/wharf/key.pem"

  [server.limits]
  max_connections = 4096
  max_header_bytes = 32768
  max_http2_streams = 200
  header_read_seconds = 75
  body_idle_seconds = 60
  memory_budget = "256MiB"                 # held for all clients together: bodies, answers, parts of blobs

  [metrics]
  listen = "127.0.0.1:9100"                # Prometheus, on /metrics [off]

  [database]
  url = "postgres://wharf@db/wharf"        # or sqlite:///path [sqlite, in data_dir]

  [blobs]
  path = "/srv/blobs"                      # [data_dir/blobs]

Example:
  wharf config check /etc/wharf.toml && wharf serve --config /etc/wharf.toml"#;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text for each event.
    Text,
    /// One JSON object for each event.
    Json,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a registry for development: no configuration, a key made on the first start.
    #[command(after_help = "\
The folder keeps the account, the key and everything pushed; the next start finds them again. The key belongs
to an IAM user with AdministratorAccess. To fix the key of a new folder, in CI for example, set
WHARF_DEV_ACCESS_KEY_ID and WHARF_DEV_SECRET_ACCESS_KEY.

Examples:
  wharf dev
  wharf dev --data-dir /tmp/registry --listen 127.0.0.1:0
  wharf dev --account-id 123456789012 --region eu-west-1
  wharf dev --account shared-tooling=111122223333 --account staging")]
    Dev(Dev),
    /// Print what a shell needs to talk to `wharf dev`: eval \"$(wharf env)\"
    #[command(after_help = "\
Only the endpoints of the services that Wharf serves are set, so that other AWS calls, to S3 for example, still
reach AWS.

Examples:
  eval \"$(wharf env)\"
  eval \"$(wharf env --data-dir /tmp/registry)\"")]
    Env(DataDir),
    /// Run a registry from a configuration file.
    #[command(after_long_help = SERVE_HELP)]
    Serve {
        /// The configuration file (TOML).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Work on configuration files.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Work on accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Get credentials of a role for a node or a pod, without a long-term key where its software runs.
    #[command(subcommand)]
    Credentials(CredentialsCommand),
    /// Work on OIDC providers.
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Ask what policies decide, and what is wrong with one.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the version.
    Version,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read a configuration file and the environment as `wharf serve` would, and tell what is wrong with it.
    #[command(after_help = "\
Nothing is made, opened or listened on; certificate files are read.

Example:
  wharf config check /etc/wharf.toml && systemctl restart wharf")]
    Check {
        /// The configuration file (TOML).
        file: PathBuf,
    },
}

/// Where a development registry lives.
#[derive(Args)]
pub(crate) struct DataDir {
    /// The folder that holds everything.
    #[arg(long, env = "WHARF_DATA_DIR", default_value = ".wharf", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args)]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) data_dir: DataDir,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:5100", value_name = "ADDR:PORT")]
    pub(crate) listen: SocketAddr,
    /// The account's id, 12 digits; random on the first start if not given.
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<AccountId>,
    /// The region [first start: us-east-1].
    #[arg(long)]
    pub(crate) region: Option<Region>,
    /// Another account, made where it is not there yet; may be given more than once.
    #[arg(long = "account", value_name = "NAME[=ID]", value_parser = named_account)]
    pub(crate) accounts: Vec<(String, Option<AccountId>)>,
}

/// `NAME` or `NAME=ID`.
fn named_account(text: &str) -> Result<(String, Option<AccountId>), String> {
    let (name, id) = match text.rsplit_once('=') {
        Some((name, id)) => (name, Some(id.parse().map_err(|error| format!("{id}: {error}"))?)),
        None => (text, None),
    };
    Ok((account_name(name)?, id))
}
