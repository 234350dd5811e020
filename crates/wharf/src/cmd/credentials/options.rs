//! The options of both commands, and their help.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, value_parser};

use crate::aws_client::{Connection, access_key_of_file};
use crate::node_identity::source::{Proof, Role, Sts};

pub(super) const PROCESS_HELP: &str = "\
The credentials are cached in a private file and printed again until it is time for new ones. If the server is not
reachable at that time, the cached credentials are printed until they expire.

In ~/.aws/config, for a node with an access key that can only assume the role:
  [default]
  region = eu-central-1
  endpoint_url = https://wharf.example.org
  credential_process = wharf credentials process --role-arn arn:aws:iam::111122223333:role/node \\
    --access-key-file /etc/wharf/node-key
(on one line). /etc/wharf/node-key has the format of ~/.aws/credentials. For a pod, with its service account token:
  wharf credentials process --role-arn arn:aws:iam::111122223333:role/puller \\
    --web-identity-token-file /var/run/secrets/sts/token --endpoint https://wharf.example.org";

pub(super) const SERVE_HELP: &str = "\
Choose at least one endpoint:
  --authorization-token-file FILE   for users who can read FILE; it is created if it does not exist
  --imds                            for all users who can reach the address, as on EC2 (version 2 only)
The credentials are renewed before they expire. If the server is not reachable, the current credentials are served until
they expire.

Environment for the software:
  AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1338/v1/credentials
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/run/wharf-credentials/token
or, with --imds:
  AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1338

A systemd unit; only systemd reads the file with the key, as root:
  [Service]
  DynamicUser=yes
  RuntimeDirectory=wharf-credentials
  LoadCredential=key:/etc/wharf/node-key
  Environment=AWS_ENDPOINT_URL=https://wharf.example.org AWS_REGION=eu-central-1
  ExecStart=/usr/local/bin/wharf credentials serve --imds --access-key-file ${CREDENTIALS_DIRECTORY}/key \\
    --role-arn arn:aws:iam::111122223333:role/node
  Restart=always

kubelet's ecr-credential-provider, in the CredentialProviderConfig:
  providers:
  - name: ecr-credential-provider
    env:
    - {name: AWS_EC2_METADATA_SERVICE_ENDPOINT, value: 'http://127.0.0.1:1338'}
    - {name: AWS_REGION, value: eu-central-1}

Examples:
  wharf credentials serve --imds --role-arn arn:aws:iam::111122223333:role/node --access-key-file /etc/wharf/node-key
  wharf credentials serve --authorization-token-file ./token --role-arn arn:aws:iam::111122223333:role/puller \\
    --web-identity-token-file /var/run/secrets/sts/token";

/// The role, and the credentials with which to assume it.
#[derive(Args)]
pub(crate) struct Wanted {
    /// The ARN of the role.
    #[arg(long, env = "AWS_ROLE_ARN", value_name = "ARN")]
    role_arn: String,
    /// Assume the role with the web identity token in this file; it is read again each time.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "FILE")]
    web_identity_token_file: Option<PathBuf>,
    /// Assume the role with the access key in this file, which has the format of ~/.aws/credentials. Without either file,
    /// the access key of the environment or the profile is used.
    #[arg(long, value_name = "FILE")]
    access_key_file: Option<PathBuf>,
    /// The name of the session in policies and logs [default: the name of this machine].
    #[arg(long, env = "AWS_ROLE_SESSION_NAME", value_name = "NAME")]
    role_session_name: Option<String>,
    /// The duration of each session; the role may have a lower maximum.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = value_parser!(u32).range(900..=43200))]
    duration_seconds: u32,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct Process {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// The folder of the cache [default: $XDG_CACHE_HOME/wharf/credentials, ~/.cache/wharf/credentials].
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Do not use a cache: call the server each time.
    #[arg(long)]
    pub(super) no_cache: bool,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("way").required(true).multiple(true))]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// The address and port to listen on; port 0 means a free port.
    #[arg(long, default_value = "127.0.0.1:1338", value_name = "ADDR:PORT")]
    pub(super) listen: SocketAddr,
    /// Serve the container credentials endpoint to clients that send the token in this file.
    #[arg(long, value_name = "FILE", group = "way")]
    pub(super) authorization_token_file: Option<PathBuf>,
    /// Serve EC2's instance metadata, version 2, to clients that can reach the address.
    #[arg(long, group = "way")]
    pub(super) imds: bool,
    /// Allow an address that other machines can reach.
    #[arg(long)]
    pub(super) allow_remote: bool,
    /// How many routers an answer may pass, if other machines can reach the address.
    #[arg(long, default_value = "1", value_name = "HOPS", value_parser = value_parser!(u8).range(1..=64))]
    pub(super) hop_limit: u8,
}

impl Wanted {
    /// The client of STS that assumes the role.
    pub(super) fn sts(self) -> anyhow::Result<Sts> {
        let proof = match (self.access_key_file, self.web_identity_token_file) {
            (Some(file), _) => {
                Proof::AccessKey(access_key_of_file(&file, self.connection.profile.as_deref())?)
            }
            (None, Some(file)) => Proof::WebIdentity(file),
            (None, None) => Proof::AccessKey(self.connection.access_key()?.context(
                "give --web-identity-token-file or --access-key-file, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY",
            )?),
        };
        let role = Role {
            arn: self.role_arn,
            session_name: self.role_session_name.unwrap_or_else(machine_name),
            duration_seconds: self.duration_seconds,
        };
        Sts::new(role, proof, &self.connection)
    }
}

/// The name of this machine, reduced to the characters that a session name may have (STS API reference,
/// `RoleSessionName`).
fn machine_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_allowed = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    let name: String = name.trim().chars().filter(is_allowed).take(64).collect();
    if name.len() < 2 { "wharf".to_owned() } else { name }
}
