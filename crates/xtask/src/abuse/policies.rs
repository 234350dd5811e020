//! Many repository policies of the maximum size, in the form that uses most memory when compiled, each used once.

use std::sync::Arc;

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::attack::Scale;
use super::client::Client;
use super::outcome::Check;
use super::sign::Service;
use super::site::Site;
use crate::process;

/// The number of clients.
const CLIENTS: usize = 4;
/// Characters of a repository policy; the limit is 10,240.
const LENGTH: usize = 10_000;
/// The default of `memory_budget`; compiled policies have a share of it.
const BUDGET_MIB: u64 = 256;

/// Creates the repositories and their policies, and sends one request to each.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let (count, policy) = (scale.pick(600, 1000), policy());
    let before = process::memory_kib(site.server.pid(), "VmRSS")? / 1024;
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let (site, policy) = (Arc::clone(&site), policy.clone());
        clients.spawn(async move {
            let mut client = site.attacker();
            let mut kept = 0;
            for number in (first..count).step_by(CLIENTS) {
                kept += usize::from(put(&site, &mut client, number, &policy).await.is_ok());
            }
            kept
        });
    }
    let kept: usize = clients.join_all().await.into_iter().sum();
    let grown = (process::memory_kib(site.server.pid(), "VmRSS")? / 1024).saturating_sub(before);
    Ok(vec![
        Check::new(format!("{count} policies can be kept and asked for"), kept == count, kept.to_string()),
        Check::new(
            format!("{count} policies stay within the budget of {BUDGET_MIB} MiB"),
            grown < BUDGET_MIB,
            format!("grown by {grown} MiB"),
        ),
    ])
}

/// A policy with one statement and as many values as possible.
fn policy() -> String {
    let statement = |values: &[&str]| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage",
            "Condition": {"StringLike": {"aws:UserAgent": values}},
        }]})
        .to_string()
    };
    // A value has one character, two quotes and a comma.
    let count = (LENGTH - statement(&[]).len()) / 4;
    statement(&vec!["?"; count])
}

async fn put(site: &Site, client: &mut Client, number: usize, policy: &str) -> Result<()> {
    let name = format!("abuse/policies-{number}");
    let mut ask = async |operation: &str, body: Value| {
        let request = site.writer.key.json(&site.host, Service::Ecr, operation, body.to_string().into())?;
        client.ask(request).await?.expect(200)
    };
    ask("CreateRepository", json!({"repositoryName": name})).await?;
    ask("SetRepositoryPolicy", json!({"repositoryName": name, "policyText": policy})).await?;
    let request = site.data(&site.writer, Method::GET, &format!("/v2/{name}/manifests/latest"))?;
    client.ask(request).await?.expect(404).map(drop)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_policy_has_almost_the_maximum_size() {
        let policy = super::policy();
        assert!((super::LENGTH - 10..=super::LENGTH).contains(&policy.len()), "{}", policy.len());
    }
}
