//! `wharf credentials serve`: the local agent.

use anyhow::bail;

use super::options::Serve;
use crate::cmd::env::quoted;
use crate::cmd::say;
use crate::descriptors;
use crate::node;
use crate::node_identity::agent::{Agent, Socket};
use crate::node_identity::keeper::{self, Kept};
use crate::node_identity::load_or_make_token;

pub(super) async fn run(options: Serve) -> anyhow::Result<()> {
    let is_local = options.listen.ip().is_loopback();
    if !is_local && !options.allow_remote {
        bail!(
            "other machines can reach {} and would get the role: add --allow-remote to allow this",
            options.listen.ip()
        );
    }
    descriptors::raise();
    let token_file = options.authorization_token_file.map(std::path::absolute).transpose()?;
    let authorization = token_file.as_deref().map(load_or_make_token).transpose()?;
    let sts = options.wanted.sts()?;
    let kept = Kept::default();
    let agent = Agent::new(sts.role(), sts.region(), kept.clone(), authorization, options.imds)?;
    let socket = Socket::open(options.listen, (!is_local).then_some(options.hop_limit)).await?;
    let address = socket.address()?;
    let mut lines = Vec::new();
    if let Some(file) = &token_file {
        lines.push(format!(
            "export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://{address}{}",
            Agent::CONTAINER_PATH
        ));
        let file = quoted(&file.display().to_string());
        lines.push(format!("export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={file}"));
    }
    if options.imds {
        lines.push(format!("export AWS_EC2_METADATA_SERVICE_ENDPOINT=http://{address}"));
    }
    let stop = node::stop_signal()?;
    say(&lines.join("\n"))?;
    let keeper = tokio::spawn(keeper::keep(sts, kept));
    socket.serve(agent, stop).await;
    keeper.abort();
    Ok(())
}
