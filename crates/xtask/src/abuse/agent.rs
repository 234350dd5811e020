//! More incomplete requests to `wharf credentials serve` than it may open files.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::attack::Scale;
use super::client::{Client, Route};
use super::outcome::Check;
use super::server::ACCOUNT;
use super::site::Site;
use super::slots::{Occupant, hold};
use super::trial::millis;

const SOCKETS: u32 = 1100;
const MOST: Duration = Duration::from_secs(1);
const ROLE: &str = "node";

/// Creates the role.
pub(super) async fn prepare(site: &Site) -> Result<()> {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/honest")},
    }]});
    let trust = trust.to_string();
    let create = [("Action", "CreateRole"), ("RoleName", ROLE), ("AssumeRolePolicyDocument", trust.as_str())];
    site.iam(&create).await?.expect(200).map(drop)
}

/// The agent is asked for credentials five times a second, before and during the attack.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let (mut agent, address) = start(&site).await?;
    let authorization = fs::read_to_string(site.server.folder().join("agent-token"))?.trim().to_owned();
    let mut failures = Vec::new();
    let mut worst = Duration::ZERO;
    let route = Route { to: address, ..site.attack_route() };
    let attack = tokio::spawn(hold(route, SOCKETS, Occupant::HalfHead, scale.hold()));
    // By then the incomplete requests are open.
    sleep(Duration::from_secs(1)).await;
    while !attack.is_finished() {
        let start = Instant::now();
        let asked = ask(Route { to: address, ..site.honest_route() }, &authorization).await;
        worst = worst.max(start.elapsed());
        failures.extend(asked.err().map(|error| format!("{error:#}")));
        sleep(Duration::from_millis(200)).await;
    }
    agent.kill().await?;
    let first = failures.first().map_or("none failed", String::as_str);
    let seen = format!("at most {}, {} failed: {first}", millis(worst), failures.len());
    let what = format!("credentials come within 1 s beside {SOCKETS} half requests");
    Ok(vec![Check::new(what, failures.is_empty() && worst < MOST, seen)])
}

/// Starts the agent and reads its address.
async fn start(site: &Site) -> Result<(Child, SocketAddr)> {
    let folder = site.server.folder();
    let (key, host) = (&site.honest.key, &site.host);
    let file = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    fs::write(folder.join("agent-key"), file)?;
    let mut agent = Command::new("/bin/sh");
    agent.args(["-c", "ulimit -n 1024 && exec \"$@\"", "sh"]).arg(site.server.binary());
    agent.args(["credentials", "serve", "--listen", "127.0.0.1:0", "--authorization-token-file"]);
    agent.arg(folder.join("agent-token")).arg("--access-key-file").arg(folder.join("agent-key"));
    agent.args(["--role-arn", &format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}")]);
    agent.args(["--endpoint", &format!("http://{host}"), "--region", "us-east-1"]);
    agent.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = agent.spawn().context("cannot start the agent")?;
    let stdout = child.stdout.take().context("the agent has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        let Some((_, rest)) = line.split_once("FULL_URI=http://") else { continue };
        let address = rest.split('/').next().unwrap_or_default().parse()?;
        return Ok((child, address));
    }
    anyhow::bail!("the agent does not say where it listens")
}

async fn ask(route: Route, authorization: &str) -> Result<()> {
    let request = Request::builder().method(Method::GET).uri(format!("http://{}/v1/credentials", route.to));
    let request = request.header(header::AUTHORIZATION, authorization).body(Bytes::new())?;
    Client::new(route).ask(request).await?.expect(200).map(drop)
}
