//! A policy with a pattern for which a backtracking matcher would run for seconds, and requests with the text for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::attack::Scale;
use super::outcome::Check;
use super::server::ACCOUNT;
use super::sign::Service;
use super::site::Site;
use super::trial::millis;

/// The longest User-Agent that fits with the other headers.
const USER_AGENT: usize = 30_000;
/// Concurrent requests: more than processors.
const REQUESTS: usize = 6;
/// The pause between two rounds: a single decision must be cheap.
const PAUSE: Duration = Duration::from_millis(500);
const MOST: Duration = Duration::from_secs(1);

/// Sets the policy of the user, with the maximum size of managed policies.
pub(super) async fn prepare(site: &Site) -> Result<()> {
    let pattern = format!("*{}b*", "a?".repeat(2900));
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*",
        "Condition": {"StringLike": {"aws:UserAgent": pattern}},
    }]});
    let policy = policy.to_string();
    let create = [("Action", "CreatePolicy"), ("PolicyName", "pattern"), ("PolicyDocument", policy.as_str())];
    site.iam(&create).await?.expect(200)?;
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/pattern");
    let attach = [("Action", "AttachUserPolicy"), ("UserName", "powerless"), ("PolicyArn", &arn)];
    site.iam(&attach).await?.expect(200).map(drop)
}

/// Sends some requests at once, repeatedly for a while.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let (mut worst, mut statuses) = (Duration::ZERO, Vec::new());
    let end = Instant::now() + scale.hold();
    while Instant::now() < end {
        let mut requests = JoinSet::new();
        for _ in 0..REQUESTS {
            requests.spawn(ask(Arc::clone(&site)));
        }
        while let Some(outcome) = requests.join_next().await {
            let (took, status) = outcome.context("a request panicked")?;
            worst = worst.max(took);
            statuses.push(status.map_or_else(|error| format!("{error:#}"), |status| status.to_string()));
        }
        sleep(PAUSE).await;
    }
    statuses.sort();
    statuses.dedup();
    let seen = format!("at most {}, answers: {}", millis(worst), statuses.join(", "));
    Ok(vec![Check::new("a decision on a hard pattern takes less than 1 s", worst < MOST, seen)])
}

async fn ask(site: Arc<Site>) -> (Duration, Result<u16>) {
    let start = Instant::now();
    let request = async {
        let body = Bytes::from_static(b"{}");
        let mut request = site.powerless.key.json(&site.host, Service::Ecr, "DescribeRepositories", body)?;
        request.headers_mut().insert(header::USER_AGENT, "a".repeat(USER_AGENT).parse()?);
        Ok(site.attacker().ask(request).await?.status)
    };
    let status = request.await;
    (start.elapsed(), status)
}
