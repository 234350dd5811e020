//! `wharf policy explain`, on a running server or on a store.

use std::net::Ipv4Addr;

use access::context::Peer;
use anyhow::bail;
use aws::iam::{ContextEntry, ContextKeyTypeEnum, WharfExplainAccessRequest};
use clap::Args;
use jiff::Timestamp;

use crate::aws_client::{Connection, Service};
use crate::cmd::say;
use crate::cmd::store::Store;

#[derive(Args)]
pub(crate) struct Explain {
    /// The principal: the ARN of a user, a role, a role's session, or the root of an account.
    #[arg(long, value_name = "ARN")]
    principal: String,
    /// The action, such as ecr:BatchGetImage.
    #[arg(long, value_name = "ACTION")]
    action: String,
    /// The resource: the ARN of a repository or a role; '*' for actions without a resource.
    #[arg(long, value_name = "ARN")]
    resource: String,
    /// A condition key of the request; can be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = context_entry)]
    context: Vec<ContextEntry>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    store: Store,
}

fn context_entry(text: &str) -> Result<ContextEntry, String> {
    let (name, value) = text.split_once('=').ok_or("give KEY=VALUE, such as aws:SourceIp=10.0.0.1")?;
    Ok(ContextEntry {
        context_key_name: Some(name.to_owned()),
        context_key_values: vec![value.to_owned()],
        context_key_type: Some(ContextKeyTypeEnum::String),
    })
}

pub(super) async fn run(options: Explain) -> anyhow::Result<()> {
    let Explain { principal, action, resource, context, connection, store } = options;
    let Some(opened) = store.open().await? else {
        let numbered = context.iter().enumerate().flat_map(|(at, entry)| {
            let part = |member: &str| format!("ContextEntries.member.{}.{member}", at + 1);
            let value = entry.context_key_values.first().cloned().unwrap_or_default();
            [
                (part("ContextKeyName"), entry.context_key_name.clone().unwrap_or_default()),
                (part("ContextKeyValues.member.1"), value),
                (part("ContextKeyType"), "string".to_owned()),
            ]
        });
        let entries: Vec<(String, String)> = numbered.collect();
        let asked = [
            ("PrincipalArn", principal.as_str()),
            ("ActionName", action.as_str()),
            ("ResourceArn", resource.as_str()),
        ];
        let more = entries.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parameters: Vec<(&str, &str)> = asked.into_iter().chain(more).collect();
        let answer = connection.open()?.query(Service::Iam, "WharfExplainAccess", &parameters).await?;
        return say(&answer.require("Explanation")?);
    };
    if connection.endpoint.is_some() || connection.profile.is_some() {
        bail!("--data-dir and --config open a store: remove --endpoint and --profile");
    }
    if opened.database.is_some() {
        bail!("the database of the resource is found without --database: remove it");
    }
    let asked = WharfExplainAccessRequest {
        principal_arn: principal,
        action_name: action,
        resource_arn: resource,
        context_entries: context,
    };
    let peer = Peer { address: Ipv4Addr::LOCALHOST.into(), tls: false };
    say(&opened.deployment.identity.explain_access(asked, peer, Timestamp::now()).await?.explanation)
}
